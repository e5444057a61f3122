//! The present time, and the id of a pass that is made of it.
//!
//! Decisions take the time as an argument. Only the edge of the program asks for it, and it asks here.

use chrono::{DateTime, Utc};

/// The present time.
#[must_use]
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the edge, where the time comes in")]
    Utc::now()
}

/// The id of a pass: its time, and eight random digits that tell passes of two machines apart.
#[must_use]
pub fn run_id(now: DateTime<Utc>) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}", now.format("%Y%m%dT%H%M%SZ"), &random[..8])
}
