//! What a gate says about a rollout: (definition, answers) → reading, and (readings, times) → passes and failures in a row.
//!
//! Nothing is successful by default: what is not known to be good is `no data`, which is not bad either.

mod agents;
mod ask;
mod count;
mod number;
mod reading;

pub use agents::{MemberSays, of_agents};
pub use ask::{Ask, Cohorts, Queries, ask};
pub use count::{Counts, count, forgive, start_wave};
pub use reading::{Answers, of_alarms, of_query};
