//! The present time, and the id of a pass that is made of it.
//!
//! Decisions take the time as an argument. Only the edge of the program asks for it, and it asks here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

use crate::lease::Reading;

/// The present time.
#[must_use]
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the edge, where the time comes in")]
    Utc::now()
}

/// What both clocks say: the one on the wall, and one that nobody sets and that goes on while the machine sleeps.
#[must_use]
pub fn clocks() -> Reading {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Reading {
        awake_or_not: Duration::new(seconds, nanos),
        wall: now(),
    }
}

/// The id of a pass: its time, and eight random digits that tell passes of two machines apart.
#[must_use]
pub fn run_id(now: DateTime<Utc>) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}", now.format("%Y%m%dT%H%M%SZ"), &random[..8])
}
