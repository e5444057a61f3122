//! aiosmtpd, an SMTP server that others wrote, with TLS and login: what the emulator of mocks/ does not speak.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::venv::{Server, free_port, venv};

/// The versions that the tests were written against.
pub(super) const PACKAGES: [&str; 2] = ["aiosmtpd==1.4.6", "trustme==1.2.1"];

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
    pub(crate) port: u16,
    _server: Server,
    directory: tempfile::TempDir,
}

impl Aiosmtpd {
    /// Installs the server if need be and starts it on a free port of the loopback address; `mode` is `starttls` or `tls`.
    ///
    /// # Panics
    /// Python is missing, the packages cannot be installed, or the server does not start.
    pub(crate) fn start(mode: &str) -> Self {
        let venv = venv("aiosmtpd", &PACKAGES);
        let directory = tempfile::tempdir().expect("a directory");
        let addr = free_port();
        let mut command = Command::new(venv.join("bin/python"));
        command
            .args(["-W", "ignore", "-c", SERVER, mode, &addr.port().to_string()])
            .arg(directory.path())
            .args([USER, PASSWORD]);
        let ready = directory.path().join("ready");
        let server = Server::start(&mut command, &directory.path().join("log"), || ready.exists());
        TcpStream::connect(addr).expect("aiosmtpd listens");
        Self {
            port: addr.port(),
            _server: server,
            directory,
        }
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
