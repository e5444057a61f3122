//! Turns what went wrong with one attempt of a call into what it means and what a person can do about it.
//!
//! The important distinction is between "nothing was written" and "unknown": a write whose request may have left this machine,
//! and that was not clearly refused, has an unknown outcome. Messages never hold a token or a
//! key.

use std::time::Duration;

use google_sheets4::Error;
use serde_json::Value;

use crate::sheet::{SheetError, SheetErrorKind};
use crate::text::is_hidden;

/// Google's words for a range in a tab that does not exist; it gives no other sign of it, and says the same of bad
/// syntax.
pub(super) const UNPARSEABLE_RANGE: &str = "Unable to parse range";

/// Longest message, in characters: it has to fit a status cell, a log line and a line of a mail.
const MESSAGE_MAX: usize = 300;

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

/// The account and the spreadsheet that the advice in a message names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The address of the service account.
    pub(super) account: &'a str,
    /// The spreadsheet.
    pub(super) spreadsheet_id: &'a str,
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
}

impl Failure {
    fn new(method: Method, kind: SheetErrorKind, why: &str) -> Self {
        let unknown = match kind {
            SheetErrorKind::OutcomeUnknown => "; it may or may not have happened",
            _ => "",
        };
        // The reason may be cut, the verdict after it may not.
        let why = tidy(why, MESSAGE_MAX - 80);
        Self {
            error: error(kind, &format!("could not {}: {why}{unknown}", method.doing)),
            unauthorized: false,
            retry_after: None,
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

    /// There was no answer in time.
    pub(super) fn timed_out(method: Method, seen: Seen, limit: Duration) -> Self {
        let limit = humantime::format_duration(Duration::from_millis(limit.as_millis() as u64));
        if seen.sent {
            Self::lost(method, &format!("no answer within {limit}"))
        } else {
            let why = format!("no access token within {limit}");
            Self::new(method, SheetErrorKind::Transient, &why)
        }
    }

    /// No time is left for an attempt; nothing was sent.
    pub(super) fn out_of_time(method: Method, kind: SheetErrorKind) -> Self {
        let why = match kind {
            SheetErrorKind::Quota => "sheets_per_minute allows no request before the time for this pass is over",
            _ => "the time for this pass is over",
        };
        Self::new(method, kind, why)
    }

    /// Reads the error of the API crate.
    pub(super) fn of(error: &Error, seen: Seen, method: Method, subject: Subject<'_>) -> Self {
        let mut failure = match error {
            Error::MissingToken(source) => match source.downcast_ref::<SheetError>() {
                Some(error) => Self::new(method, error.kind, &error.message),
                None => Self::new(method, SheetErrorKind::Denied, "there is no access token"),
            },
            Error::HttpError(source) if source.is_connect() => {
                let why = format!("no connection: {}", root_cause(source));
                Self::new(method, SheetErrorKind::Transient, &why)
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
            Error::Io(source) => Self::lost(method, &format!("connection lost: {source}")),
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
    use SheetErrorKind::{Denied, Quota, Refused};

    let body = ErrorBody::of(body);
    let status = status.or(body.code).unwrap_or_default();
    let said = body.message;
    let account = subject.account;
    let plain = |kind, why: &str| Failure::new(method, kind, why);
    match status {
        _ if status == 429 || body.has("RATE_LIMIT_EXCEEDED") || body.has("RESOURCE_EXHAUSTED") => {
            let which = body.quota.map(|quota| format!(" ({quota})")).unwrap_or_default();
            plain(Quota, &format!("Google's quota for this minute is used up{which}"))
        }
        401 => Failure {
            unauthorized: true,
            ..plain(
                Denied,
                &format!(
                    "Google does not accept the access token of {account}; check that the account and its key are enabled \
                     and that this machine's clock is right"
                ),
            )
        },
        403 if body.has("SERVICE_DISABLED") => plain(
            Denied,
            "the Google Sheets API is switched off in the service account's project; enable it in the Google Cloud console",
        ),
        403 if body.has("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => plain(
            Denied,
            "the credentials lack the scope https://www.googleapis.com/auth/spreadsheets; give this machine that access \
             scope or set sheets.credentials_file",
        ),
        403 => plain(
            Denied,
            &format!("permission denied; share the spreadsheet with {account} as Editor"),
        ),
        404 => plain(
            Denied,
            &format!(
                "there is no spreadsheet {}; check sheets.spreadsheet_id (the part of its address between /d/ and /edit)",
                subject.spreadsheet_id
            ),
        ),
        400 if said.is_some_and(|said| said.contains("protected cell")) => plain(
            Refused,
            &format!(
                "a protected range does not let {account} edit; make it an editor of the ranges over the service columns \
                 (fleetsheet init does), or remove protections of whole tabs"
            ),
        ),
        400 if said.is_some_and(|said| said.contains("not supported for this document")) => plain(
            Refused,
            "the file is an Office document; open it in Google Sheets, choose File, Save as Google Sheets, and use that id",
        ),
        400..=499 if status != 408 && status != 409 => {
            let words = said.map_or_else(|| format!("Google answered {status}"), str::to_owned);
            plain(Refused, &words)
        }
        _ => {
            let words = said.map(|said| format!(": {said}")).unwrap_or_default();
            Failure::lost(method, &format!("Google answered {status}{words}"))
        }
    }
}

/// The parts of an error's JSON body that we look at.
#[derive(Debug, Default)]
struct ErrorBody<'a> {
    code: Option<u16>,
    message: Option<&'a str>,
    /// The status word and the reasons of the details.
    words: Vec<&'a str>,
    quota: Option<&'a str>,
}

impl<'a> ErrorBody<'a> {
    fn of(body: Option<&'a Value>) -> Self {
        let Some(body) = body else { return Self::default() };
        // Some front ends of Google wrap the error in an array.
        let error = match body {
            Value::Array(items) => items.first().map(|item| &item["error"]),
            _ => Some(&body["error"]),
        };
        let Some(error) = error else { return Self::default() };
        let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            code: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            message: error["message"].as_str().filter(|message| !message.trim().is_empty()),
            words: error["status"]
                .as_str()
                .into_iter()
                .chain(details.iter().filter_map(|detail| detail["reason"].as_str()))
                .collect(),
            quota: details
                .iter()
                .find_map(|detail| detail["metadata"]["quota_limit"].as_str()),
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
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
    cause.to_string()
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
