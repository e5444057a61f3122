//! What a pass says whose plan did not pass its own check.
//!
//! Nothing was written then, and it is a fault of the program, not of the sheet.

use tracing::error;

use crate::problem::{Code, Kind, Problem};

/// The problem, which is logged too.
pub(super) fn faulty(faults: &[String]) -> Problem {
    let what = format!(
        "the plan did not pass its own check ({}), so nothing was written; this is a bug in fleetsheet, please report it",
        faults.join("; ")
    );
    error!(faults = faults.len(), "{what}");
    Problem::new(Kind::ApiFailure, Code::Check, "plan", what)
}
