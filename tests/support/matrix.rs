//! The two sides of a fault matrix: every way for a call to go wrong, and which of a method's calls are struck.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fleetsheet_mocks::faults::{Fault, Script, When};

/// Every way for a call to go wrong.
pub(crate) const FAULTS: [Fault; 12] = [
    Fault::Throttle,
    Fault::Status(500),
    Fault::Status(503),
    Fault::Html503,
    Fault::Unauthorized,
    Fault::Forbidden,
    Fault::Hang,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::Truncate,
    Fault::Empty200,
    Fault::Nonsense,
];

/// A fault of some calls of a method.
#[derive(Clone)]
pub(crate) struct Trial {
    pub(crate) method: String,
    pub(crate) when: When,
    pub(crate) fault: Fault,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?} {}", self.fault, self.when, self.method)
    }
}

impl Trial {
    /// Lets it happen.
    pub(crate) fn strike(&self, script: &Script) {
        script.fail(&self.method, self.when.clone(), self.fault);
    }
}

/// All faults at the first, the middle and the last call of each method, and at every one; those that take longest first, so
/// that none is left running alone at the end.
pub(crate) fn trials(calls: &BTreeMap<String, u64>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (method, calls) in calls {
        let single: BTreeSet<u64> = [1, calls.div_ceil(2), *calls].into();
        let strikes: Vec<When> = single.into_iter().map(When::Nth).chain([When::Every]).collect();
        for (fault, when) in FAULTS
            .iter()
            .flat_map(|fault| strikes.iter().map(move |when| (fault, when)))
        {
            trials.push(Trial {
                method: method.clone(),
                when: when.clone(),
                fault: *fault,
            });
        }
    }
    trials.sort_by_key(|trial| (trial.when != When::Every, trial.fault != Fault::Hang));
    trials
}
