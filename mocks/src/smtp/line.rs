//! Reading lines as the protocol has them: ended by CRLF, of bounded length, never by a bare LF or CR.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The longest command line, CRLF included (RFC 5321, 4.5.3.1.4).
pub(super) const MAX_COMMAND: usize = 512;
/// The longest line of a message, CRLF included (RFC 5321, 4.5.3.1.6).
pub(super) const MAX_TEXT: usize = 1000;
/// The longest line of an `AUTH` exchange (RFC 4954, 4).
pub(super) const MAX_AUTH: usize = 12_288;

/// What a line can turn out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A good line, without its CRLF.
    Good(Vec<u8>),
    /// A line that is longer than it may be.
    TooLong,
    /// A line that ends in a bare LF, or has a bare CR in it.
    BareEnd,
    /// The client has gone.
    Closed,
}

/// Reads one line of at most `max` bytes.
pub(super) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), max: usize) -> Line {
    let mut bytes = Vec::new();
    let mut bounded = reader.take(max as u64 + 1);
    match bounded.read_until(b'\n', &mut bytes).await {
        Ok(0) | Err(_) => return Line::Closed,
        Ok(_) => {}
    }
    if bytes.len() > max {
        return Line::TooLong;
    }
    let Some(text) = bytes.strip_suffix(b"\n") else {
        return Line::Closed;
    };
    match text.strip_suffix(b"\r") {
        Some(text) if !text.contains(&b'\r') => Line::Good(text.to_vec()),
        _ => Line::BareEnd,
    }
}
