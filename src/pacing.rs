//! How fast the cloud may be called: the limits of the configuration, and a lane for each account's region and API action.
//!
//! EC2 counts calls for each account, region and action, so each of these has a lane. Readers and writers share the
//! lanes. The delays between attempts are here too, for everything that tries again.

mod delays;
mod gate;
mod lanes;
mod limits;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::calls::Calls;
use crate::fleet::Source;
pub(crate) use delays::Delays;
pub use gate::Gate;
pub(crate) use lanes::{Lane, Permit};
pub(crate) use limits::Action;
pub use limits::{Limits, Patience};

/// All lanes, one for each source and action. A clone is the same lanes: reader and writer share one.
#[derive(Clone, Debug)]
pub struct Pacing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    calls: Calls,
    lanes: Mutex<HashMap<(Source, Action), Arc<Lane>>>,
}

impl Pacing {
    /// Lanes that keep to these limits. Make it once for as long as the program runs: EC2's buckets do not start anew
    /// with each pass either.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::counting(limits, Calls::default())
    }

    /// The same, which counts waits, throttles and repetitions into `calls`.
    #[must_use]
    pub(crate) fn counting(limits: Limits, calls: Calls) -> Self {
        let lanes = Mutex::new(HashMap::new());
        Self(Arc::new(Shared { limits, calls, lanes }))
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The lane of a source's action.
    #[must_use]
    pub(crate) fn lane(&self, source: &Source, action: Action) -> Arc<Lane> {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes
            .entry((source.clone(), action))
            .or_insert_with(|| Arc::new(Lane::new(&self.0.limits, action, self.0.calls.clone())));
        Arc::clone(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lanes_are_apart_and_shared_by_clones() {
        let pacing = Pacing::new(Limits::default());
        let source = |region: &str| Source {
            account: "prod".into(),
            region: region.into(),
        };
        let lane = pacing.lane(&source("a"), Action::CreateTags);
        assert!(Arc::ptr_eq(
            &lane,
            &pacing.clone().lane(&source("a"), Action::CreateTags)
        ));
        for other in [
            pacing.lane(&source("b"), Action::CreateTags),
            pacing.lane(&source("a"), Action::DescribeInstances),
        ] {
            assert!(!Arc::ptr_eq(&lane, &other));
        }
        let permit = lane.admit().await;
        assert!(lane.is_current(&permit) && lane.throttled(&permit).is_some());
        assert!(!lane.is_current(&permit));
    }
}
