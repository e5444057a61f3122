//! What is said of the right to change the store: who had it before, whether it is lost, how reports name it.

use crate::adapters::stores::Held;
use crate::lease::Leave;
use crate::memory::{Event, Store, Update};
use crate::report::{LeaseLine, Report};

/// The instance and the number of the lease, for reports.
pub(super) fn lease_of(held: &Held) -> Option<LeaseLine> {
    let lease = held.lease()?;
    Some(LeaseLine {
        instance: lease.holder().instance.clone(),
        epoch: lease.epoch(),
        expired: lease.expired().is_some(),
        fenced: None,
    })
}

/// The report of a pass that lost it.
pub(super) fn fenced(held: &Held) -> Report {
    let refused = held.leave().map_or(0, Leave::refused);
    let fenced = Some(if refused > 0 { "call" } else { "commit" });
    Report {
        lease: lease_of(held).map(|lease| LeaseLine { fenced, ..lease }),
        ..Report::fenced(held.run())
    }
}

/// Whether it was lost, noticed or not.
pub(super) fn is_lost(held: &Held) -> bool {
    held.leave().is_some_and(Leave::is_lost)
}

/// Remembers that the lease was taken from one that did not give it back, and says where the last holder was configured otherwise.
pub(super) async fn note_taking(held: &Held, store: &dyn Store) {
    let Some(lease) = held.lease() else { return };
    let own = &lease.holder().instance;
    if let Some(other) = lease.other_config() {
        tracing::warn!(
            "the configurations of the instances {own} and {} differ; give all of them the same",
            other.instance
        );
    }
    let Some(from) = lease.expired() else { return };
    tracing::warn!(
        epoch = lease.epoch(),
        "the lease of {} ran out and was taken over",
        from.words()
    );
    let event = Event {
        time: held.now(),
        run: held.run().to_owned(),
        channel: String::new(),
        event: "lease_expired".to_owned(),
        from: from.instance.clone(),
        to: own.clone(),
        detail: format!("run {} did not give it back", from.run),
    };
    let update = Update {
        events: vec![event],
        ..Update::default()
    };
    if let Err(error) = store.commit(&update).await {
        tracing::warn!(error = %error, "cannot note that a lease ran out");
    }
}
