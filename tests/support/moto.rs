//! A moto server: an EC2 that others wrote, to check our reading of the protocol against theirs.
//!
//! It lives in a virtual environment of its own under the target directory, made on first use, and is killed when the
//! handle is dropped, after a panic too. Without Python the tests fail: a check that skips itself is none.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The version that the tests were written against.
const MOTO: &str = "moto[ec2,server]==5.2.5";

/// Importing moto takes a few seconds, many more on a busy machine.
const START: Duration = Duration::from_secs(120);

/// A running server with an empty world.
pub(crate) struct Moto {
    child: Child,
    addr: SocketAddr,
}

impl Moto {
    /// Installs moto if need be and starts it on a free port of the loopback address.
    ///
    /// # Panics
    /// Python is missing, moto cannot be installed, or it does not start.
    pub(crate) fn start() -> Self {
        let venv = venv();
        let addr = free_port();
        let log = venv.join(format!("moto-{}.log", addr.port()));
        let output = File::create(&log).expect("the log of moto can be written");
        let child = Command::new(venv.join("bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", &addr.port().to_string()])
            .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output)
            .spawn()
            .expect("moto_server can be started");
        let mut moto = Self { child, addr };
        moto.wait_until_ready(&log);
        moto
    }

    /// The URL to give to clients as their endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    fn wait_until_ready(&mut self, log: &Path) {
        let begun = Instant::now();
        while !self.answers() {
            let said = || fs::read_to_string(log).unwrap_or_default();
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("moto_server ended with {status}: {}", said());
            }
            assert!(begun.elapsed() < START, "moto_server does not start: {}", said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&self.addr, Duration::from_secs(1)) else {
            return false;
        };
        let asked = stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .and_then(|()| stream.write_all(b"GET /moto-api/data.json HTTP/1.0\r\nHost: localhost\r\n\r\n"));
        let mut reply = String::new();
        asked.is_ok() && stream.read_to_string(&mut reply).is_ok() && reply.contains(" 200 ")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Nothing more can be done about a child that cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a listener has an address")
}

/// The virtual environment with moto in it.
fn venv() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory lies in the target directory");
    let venv = target.join("moto-venv");
    fs::create_dir_all(&venv).expect("the target directory can be written");
    // Test binaries run side by side; one installs, the others wait for it.
    let lock = File::create(venv.join("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    let installed = venv.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|version| version == MOTO) {
        return venv;
    }
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
        "the tests against moto need python3 with its venv module on the PATH (Debian: apt install python3-venv)",
    );
    run(
        Command::new(venv.join("bin/python")).args(["-m", "pip", "install", "--quiet", MOTO]),
        "moto could not be installed: is a package index within reach?",
    );
    fs::write(&installed, MOTO).expect("the mark of the installation can be written");
    venv
}

fn run(command: &mut Command, need: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{need}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{need}: {said}");
}
