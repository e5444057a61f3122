//! What a conversation has come to.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::smtp::mailbox::Shared;

/// Whether the conversation goes on.
pub(super) type Flow = ControlFlow<()>;

/// A conversation with one client.
pub(super) struct Session {
    pub(super) stream: BufReader<TcpStream>,
    pub(super) shared: Arc<Shared>,
    /// How the client named itself, once it did.
    pub(super) hello: Option<String>,
    pub(super) user: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
}

impl Session {
    pub(super) fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        Self {
            stream: BufReader::new(stream),
            shared,
            hello: None,
            user: None,
            from: None,
            to: Vec::new(),
        }
    }
}
