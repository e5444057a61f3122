//! Gates: numbers, alarms and agents that a rollout is watched by, as a configuration defines them and as their sources answer.
//!
//! Nothing here decides. What an answer means, and how often it must come, is [`crate::plan::gate`]'s to say.

mod answer;
mod definition;
mod reading;
mod template;

pub use answer::{Alarm, AlarmSource, AlarmState, Answer, GateClients, QuerySource, Unanswered, Verdict};
pub use definition::{Agents, Alarms, Gate, Kind, Query, Wrong};
pub use reading::{Reading, Readings, Taken};
pub use template::{Lacking, Slot, Template, Values};
