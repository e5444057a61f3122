//! Asks a program that serves a page on this machine's loopback address for something.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A neighbour that does not answer at once is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of an answer.
const ENOUGH: u64 = 4096;

/// Sends an empty JSON object to a path; gives whether the answer was 200.
///
/// # Errors
/// When nobody listens on that port, or it is somebody who does not speak HTTP.
pub async fn post(port: u16, path: &str) -> io::Result<bool> {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ENOUGH).read_to_end(&mut answer).await?;
        Ok(answer.starts_with(b"HTTP/1.1 200 "))
    };
    timeout(PATIENCE, ask)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
