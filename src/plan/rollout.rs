//! Rollouts: how a release passes to its servers in waves, watched by gates, within windows, and after other channels.
//!
//! The decision about a channel goes by its [`Cohort`]; what a given server is to carry follows from the [`Carry`] that it leaves.

mod adopted;
mod agents;
mod carry;
mod cohort;
mod gates;
mod members;
mod order;
mod phases;
mod place;
mod question;
mod roles;
mod sides;
mod start;
mod step;
mod under_way;
mod watch;
mod words;

pub(super) use adopted::adopt;
pub(super) use carry::{Carry, Wanted};
pub(super) use cohort::{Cohort, cohorts};
pub use gates::before_start;
pub(super) use gates::let_go;
pub(super) use order::{AtRest, go_by, in_order, is_at_rest, named, waits_for};
pub use place::{Place, Turn, place, turn};
pub use question::{Question, questions_before_start, questions_under_way};
pub(super) use roles::{Roles, colours_of, note as note_colours, roles, take_back as take_colours_back};
pub(super) use sides::{Side, Sides};
pub(super) use start::{Started, start};
pub use step::RolloutRule;
pub(super) use under_way::{count_alone, lapse, stand_without_row, taken_back_words, under_way};
pub use watch::{GateLine, Phase, RolloutPlan};
pub(super) use words::blocked_words;
