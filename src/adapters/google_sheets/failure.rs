//! Turns what went wrong with one attempt of a call into what it means and what a person can do about it.
//!
//! The important distinction is between "nothing was written" and "unknown": a write whose request may have left this machine,
//! and that was not clearly refused, has an unknown outcome. Messages never hold a token or a
//! key.

mod advice;
mod body;

use std::time::Duration;

use google_sheets4::Error;
use serde_json::Value;

use crate::adapters::outbound::untrusted;
use crate::sheet::{SheetError, SheetErrorKind};
use crate::text::{is_hidden, short, without_semicolons};
pub(super) use advice::Subject;
use advice::{Advice, USED_UP, advice};
pub(super) use body::ErrorBody;

/// Google's words for a range in a tab that does not exist; it gives no other sign of it, and says the same of bad
/// syntax.
pub(super) const UNPARSEABLE_RANGE: &str = "Unable to parse range";

/// Longest message, in characters: it has to fit a status cell, a log line and a line of a mail, with the reason that Google
/// gave and our advice.
const MESSAGE_MAX: usize = 700;

/// Longest advice, so that what Google said stays in the message.
const ADVICE_MAX: usize = 300;

/// A method of the API, as it is counted and named in messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    /// The name in the count of requests.
    pub(super) name: &'static str,
    /// What it does, to follow "could not".
    pub(super) doing: &'static str,
    /// Whether it changes the spreadsheet.
    pub(super) writes: bool,
}

/// What was seen of an attempt besides its result.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// A request was handed to the HTTP client, so it may have arrived.
    pub(super) sent: bool,
    /// The status of an answer that was not a success.
    pub(super) status: Option<u16>,
    /// How long the answer asks us to wait.
    pub(super) retry_after: Option<Duration>,
}

/// One failed attempt, before it is decided whether another one follows.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the caller is told if none follows.
    pub(super) error: SheetError,
    /// The token was not accepted: a fresh one may be.
    pub(super) unauthorized: bool,
    /// How long the answer asks us to wait.
    pub(super) retry_after: Option<Duration>,
    /// The time of the pass ended it, and nothing may have happened: if an attempt was made before, that one saw more.
    pub(super) cut_short: bool,
}

impl Failure {
    /// `why` ends with advice where it has a semicolon.
    fn new(method: Method, kind: SheetErrorKind, why: &str) -> Self {
        let unknown = match kind {
            SheetErrorKind::OutcomeUnknown => " (it may or may not have happened)",
            _ => "",
        };
        let (why, fix) = why.rsplit_once("; ").unwrap_or((why, ""));
        let fix = if fix.is_empty() {
            String::new()
        } else {
            format!("; {fix}")
        };
        // The reason may be cut; the verdict and the advice after it may not.
        let why = tidy(why, (MESSAGE_MAX - 80).saturating_sub(fix.chars().count()));
        Self {
            error: error(kind, &format!("could not {}: {why}{unknown}{fix}", method.doing)),
            unauthorized: false,
            retry_after: None,
            cut_short: false,
        }
    }

    /// The request was sent and its answer was lost, or says nothing about what became of it.
    fn lost(method: Method, why: &str) -> Self {
        let kind = if method.writes {
            SheetErrorKind::OutcomeUnknown
        } else {
            SheetErrorKind::Transient
        };
        Self::new(method, kind, why)
    }

    /// There was no answer within the limit, which is `timeout` or what was left of the pass.
    pub(super) fn timed_out(method: Method, seen: Seen, limit: Duration, timeout: Duration) -> Self {
        // Some of the time was used up before: nobody wants to read 1s 999ms.
        let tenths = (limit.as_millis() as u64).div_ceil(100);
        let shown = humantime::format_duration(Duration::from_millis(tenths * 100));
        let failure = if seen.sent {
            Self::lost(method, &format!("no answer within {shown}"))
        } else {
            let why = format!("no access token within {shown}");
            Self::new(method, SheetErrorKind::Transient, &why)
        };
        let unknown = failure.error.kind == SheetErrorKind::OutcomeUnknown;
        Self {
            cut_short: limit < timeout && !unknown,
            ..failure
        }
    }

    /// No time is left for an attempt; nothing was sent.
    pub(super) fn out_of_time(method: Method, kind: SheetErrorKind) -> Self {
        let why = match kind {
            SheetErrorKind::Quota => "sheets_per_minute allows no request before the time for this pass is over",
            _ => "the time for this pass is over",
        };
        Self {
            cut_short: kind == SheetErrorKind::Transient,
            ..Self::new(method, kind, why)
        }
    }

    /// It must not leave any more; nothing was sent.
    pub(super) fn not_sent(method: Method, why: &str) -> Self {
        Self {
            cut_short: true,
            ..Self::new(method, SheetErrorKind::Transient, why)
        }
    }

    /// Google said that the quota is used up, and it is not refilled in time; nothing was sent.
    pub(super) fn used_up(method: Method) -> Self {
        Self::new(method, SheetErrorKind::Quota, USED_UP)
    }

    /// Reads the error of the API crate.
    pub(super) fn of(error: &Error, seen: Seen, method: Method, subject: Subject<'_>) -> Self {
        let mut failure = match error {
            Error::MissingToken(source) => match source.downcast_ref::<SheetError>() {
                Some(error) => Self::new(method, error.kind, &error.message),
                None => Self::new(method, SheetErrorKind::Denied, "there is no access token"),
            },
            Error::HttpError(source) if source.is_connect() => {
                let (kind, why) = unconnected(source);
                Self::new(method, kind, &format!("no connection: {why}"))
            }
            Error::HttpError(source) => Self::lost(method, &format!("connection lost: {}", root_cause(source))),
            Error::BadRequest(body) => answered(seen.status, Some(body), method, subject),
            Error::Failure(response) => answered(Some(response.status().as_u16()), None, method, subject),
            // The text of the answer is left out: it may be anything, and may be a whole page.
            Error::JsonDecodeError(_, source) if source.is_data() && !method.writes => Self::new(
                method,
                SheetErrorKind::Nonsense,
                "the answer is not in the form that the API documents",
            ),
            Error::JsonDecodeError(..) => Self::lost(method, "the answer was cut off or is not JSON"),
            Error::Io(source) => Self::lost(method, &format!("connection lost: {}", root_cause(source))),
            Error::Cancelled | Error::MissingAPIKey | Error::FieldClash(_) | Error::UploadSizeLimitExceeded(..) => {
                Self::new(
                    method,
                    SheetErrorKind::Nonsense,
                    "the API client refused its own request",
                )
            }
        };
        failure.retry_after = seen.retry_after;
        failure
    }
}

/// Reads an answer that is not a success, from its status and, where it has one, its JSON body.
fn answered(status: Option<u16>, body: Option<&Value>, method: Method, subject: Subject<'_>) -> Failure {
    let body = ErrorBody::of(body);
    let status = status.or(body.code).unwrap_or_default();
    let Advice { kind, text } = advice(status, &body, subject);
    let (fact, fix) = text.split_once("; ").unwrap_or((&text, ""));
    let mut why = body.beside(&short(fact, ADVICE_MAX), fix);
    if !fix.is_empty() {
        why.push_str("; ");
        why.push_str(&short(fix, ADVICE_MAX));
    }
    match kind {
        Some(kind) => Failure {
            unauthorized: status == 401,
            ..Failure::new(method, kind, &why)
        },
        None => Failure::lost(method, &why),
    }
}

/// An error whose message is fit to be shown anywhere.
pub(super) fn error(kind: SheetErrorKind, message: &str) -> SheetError {
    SheetError {
        kind,
        message: tidy(message, MESSAGE_MAX),
    }
}

/// The innermost source of an error; the layers above it only say that something below them went wrong.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    without_semicolons(&cause.to_string())
}

/// Why there is no connection, and whether there may be one later: an authority that is not trusted now will not be in a second.
pub(super) fn unconnected(error: &(dyn std::error::Error + 'static)) -> (SheetErrorKind, String) {
    let why = root_cause(error);
    if let Some(fix) = untrusted(&why) {
        return (SheetErrorKind::Denied, format!("{why}; {fix}"));
    }
    (SheetErrorKind::Transient, why)
}

/// One line of at most `max` characters, without control characters, invisible ones and text direction marks.
fn tidy(text: &str, max: usize) -> String {
    let visible: String = text
        .chars()
        .filter(|c| c.is_control() || !is_hidden(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let mut cut: String = line.chars().take(max - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests;
