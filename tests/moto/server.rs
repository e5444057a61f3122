//! A moto server: an EC2 that others wrote, to check our reading of the protocol against theirs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::venv::{Server, free_port, venv};

/// The version that the tests were written against.
pub(crate) const MOTO: &str = "moto[ec2,server]==5.2.5";

/// A running server with an empty world.
pub(crate) struct Moto {
    addr: SocketAddr,
    _server: Server,
}

impl Moto {
    /// Installs moto if need be and starts it on a free port of the loopback address.
    ///
    /// # Panics
    /// Python is missing, moto cannot be installed, or it does not start.
    pub(crate) fn start() -> Self {
        let venv = venv("moto", &[MOTO]);
        let addr = free_port();
        let mut command = Command::new(venv.join("bin/moto_server"));
        command
            .args(["-H", "127.0.0.1", "-p", &addr.port().to_string()])
            .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false");
        let log = venv.join(format!("moto-{}.log", addr.port()));
        let server = Server::start(&mut command, &log, || answers(addr));
        Self { addr, _server: server }
    }

    /// The URL to give to clients as their endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }
}

fn answers(addr: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&addr, Duration::from_secs(1)) else {
        return false;
    };
    let asked = stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .and_then(|()| stream.write_all(b"GET /moto-api/data.json HTTP/1.0\r\nHost: localhost\r\n\r\n"));
    let mut reply = String::new();
    asked.is_ok() && stream.read_to_string(&mut reply).is_ok() && reply.contains(" 200 ")
}
