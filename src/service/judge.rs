//! How a pass of the service ended: what the log says of it, and what the status page and the metrics get.

use std::sync::Arc;

use tokio::task::JoinError;
use tracing::{error, warn};

use super::state::EndedPass;
use crate::clock::now;
use crate::pass_end::Ending;
use crate::refusal::Refusal;
use crate::report::Report;
use crate::text::plain;

/// The words for work that panicked. The panic itself was logged when it happened.
pub(super) fn broken(error: JoinError) -> String {
    let how = if error.is_panic() { "panicked" } else { "was cancelled" };
    format!("the pass {how}; this is a bug in fleetsheet, please report it. The next pass will finish the work")
}

/// Logs how a pass ended that was not completed. (The others log their end themselves.)
pub(super) fn judge(pass: Result<Report, Refusal>) -> EndedPass {
    let at = now();
    let report = match pass {
        Ok(report) => report,
        Err(refusal) => {
            let reason = refusal.line();
            error!(reason, "pass failed");
            return EndedPass {
                at,
                report: None,
                reason: Some(reason),
            };
        }
    };
    let why = plain(&report.cause().unwrap_or_else(|| "no reason was given".to_owned()));
    let run = report.run.as_str();
    let _pass = tracing::error_span!(target: "fleetsheet", "pass", run).entered();
    let reason = match report.outcome {
        Ending::Failed if report.interrupted => {
            // The pass itself said so.
            Some(why)
        }
        Ending::Failed => {
            error!(reason = why, "pass failed");
            Some(why)
        }
        Ending::Busy => {
            warn!(
                reason = why,
                "no pass: another one holds the state store; the next tick tries again"
            );
            Some(why)
        }
        Ending::Fenced => {
            warn!(reason = why, "the pass ended: another instance goes on");
            Some(why)
        }
        Ending::Stopped => {
            warn!(
                reason = why,
                "a belt or an untrusted sheet stopped the pass before anything was written"
            );
            Some(why)
        }
        Ending::Done | Ending::Partial | Ending::Held | Ending::Changes => None,
    };
    EndedPass {
        at,
        report: Some(Arc::new(report)),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pass_that_panics_is_a_failed_pass() {
        let task = tokio::spawn(async { panic!("expected by this test") });
        let error = task.await.map(|(): ()| ()).unwrap_err();
        let ended = judge(Err(Refusal::failed(broken(error))));
        assert_eq!(ended.word(), "failed");
        assert!(ended.reason.unwrap().starts_with("the pass panicked"));
    }
}
