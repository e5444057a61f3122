//! What an instance knows of those that share its store.

use chrono::{DateTime, TimeDelta, Utc};

use crate::adapters::postgres::{Holder, Standing};

/// What is known of the instances that share the store.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The name of this instance.
    pub instance: String,
    /// What the row said last.
    pub standing: Option<Standing>,
    /// Why it cannot be read, in words; `None` while it can.
    pub trouble: Option<String>,
    /// When any instance last completed a pass, by the database's clock.
    pub completed: Option<DateTime<Utc>>,
    /// How far the database's clock is ahead of this host's.
    pub ahead: TimeDelta,
}

impl Shared {
    /// Whether this process holds the lease.
    #[must_use]
    pub fn acts(&self) -> bool {
        let held = self
            .standing
            .as_ref()
            .filter(|standing| standing.row.held_until.is_some());
        held.is_some_and(|standing| is_own(standing.holder.as_ref(), &self.instance))
    }
}

/// Whether this process is that holder.
pub(super) fn is_own(holder: Option<&Holder>, instance: &str) -> bool {
    let here = Holder::here(instance, "", "");
    holder.is_some_and(|holder| {
        (holder.host.as_str(), holder.process, holder.instance.as_str()) == (&here.host, here.process, instance)
    })
}
