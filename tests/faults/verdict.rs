//! What is right for a fault, stated from the contract and not from the program: how a pass may end, and what it must say.

use fleetsheet_mocks::cloud::SECRET_KEY;
use fleetsheet_mocks::faults::{Fault, When};

use crate::matrix::Trial;
use crate::stage::Ran;

/// A message is read by people.
const LONG: usize = 1200;

/// The exit codes with which a pass may end that met this fault.
pub(crate) fn codes(trial: &Trial) -> &'static [i32] {
    let every = trial.when == When::Every;
    // Who is not let in, or may not, is not let in a second later either. An access token is another matter: it may just
    // have run out, so one refusal is answered with a fresh one.
    let refused = match trial.fault {
        Fault::Forbidden => true,
        Fault::Unauthorized => every || !trial.method.starts_with("sheets."),
        _ => false,
    };
    let lasts = every || refused;
    match trial.method.as_str() {
        // Mail never changes a pass.
        method if method.starts_with("smtp.") => &[0],
        // A gate is asked once: what it did not say then, the next pass hears.
        method if method.starts_with("prometheus.") => &[4],
        _ if !lasts => &[0],
        // What was done is found by looking, however often the reply is lost.
        "sheets.batchUpdate" | "sheets.values.batchUpdateByDataFilter" if is_done(trial) => &[0],
        method if method.starts_with("sheets.") || method.starts_with("oauth2.") => &[1],
        _ => &[4],
    }
}

/// Whether the call takes effect all the same.
fn is_done(trial: &Trial) -> bool {
    matches!(trial.fault, Fault::ResetAfter | Fault::Truncate | Fault::Empty200)
}

/// A pass that did not end well says what failed and where, in words that are fit to be read.
pub(crate) fn assert_told(trial: &Trial, ran: &Ran) {
    for secret in [SECRET_KEY, "PRIVATE KEY", "Bearer "] {
        assert!(
            !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
            "{secret} is told"
        );
    }
    let outcome = ran.json["outcome"].as_str().unwrap_or_default();
    let fits = match ran.code {
        0 => outcome == "done",
        1 => outcome == "failed",
        4 => outcome == "partial",
        _ => false,
    };
    assert!(fits, "{outcome} goes with {}", ran.code);
    let failures: Vec<&serde_json::Value> = ran.json["problems"]
        .as_array()
        .map(|all| all.iter().filter(|problem| is_failure(problem)).collect())
        .unwrap_or_default();
    assert_eq!(failures.is_empty(), ran.code == 0, "{:?}", ran.problems());
    for failure in failures {
        let place = failure["where"].as_str().unwrap_or_default();
        let message = failure["message"].as_str().unwrap_or_default();
        let (leads, names) = match trial.method.split('.').next() {
            Some("sheets" | "oauth2") => (place == "spreadsheet", true),
            Some("prometheus") => (
                place.ends_with("-prod"),
                message.contains("no answer for gate errors: "),
            ),
            Some("sts") => (place.starts_with("prod/"), message.contains("role/fleetsheet")),
            _ => {
                let call = trial.method.replace('.', ":");
                (
                    place.starts_with("main/") || place.starts_with("prod/") || place.starts_with("i-"),
                    // What waits for it tells so.
                    message.contains(&call) || message.contains("not all servers of the other colour became active"),
                )
            }
        };
        assert!(leads && names, "{place}: {message}");
        let readable = message.chars().all(|c| !c.is_control()) && message.len() < LONG && !message.contains('<');
        assert!(readable, "{message:?}");
    }
}

/// Whether a problem tells of a call that failed, and not of what the answers said.
fn is_failure(problem: &serde_json::Value) -> bool {
    let message = problem["message"].as_str().unwrap_or_default();
    problem["kind"] == "api_failure" || (problem["kind"] == "gate" && message.contains("no answer for gate"))
}
