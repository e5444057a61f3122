//! What the client hears: the good answer, or what the script or a planted answer has in its place.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt as _;

use super::state::{Flow, Session};
use crate::faults::{Fault, Ticket};
use crate::smtp::line::{Line, MAX_AUTH, read_line};
use crate::smtp::mailbox::Stage;

/// The fate of a stage: whether it is done at all, and what the client hears.
pub(super) struct Verdict {
    pub(super) ticket: Ticket,
    /// The planted or scripted answer in place of the good one; nothing takes effect.
    pub(super) instead: Option<(u16, String)>,
}

impl Session {
    /// Asks for one more line of an `AUTH` exchange; `None` if it is no base64, the client's `*` included.
    pub(super) async fn ask(&mut self, challenge: &str) -> Option<String> {
        if self.say(334, challenge).await.is_break() {
            return None;
        }
        match read_line(&mut self.stream, MAX_AUTH).await {
            Line::Good(line) => decode(std::str::from_utf8(&line).ok()?),
            _ => None,
        }
    }

    /// Consults the script, then the planted answers. A scripted fault comes first.
    pub(super) async fn judge(&self, stage: Stage, address: Option<&str>) -> Verdict {
        let ticket = self.shared.script.begin(stage.method()).await;
        let instead = match ticket.fault {
            None => self.shared.planted(stage, address),
            Some(Fault::Throttle) => Some((421, "4.7.0 Try again later".to_owned())),
            Some(Fault::Status(code)) => Some((code, "As the script has it".to_owned())),
            Some(Fault::Unauthorized) => Some((535, "5.7.8 Authentication credentials invalid".to_owned())),
            Some(Fault::Forbidden) => Some((550, "5.7.1 Not permitted".to_owned())),
            Some(_) => None,
        };
        Verdict { ticket, instead }
    }

    /// Answers as judged and tells whether the stage took effect.
    pub(super) async fn conclude(&mut self, verdict: Verdict, good: u16, text: &str) -> (Flow, bool) {
        let Verdict { ticket, instead } = verdict;
        let fault = ticket.fault;
        if let Some((code, text)) = instead {
            let flow = self.say(code, &text).await;
            ticket.finish(code);
            let flow = if code == 421 { Flow::Break(()) } else { flow };
            return (flow, false);
        }
        match fault {
            None => {
                ticket.finish(good);
                (self.say(good, text).await, true)
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(fault) => {
                ticket.finish(0);
                (Flow::Break(()), fault == Fault::ResetAfter)
            }
        }
    }

    /// Ends the conversation over a line that is not one; the client hears why where it can.
    pub(super) async fn bad_line(&mut self, line: Line) -> Flow {
        let reason = match line {
            Line::TooLong => "Line too long",
            Line::BareEnd => "Lines end in CRLF",
            Line::Good(_) | Line::Closed => return Flow::Break(()),
        };
        // Where the next line would start is no longer certain, so the conversation ends.
        self.say(500, reason).await?;
        Flow::Break(())
    }

    /// Sends an answer; each line of the text becomes one of its lines.
    pub(super) async fn say(&mut self, code: u16, text: &str) -> Flow {
        let lines: Vec<&str> = text.split('\n').collect();
        let last = lines.len().saturating_sub(1);
        let mut answer = String::new();
        for (n, line) in lines.into_iter().enumerate() {
            let mark = if n == last { ' ' } else { '-' };
            answer.push_str(&format!("{code}{mark}{line}\r\n"));
        }
        match self.stream.get_mut().write_all(answer.as_bytes()).await {
            Ok(()) => Flow::Continue(()),
            Err(_) => Flow::Break(()),
        }
    }
}

/// What a strict server answers to a name that is neither a full host name nor an address in brackets.
pub(super) fn not_full(name: &str) -> Option<(u16, String)> {
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let full = match address.map(|inner| inner.strip_prefix("IPv6:").ok_or(inner)) {
        Some(Ok(six)) => six.parse::<Ipv6Addr>().is_ok(),
        Some(Err(four)) => four.parse::<Ipv4Addr>().is_ok(),
        None => {
            name.contains('.') && name.parse::<Ipv4Addr>().is_err() && !name.starts_with('.') && !name.ends_with('.')
        }
    };
    let refusal = format!("5.5.2 <{name}>: Helo command rejected: need fully-qualified hostname");
    (!full).then_some((504, refusal))
}

/// Base64 as `AUTH` has it; `None` if it is something else.
pub(super) fn decode(text: &str) -> Option<String> {
    // A lone "=" stands for an empty response.
    let text = if text == "=" { "" } else { text };
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
