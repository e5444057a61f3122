//! The emulators keep real time, as the services do; this is the one place that reads it.

use chrono::{DateTime, Utc};

/// The present time.
pub(crate) fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the far end has a clock of its own")]
    Utc::now()
}
