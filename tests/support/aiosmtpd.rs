//! aiosmtpd, an SMTP server that others wrote, with TLS and login: what the emulator of mocks/ does not speak.
//!
//! It lives in a virtual environment of its own under the target directory, made on first use, and is killed when the
//! handle is dropped, after a panic too. Without Python the tests fail: a check that skips itself is none.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The versions that the tests were written against.
const PACKAGES: [&str; 2] = ["aiosmtpd==1.4.6", "trustme==1.2.1"];

const START: Duration = Duration::from_secs(120);

pub(crate) const USER: &str = "fleet@example.com";
pub(crate) const PASSWORD: &str = "correct horse: battery/staple";

/// Keeps each message that it takes as a line of JSON. Nobody gets in without TLS and without login.
const SERVER: &str = r#"
import json, ssl, sys, time
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

mode, port, directory, user, password = sys.argv[1:]
authority = trustme.CA()
authority.cert_pem.write_to_path(directory + "/ca.pem")
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
authority.issue_cert("localhost").configure_cert(context)

class Keep:
    async def handle_DATA(self, server, session, envelope):
        line = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "data": envelope.content.decode(),
                "user": session.auth_data.login.decode() if session.auth_data else None,
                "tls": server.transport.get_extra_info("ssl_object") is not None}
        with open(directory + "/mail.jsonl", "a") as out:
            out.write(json.dumps(line) + "\n")
        return "250 taken"

def check(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
    return AuthResult(success=good, handled=False, auth_data=data)

shared = dict(hostname="127.0.0.1", port=int(port), authenticator=check, auth_required=True)
if mode == "starttls":
    Controller(Keep(), tls_context=context, require_starttls=True, **shared).start()
else:
    Controller(Keep(), ssl_context=context, auth_require_tls=False, **shared).start()
open(directory + "/ready", "w").close()
while True:
    time.sleep(60)
"#;

/// A running server with an empty mailbox.
pub(crate) struct Aiosmtpd {
    child: Child,
    pub(crate) port: u16,
    directory: tempfile::TempDir,
}

impl Aiosmtpd {
    /// Installs the server if need be and starts it on a free port of the loopback address; `mode` is `starttls` or `tls`.
    ///
    /// # Panics
    /// Python is missing, the packages cannot be installed, or the server does not start.
    pub(crate) fn start(mode: &str) -> Self {
        let venv = venv();
        let directory = tempfile::tempdir().expect("a directory");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        drop(listener);
        let log = directory.path().join("log");
        let output = File::create(&log).expect("the log can be written");
        let child = Command::new(venv.join("bin/python"))
            .args(["-W", "ignore", "-c", SERVER, mode, &port.to_string()])
            .arg(directory.path())
            .args([USER, PASSWORD])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output)
            .spawn()
            .expect("python can be started");
        let mut server = Self { child, port, directory };
        server.wait_until_ready(&log);
        server
    }

    fn wait_until_ready(&mut self, log: &Path) {
        let begun = Instant::now();
        while !self.directory.path().join("ready").exists() {
            let said = || fs::read_to_string(log).unwrap_or_default();
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("aiosmtpd ended with {status}: {}", said());
            }
            assert!(begun.elapsed() < START, "aiosmtpd does not start: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        TcpStream::connect(addr).expect("aiosmtpd listens");
    }

    /// The certificate to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// What it has taken: `from`, `to`, `data`, `user`, `tls`.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.directory.path().join("mail.jsonl")).unwrap_or_default();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

impl Drop for Aiosmtpd {
    fn drop(&mut self) {
        // Nothing more can be done about a child that cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn venv() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory lies in the target directory");
    let venv = target.join("aiosmtpd-venv");
    fs::create_dir_all(&venv).expect("the target directory can be written");
    // Test binaries run side by side; one installs, the others wait for it.
    let lock = File::create(venv.join("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    let installed = venv.join("installed");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&installed).is_ok_and(|version| version == wanted) {
        return venv;
    }
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
        "the tests against aiosmtpd need python3 with its venv module on the PATH (Debian: apt install python3-venv)",
    );
    run(
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(PACKAGES),
        "aiosmtpd could not be installed: is a package index within reach?",
    );
    fs::write(&installed, wanted).expect("the mark of the installation can be written");
    venv
}

fn run(command: &mut Command, need: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{need}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{need}: {said}");
}
