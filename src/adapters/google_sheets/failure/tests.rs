use serde_json::json;

use super::*;
use SheetErrorKind::{Denied, Nonsense, OutcomeUnknown, Quota, Refused, Transient};

const READ: Method = Method {
    name: "sheets.get",
    doing: "read the spreadsheet",
    writes: false,
};
const WRITE: Method = Method {
    name: "sheets.batchUpdate",
    doing: "append rows",
    writes: true,
};
const SUBJECT: Subject<'static> = Subject {
    account: "fleet@example.com",
    spreadsheet_id: "1AbC",
};

fn of(error: &Error, method: Method) -> Failure {
    let seen = Seen {
        sent: true,
        ..Seen::default()
    };
    Failure::of(error, seen, method, SUBJECT)
}

fn api(code: u16, status: &str, message: &str, reason: &str) -> Error {
    Error::BadRequest(json!({"error": {"code": code, "status": status, "message": message,
        "details": [{"reason": reason, "metadata": {"quota_limit": "ReadRequestsPerMinutePerUser"}}]}}))
}

#[track_caller]
fn means(error: &Error, read: SheetErrorKind, write: SheetErrorKind, words: &str) {
    for (method, kind) in [(READ, read), (WRITE, write)] {
        let failure = of(error, method);
        assert_eq!(failure.error.kind, kind, "{}", failure.error);
        assert!(failure.error.message.contains(words), "{}", failure.error);
    }
}

#[test]
fn refusals_say_what_to_do() {
    let quota = api(429, "RESOURCE_EXHAUSTED", "Quota exceeded", "RATE_LIMIT_EXCEEDED");
    means(&quota, Quota, Quota, "(ReadRequestsPerMinutePerUser)");
    let not_shared = api(403, "PERMISSION_DENIED", "The caller does not have permission", "");
    means(
        &not_shared,
        Denied,
        Denied,
        "share the spreadsheet with fleet@example.com as Editor",
    );
    let off = api(
        403,
        "PERMISSION_DENIED",
        "Sheets API has not been used",
        "SERVICE_DISABLED",
    );
    means(&off, Denied, Denied, "enable it");
    let scope = api(
        403,
        "PERMISSION_DENIED",
        "insufficient",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    );
    means(&scope, Denied, Denied, "auth/spreadsheets");
    let wrong_id = api(404, "NOT_FOUND", "Requested entity was not found.", "");
    means(&wrong_id, Denied, Denied, "no spreadsheet 1AbC");
    let protected = api(
        400,
        "INVALID_ARGUMENT",
        "You are trying to edit a protected cell or object.",
        "",
    );
    means(&protected, Refused, Refused, "fleet@example.com");
    let range = api(400, "INVALID_ARGUMENT", "Unable to parse range: 'x'", "");
    means(&range, Refused, Refused, UNPARSEABLE_RANGE);
    let office = api(
        400,
        "FAILED_PRECONDITION",
        "This operation is not supported for this document",
        "",
    );
    means(&office, Refused, Refused, "Save as Google Sheets");
}

#[test]
fn a_refusal_is_told_with_its_own_reason_and_identifiers() {
    let perimeter = Error::BadRequest(json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
    "message": "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: x7-Qa_9",
    "details": [
        {"violations": [{"type": "VPC_SERVICE_CONTROLS", "description": "x7-Qa_9"}]},
        {"reason": "SECURITY_POLICY_VIOLATED", "domain": "googleapis.com",
         "metadata": {"uid": "x7-Qa_9", "consumer": "projects/77", "service": "sheets.googleapis.com"}},
    ]}}));
    for words in [
        "SECURITY_POLICY_VIOLATED",
        "x7-Qa_9",
        "projects/77",
        "perimeter",
        "prohibited by organization",
    ] {
        means(&perimeter, Denied, Denied, words);
    }
    let not_advised = |error: &Error| {
        let said = of(error, READ).error.message;
        assert!(!said.contains("share the spreadsheet"), "{said}");
    };
    not_advised(&perimeter);
    let unknown = api(403, "PERMISSION_DENIED", "Not for you.", "SOMETHING_NEW");
    means(&unknown, Denied, Denied, "SOMETHING_NEW");
    means(&unknown, Denied, Denied, "Not for you");
    not_advised(&unknown);
    let older = Error::BadRequest(json!({"error": {"code": 403, "message": "Access Not Configured.",
        "errors": [{"domain": "usageLimits", "reason": "accessNotConfigured"}]}}));
    means(&older, Denied, Denied, "switched off");
    means(&older, Denied, Denied, "accessNotConfigured");
    not_advised(&older);
    let off = Error::BadRequest(json!({"error": {"code": 403, "details": [
        {"reason": "SERVICE_DISABLED", "metadata": {"consumer": "projects/77"}}]}}));
    means(&off, Denied, Denied, "switched off in projects/77");
    let state = api(
        401,
        "UNAUTHENTICATED",
        "Request had invalid credentials",
        "ACCOUNT_STATE_INVALID",
    );
    means(&state, Denied, Denied, "ACCOUNT_STATE_INVALID");
    let quota = api(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for 'project_number:77'.",
        "RATE_LIMIT_EXCEEDED",
    );
    means(&quota, Quota, Quota, "project_number:77");
}

#[test]
fn only_a_write_that_was_not_refused_is_of_unknown_outcome() {
    means(
        &api(500, "INTERNAL", "Internal error", ""),
        Transient,
        OutcomeUnknown,
        "500",
    );
    means(
        &api(503, "UNAVAILABLE", "unavailable", ""),
        Transient,
        OutcomeUnknown,
        "503",
    );
    means(&api(409, "ABORTED", "aborted", ""), Transient, OutcomeUnknown, "409");
    let broken = Error::JsonDecodeError("{".into(), serde_json::from_str::<Value>("{").unwrap_err());
    means(&broken, Transient, OutcomeUnknown, "cut off");
    let other = Error::JsonDecodeError("[]".into(), serde_json::from_str::<u8>("[]").unwrap_err());
    means(&other, Nonsense, OutcomeUnknown, "the answer");
    let cut = Failure::timed_out(
        WRITE,
        Seen {
            sent: true,
            ..Seen::default()
        },
        Duration::from_secs(30),
        Duration::from_secs(60),
    );
    assert_eq!(cut.error.kind, OutcomeUnknown);
    assert!(
        !cut.cut_short,
        "a write that may have happened is told, whatever failed before it"
    );
    assert_eq!(
        cut.error.message,
        "could not append rows: no answer within 30s (it may or may not have happened)"
    );
    let unsent = |timeout| Failure::timed_out(WRITE, Seen::default(), Duration::from_secs(30), timeout);
    assert_eq!(unsent(Duration::from_secs(30)).error.kind, Transient);
    assert!(unsent(Duration::from_secs(60)).cut_short && !unsent(Duration::from_secs(30)).cut_short);
}

#[test]
fn a_token_that_is_not_accepted_is_told_apart() {
    let failure = of(
        &api(401, "UNAUTHENTICATED", "Request had invalid credentials", ""),
        WRITE,
    );
    assert!(failure.unauthorized);
    assert_eq!(failure.error.kind, Denied);
    let missing = Error::MissingToken(Box::new(error(Transient, "the token endpoint does not answer")));
    let failure = of(&missing, WRITE);
    assert_eq!(failure.error.kind, Transient, "nothing was sent");
    assert_eq!(
        failure.error.message,
        "could not append rows: the token endpoint does not answer"
    );
}

#[test]
fn bodies_of_any_shape_are_read() {
    for body in [
        json!(null),
        json!([]),
        json!([1]),
        json!({"error": 7}),
        json!({"error": {"code": "x"}}),
    ] {
        let failure = of(&Error::BadRequest(body), READ);
        assert_eq!(failure.error.kind, Transient, "{}", failure.error);
    }
    let wrapped = Error::BadRequest(json!([{"error": {"code": 404}}]));
    assert_eq!(of(&wrapped, READ).error.kind, Denied);
}

#[test]
fn messages_are_one_short_line() {
    let long = format!("a\nb\u{202e}\u{7}{}", "x".repeat(1000));
    let failure = of(&api(400, "INVALID_ARGUMENT", &long, ""), READ);
    assert!(
        failure
            .error
            .message
            .starts_with("could not read the spreadsheet: Google answered 400: "),
        "{}",
        failure.error
    );
    assert!(failure.error.message.chars().count() <= MESSAGE_MAX);
    assert!(failure.error.message.ends_with('…'));
    let failure = of(&api(503, "UNAVAILABLE", &long, ""), WRITE);
    assert!(
        failure.error.message.ends_with("(it may or may not have happened)"),
        "{}",
        failure.error
    );
    assert!(failure.error.message.chars().count() <= MESSAGE_MAX);
}
