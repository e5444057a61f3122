//! An SMTP server that keeps what it is given, and can be as unhelpful as real ones are.
//!
//! It insists on the protocol: commands in order, CRLF line ends, lengths within their limits. There is no TLS.
//! Faults of the wire (hang, reset) come from the [`Script`], by stage; answers of the server's own (a recipient
//! refused for good, a mailbox that is full today) are planted with [`SmtpEmulator::answer`].

mod line;
mod mailbox;
mod session;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::faults::Script;
pub use mailbox::{Message, SmtpOptions, Stage, StrictHello};
use mailbox::{Planted, Shared, lock};

/// The emulator, running until it is dropped.
#[derive(Debug)]
pub struct SmtpEmulator {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

impl SmtpEmulator {
    /// Starts on a free port of the loopback address.
    pub async fn start(options: SmtpOptions) -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), options).await
    }

    /// Starts on the given address.
    pub async fn start_on(addr: SocketAddr, options: SmtpOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            options,
            script: Script::new(),
            messages: Mutex::default(),
            planted: Mutex::default(),
        });
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let task = Some(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Ok(Self { addr, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL to give to clients, without login.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.addr)
    }

    /// The messages taken so far, in order, those included of which the client never heard.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.shared.messages).clone()
    }

    /// How many messages were taken so far.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.shared.messages).len()
    }

    /// Empties the mailbox.
    pub fn forget_messages(&self) {
        lock(&self.shared.messages).clear();
    }

    /// Rules, hooks and log by [`Stage::method`]. `Hang`, `ResetBefore` and `ResetAfter` act as they say (after
    /// `smtp.DOT`: accepted, but the client never hears of it); `Throttle` answers 421 and hangs up, `Status` answers
    /// its code, `Unauthorized` 535, `Forbidden` 550; the others are of HTTP and act like `ResetBefore`.
    #[must_use]
    pub fn script(&self) -> Script {
        self.shared.script.clone()
    }

    /// Plants an answer at a stage, for one address or (`None`) all, the next `times` times or (`None`) always. One
    /// with code 421 also hangs up.
    pub fn answer(&self, stage: Stage, address: Option<&str>, times: Option<u64>, code: u16, text: &str) {
        lock(&self.shared.planted).push(Planted {
            stage,
            address: address.map(str::to_owned),
            left: times,
            code,
            text: text.to_owned(),
        });
    }

    /// Forgets all planted answers.
    pub fn clear_answers(&self) {
        lock(&self.shared.planted).clear();
    }

    /// Closes the port and all connections: clients are refused until [`SmtpEmulator::resume`].
    pub async fn refuse_connections(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // The port is closed only once the task is gone.
            let _ = task.await;
        }
    }

    /// Listens again, on the same port.
    pub async fn resume(&mut self) -> io::Result<()> {
        if self.task.is_none() {
            let listener = TcpListener::bind(self.addr).await?;
            self.task = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        }
        Ok(())
    }
}

impl Drop for SmtpEmulator {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task when the emulator is, which ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(session::converse(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
