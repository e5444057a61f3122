//! What the server knows between conversations: how it is set up, which answers are planted, and its mail.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::faults::Script;

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    /// User name and password that `AUTH` must give; `None`: there is no `AUTH`.
    pub login: Option<(String, String)>,
    /// Whether mail is taken only after `AUTH`.
    pub auth_required: bool,
    /// The ways to log in that are offered, parted by spaces. Only `PLAIN` and `LOGIN` can be used.
    pub mechanisms: &'static str,
    /// When a client hears 504 that named itself by less than a full host name or an address in brackets.
    pub strict_hello: StrictHello,
    /// The largest message that is taken, in bytes.
    pub max_size: usize,
    /// The most recipients of a message.
    pub max_recipients: usize,
}

/// When a server refuses a client whose name has no dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictHello {
    /// It takes any name.
    Never,
    /// At once.
    AtHello,
    /// At each recipient, as Postfix does unless `smtpd_delay_reject` is off.
    AtRecipient,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            login: None,
            auth_required: false,
            mechanisms: "PLAIN LOGIN",
            strict_hello: StrictHello::Never,
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
    /// How the client named itself.
    pub hello: String,
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
pub(super) struct Planted {
    pub(super) stage: Stage,
    /// The address it is about; `None`: every one.
    pub(super) address: Option<String>,
    /// How often it is still given; `None`: always.
    pub(super) left: Option<u64>,
    pub(super) code: u16,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: SmtpOptions,
    pub(super) script: Script,
    pub(super) messages: Mutex<Vec<Message>>,
    pub(super) planted: Mutex<Vec<Planted>>,
}

impl Shared {
    /// The answer planted for a stage, and for an address where the stage has one.
    pub(super) fn planted(&self, stage: Stage, address: Option<&str>) -> Option<(u16, String)> {
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

/// What the mutex holds, even if somebody who held it panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
