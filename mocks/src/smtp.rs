//! An SMTP server that keeps what it is given, and can be as unhelpful as real ones are.
//!
//! It insists on the protocol: commands in order, CRLF line ends, lengths within their limits. There is no TLS.
//! Faults of the wire (hang, reset) come from the [`Script`], by stage; answers of the server's own (a recipient
//! refused for good, a mailbox that is full today) are planted with [`SmtpEmulator::answer`].

mod line;
mod session;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::faults::Script;

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    /// User name and password that `AUTH` must give; `None`: there is no `AUTH`.
    pub login: Option<(String, String)>,
    /// Whether mail is taken only after `AUTH`.
    pub auth_required: bool,
    /// The largest message that is taken, in bytes.
    pub max_size: usize,
    /// The most recipients of a message.
    pub max_recipients: usize,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            login: None,
            auth_required: false,
            max_size: 10 * 1024 * 1024,
            max_recipients: 100,
        }
    }
}

/// A message that the server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Address in `MAIL FROM`; empty for the null sender.
    pub from: String,
    /// Addresses in the `RCPT TO` that were accepted.
    pub to: Vec<String>,
    /// Header and body as sent, dots unstuffed, with CRLF line ends.
    pub data: Vec<u8>,
    /// The user who was logged in.
    pub user: Option<String>,
}

impl Message {
    /// The data as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }
}

/// A point of the conversation at which an answer can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first line of the server.
    Greeting,
    /// `EHLO` or `HELO`.
    Hello,
    /// `AUTH`.
    Auth,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`, before the message.
    Data,
    /// The dot that ends the message.
    Dot,
}

impl Stage {
    /// The method's name in the script's rules and log, such as `smtp.RCPT`.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Greeting => "smtp.CONNECT",
            Self::Hello => "smtp.EHLO",
            Self::Auth => "smtp.AUTH",
            Self::Mail => "smtp.MAIL",
            Self::Rcpt => "smtp.RCPT",
            Self::Data => "smtp.DATA",
            Self::Dot => "smtp.DOT",
        }
    }
}

/// An answer of the server's own, given instead of the good one.
#[derive(Debug, Clone)]
struct Planted {
    stage: Stage,
    /// The address it is about; `None`: every one.
    address: Option<String>,
    /// How often it is still given; `None`: always.
    left: Option<u64>,
    code: u16,
    text: String,
}

#[derive(Debug)]
struct Shared {
    options: SmtpOptions,
    script: Script,
    messages: Mutex<Vec<Message>>,
    planted: Mutex<Vec<Planted>>,
}

impl Shared {
    /// The answer planted for a stage, and for an address where the stage has one.
    fn planted(&self, stage: Stage, address: Option<&str>) -> Option<(u16, String)> {
        let mut planted = lock(&self.planted);
        let found = planted.iter_mut().find(|answer| {
            let about = answer.address.as_deref();
            let fits = about.is_none_or(|about| address.is_some_and(|address| address.eq_ignore_ascii_case(about)));
            answer.stage == stage && fits && answer.left != Some(0)
        })?;
        if let Some(left) = &mut found.left {
            *left -= 1;
        }
        Some((found.code, found.text.clone()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
