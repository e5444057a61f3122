//! What the codes of AWS mean for the next call.
//!
//! A code must never be taken for one that is safe to repeat, or to blame on one server, unless it is known to be.

use std::collections::HashSet;

use crate::fleet::CloudErrorKind;
use crate::tag::ServerId;

/// Codes by which AWS services ask for fewer calls (aws-runtime, `retries/classifiers.rs`).
const THROTTLES: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Codes of faults that pass (EC2 API reference, "Error codes").
const PASSING: &[&str] = &[
    "ConcurrentTagAccess",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ServiceUnavailable",
    "Unavailable",
];

/// Codes that every call of the action would meet.
const DENIALS: &[&str] = &[
    "AuthFailure",
    "Blocked",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "PendingVerification",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes by which a policy refuses a call. Their text may name the one resource that it is about.
const NOT_AUTHORIZED: &[&str] = &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// Codes by which keys are said to be too old.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// Codes of requests that are wrong as a whole, whatever servers they name.
const WRONG: &[&str] = &[
    "InvalidAction",
    "InvalidParameterCombination",
    "MalformedQueryString",
    "MissingParameter",
    "UnknownParameter",
    "UnsupportedOperation",
];

/// Whether the code says that a policy does not allow the call.
pub(super) fn is_not_authorized(code: &str) -> bool {
    NOT_AUTHORIZED.contains(&code)
}

/// Whether the code says that keys are too old.
pub(super) fn is_expired(code: &str) -> bool {
    EXPIRED.contains(&code)
}

/// What a code means, with the words and the status that it came with.
pub(super) fn kind_of(code: &str, text: &str, status: u16, ids: &[ServerId]) -> CloudErrorKind {
    if THROTTLES.contains(&code) || status == 429 {
        CloudErrorKind::Throttled
    } else if PASSING.contains(&code) || status >= 500 {
        CloudErrorKind::Transient
    } else if is_not_authorized(code) {
        denied(text, ids)
    } else if code == "TagPolicyViolation" {
        CloudErrorKind::Unclear
    } else if DENIALS.contains(&code) || is_expired(code) || status == 401 || status == 403 {
        CloudErrorKind::Denied
    } else if code.starts_with("InvalidInstanceID") || code.starts_with("InvalidID") {
        match named(text, ids) {
            bad if bad.is_empty() => CloudErrorKind::Unclear,
            bad => CloudErrorKind::BadServers(bad),
        }
    } else if WRONG.contains(&code) || code == "InvalidParameterValue" && is_uniform(text) {
        CloudErrorKind::Rejected
    } else if code == "TagLimitExceeded" || code == "InvalidParameterValue" && text.contains("pattern") {
        CloudErrorKind::BadBatch
    } else {
        // What is not known to concern the whole request may concern one server of it.
        CloudErrorKind::Unclear
    }
}

/// Whether an `InvalidParameterValue` is about the tags, not about a server that cannot take them: the pattern of keys
/// is narrower for instances that show their tags in their metadata.
fn is_uniform(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let about_tags = ["length", "duplicate", "aws:", "at most", "empty"];
    !text.contains("pattern") && about_tags.iter().any(|word| text.contains(word))
}

/// Whether a refusal is about one server of the call. Who was refused stands in the text, too, and may be named after the
/// instance that fleetsheet runs on: only the resource counts.
fn denied(text: &str, ids: &[ServerId]) -> CloudErrorKind {
    let Some((_, about)) = text.split_once("on resource:") else {
        return CloudErrorKind::Denied;
    };
    let about = about.trim_start();
    let (resource, why) = about.split_once(char::is_whitespace).unwrap_or((about, ""));
    match named(resource, ids) {
        ids if ids.is_empty() => CloudErrorKind::Denied,
        ids => CloudErrorKind::DeniedServers {
            ids,
            explicit: !why.trim_start().starts_with("because no "),
        },
    }
}

/// The ids of the call that the text names.
fn named(text: &str, ids: &[ServerId]) -> Vec<ServerId> {
    let words: HashSet<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty())
        .collect();
    ids.iter().filter(|id| words.contains(id.as_str())).cloned().collect()
}

/// What it means that keys could not be had, by the code that STS or another source of keys answered.
pub(super) fn kind_of_credentials(code: &str) -> CloudErrorKind {
    if THROTTLES.contains(&code) {
        CloudErrorKind::Throttled
    } else if PASSING.contains(&code) {
        CloudErrorKind::Transient
    } else {
        CloudErrorKind::Denied
    }
}
