//! Turns failures of the SDK into what they mean for the next call and into words for people.
//!
//! Ids are found in the text of a message, because EC2 names them nowhere else. A failure must never be taken for one
//! that is safe to repeat, or be blamed on one server, unless that is known.

use std::error::Error;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use super::codes::{is_expired, is_not_authorized, kind_of};
use super::quote::{quoted, root, with_advice, word};
use super::session::{CLOCK, is_about_time, lacking};
use crate::adapters::outbound::{FIX_LOGIN, LOGIN_WANTED, untrusted};
use crate::fleet::{CloudError, CloudErrorKind, Source};
use crate::tag::ServerId;
use crate::text::short;

/// Bytes of a reply that are looked at for words.
const LOOKED_AT: usize = 4096;
/// Characters of it that are shown.
const SHOWN: usize = 200;

/// What a failed call was, for the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed<'a> {
    /// The account's region.
    pub(super) source: &'a Source,
    /// The IAM action, such as `ec2:CreateTags`.
    pub(super) action: &'static str,
    /// Whose keys made it, such as `the role arn:…`.
    pub(super) who: &'a str,
    /// The ids in the call, among which an error may name some.
    pub(super) ids: &'a [ServerId],
}

impl Failed<'_> {
    /// The service that was called.
    fn service(&self) -> &'static str {
        if self.action.starts_with("cloudwatch:") {
            "CloudWatch"
        } else {
            "EC2"
        }
    }
}

/// Whether the error is how a dry run says that the call would be allowed.
pub(super) fn is_dry_run_success(error: &CloudError) -> bool {
    error.code == "DryRunOperation"
}

/// What a failed call to EC2 or CloudWatch means.
pub(super) fn classify<E>(error: &SdkError<E, HttpResponse>, failed: Failed<'_>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Failed { source, action, .. } = failed;
    let unknown = |code: &str, what: &str| CloudError {
        kind: CloudErrorKind::Transient,
        code: code.to_owned(),
        message: format!("{source}: {action} {what}"),
    };
    match error {
        SdkError::TimeoutError(_) => unknown("timeout", "got no answer in time (limits.request_timeout)"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => unknown(
            "timeout",
            "could not connect in time; check the network and the region's name",
        ),
        SdkError::DispatchFailure(_) => unconnected(error, failed),
        SdkError::ResponseError(_) => unknown("reply", "got an incomplete reply"),
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            match service.err().code() {
                Some(code) => by_code(&word(code), service.err().message().unwrap_or_default(), status, failed),
                None => by_status(status, service.raw().body().bytes().unwrap_or_default(), failed),
            }
        }
        _ => CloudError {
            kind: CloudErrorKind::Rejected,
            code: "request".to_owned(),
            message: format!("{source}: {action} could not be sent: {}", root(error)),
        },
    }
}

/// There is no connection, or there is none any more.
fn unconnected(error: &(dyn Error + 'static), failed: Failed<'_>) -> CloudError {
    let Failed { source, action, .. } = failed;
    let why = root(error);
    let fix = match untrusted(&why) {
        None if why.contains(LOGIN_WANTED) => Some(FIX_LOGIN),
        None if why.contains("_PROXY ") => Some("correct that variable"),
        fix => fix,
    };
    let (kind, words) = match fix {
        Some(fix) => (
            CloudErrorKind::Denied,
            with_advice(&format!("could not connect: {why}"), Some(fix)),
        ),
        None => (CloudErrorKind::Transient, format!("lost its connection: {why}")),
    };
    CloudError {
        kind,
        code: "connection".to_owned(),
        message: format!("{source}: {action} {words}"),
    }
}

/// The beginning of what a reply shows to people, without markup.
fn visible(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    let mut shown = String::new();
    for piece in text.split('<') {
        let text = piece.split_once('>').map_or(piece, |(_, text)| text);
        shown.push_str(text);
        shown.push(' ');
    }
    short(&quoted(&shown), SHOWN)
}

fn by_code(code: &str, text: &str, status: u16, failed: Failed<'_>) -> CloudError {
    let kind = kind_of(code, text, status, failed.ids);
    let message = words(&kind, code, text, failed);
    CloudError {
        kind,
        code: code.to_owned(),
        message,
    }
}

fn words(kind: &CloudErrorKind, code: &str, text: &str, failed: Failed<'_>) -> String {
    let Failed {
        source, action, who, ..
    } = failed;
    let service = failed.service();
    let says = quoted(text);
    let advice = match (code, kind) {
        (code, _) if is_not_authorized(code) => Some(not_authorized(action, who, text)),
        ("SignatureDoesNotMatch" | "InvalidSignatureException", _) if is_about_time(text) => Some(CLOCK.to_owned()),
        (
            "AuthFailure"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException",
            _,
        ) => Some(format!(
            "the keys of {who} are not accepted: check them, and that the region is enabled for the account"
        )),
        ("OptInRequired" | "Blocked" | "PendingVerification", _) => Some(format!(
            "the account may not use {service} there: see the account's region settings"
        )),
        ("RequestExpired", _) => Some(CLOCK.to_owned()),
        (code, _) if is_expired(code) => Some(format!("the keys of {who} have expired: renew them")),
        ("InvalidInstanceID.NotFound", _) => {
            return format!(
                "{source}: EC2 does not know the instance ({code}): it was terminated, or launched moments ago; the next pass looks again"
            );
        }
        ("TagLimitExceeded", _) => Some("it would carry more than 50 tags: remove some".to_owned()),
        (_, CloudErrorKind::BadServers(_)) => {
            return format!("{source}: not the id of an instance ({code}); correct it");
        }
        (_, CloudErrorKind::Throttled) => Some(format!(
            "{service} asks for fewer calls from this account and region: the next pass goes on"
        )),
        _ => None,
    };
    let what = with_advice(&says, advice.as_deref());
    let gap = match (says.is_empty(), what.is_empty()) {
        (_, true) => "",
        (true, _) => "; ",
        (false, _) => ": ",
    };
    format!("{source}: {action} failed ({code}){gap}{what}")
}

/// What to do about a policy, by the words with which AWS says which one it is.
fn not_authorized(action: &str, who: &str, text: &str) -> String {
    if text.contains("explicit deny") {
        format!("a policy denies {action} to {who}, whatever else allows it: change that policy")
    } else if let Some(kind) = lacking(text) {
        format!("allow {action} in the {} of {who}", quoted(kind))
    } else {
        let more = if text.contains("Encoded authorization") {
            " (aws sts decode-authorization-message reads which, from the call's entry in CloudTrail)"
        } else {
            ""
        };
        format!("allow {action} in the policy of {who}, and look for another policy that denies it{more}")
    }
}

/// A reply without a code did not come from EC2 itself, but from a front end or from something in between.
fn by_status(status: u16, body: &[u8], failed: Failed<'_>) -> CloudError {
    let Failed { source, action, .. } = failed;
    let service = failed.service();
    let (kind, mut what, fix) = match status {
        429 => (
            CloudErrorKind::Throttled,
            "the endpoint asks for fewer calls".to_owned(),
            None,
        ),
        401 | 403 | 407 => (
            CloudErrorKind::Denied,
            format!("something between here and {service} blocks it"),
            Some("check the proxy"),
        ),
        400..=499 => (
            CloudErrorKind::Rejected,
            "the endpoint rejects it".to_owned(),
            Some("check aws.endpoint_url and the proxy"),
        ),
        _ => (
            CloudErrorKind::Transient,
            format!("the answer did not come from {service}"),
            None,
        ),
    };
    let said = visible(body);
    if !said.is_empty() {
        what.push_str(": it says: ");
        what.push_str(&said);
    }
    CloudError {
        kind,
        code: format!("HTTP {status}"),
        message: format!("{source}: {action} failed (HTTP {status}): {}", with_advice(&what, fix)),
    }
}

#[cfg(test)]
mod tests;
