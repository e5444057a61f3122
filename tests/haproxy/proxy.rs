//! A HAProxy that others wrote, whose backend a script keeps to the servers with the role `active`, and somebody who asks it all
//! the time.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetsheet_mocks::cloud::{ACCESS_KEY, SECRET_KEY};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::debian::Program;
use crate::stage::{REGION, Stage};
use crate::venv::{Server, free_port, venv};

/// How many ask at once.
const ASKERS: usize = 4;
/// A pause between two questions of one asker.
const PAUSE: Duration = Duration::from_millis(5);

/// The proxy, and the script that follows the tags.
pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    _haproxy: Server,
    _follower: Server,
}

impl Proxy {
    /// Starts both before servers `(id, address)` of a channel, and waits until the active ones are let in.
    pub(crate) fn start(program: &Program, stage: &Stage, channel: &str, servers: &[(String, SocketAddr)]) -> Self {
        let addr = free_port();
        let socket = stage.path("haproxy.sock");
        let lines: Vec<String> = servers
            .iter()
            .map(|(id, addr)| format!("  server {id} {addr} disabled\n"))
            .collect();
        // Without retries a server that refuses is seen.
        let config = format!(
            "global\n  stats socket {socket} level admin\ndefaults\n  mode http\n  retries 0\n  timeout connect 5s\n  \
             timeout client 20s\n  timeout server 20s\nfrontend users\n  bind {addr}\n  default_backend servers\n\
             backend servers\n  balance roundrobin\n{}",
            lines.concat(),
            socket = socket.display(),
        );
        let file = stage.path("haproxy.cfg");
        fs::write(&file, config).expect("the configuration can be written");
        let mut command = program.command();
        command.arg("-db").arg("-f").arg(&file);
        let haproxy = Server::start(&mut command, &stage.path("haproxy.log"), || socket.exists());
        let log = stage.path("follower.log");
        let ready = || fs::read_to_string(&log).is_ok_and(|said| said.contains("ready"));
        let follower = Server::start(&mut follower(stage, channel, &socket), &log, ready);
        Self {
            addr,
            _haproxy: haproxy,
            _follower: follower,
        }
    }
}

fn follower(stage: &Stage, channel: &str, socket: &Path) -> Command {
    let python = venv("moto", &[crate::moto::server::MOTO]).join("bin/python");
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/haproxy/follow.py"))
        .args(["--endpoint", &stage.cloud.endpoint(), "--region", REGION])
        .args(["--channel-tag", "ReleaseChannel", "--channel", channel])
        .args(["--role-tag", "ReleaseRole", "--backend", "servers", "--socket"])
        .arg(socket)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    command
}

/// Answers, by status and body.
pub(crate) type Answers = BTreeMap<(u16, String), usize>;

/// Those who ask until they are dropped.
pub(crate) struct Load {
    answers: Arc<Mutex<Answers>>,
    _askers: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(addr: SocketAddr) -> Self {
        let answers = Arc::<Mutex<Answers>>::default();
        let mut askers = JoinSet::new();
        for _ in 0..ASKERS {
            let answers = Arc::clone(&answers);
            askers.spawn(async move {
                loop {
                    // What cannot even be asked is an answer too.
                    let answer = ask(addr).await.unwrap_or_else(|error| (0, error.to_string()));
                    *answers.lock().expect("answers").entry(answer).or_default() += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Self {
            answers,
            _askers: askers,
        }
    }

    /// What was answered since the last look.
    pub(crate) fn take(&self) -> Answers {
        std::mem::take(&mut *self.answers.lock().expect("answers"))
    }
}

/// Asks once, over a connection of its own.
async fn ask(addr: SocketAddr) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(addr).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: fleet\r\nConnection: close\r\n\r\n")
        .await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status.unwrap_or(0), body.to_owned()))
}
