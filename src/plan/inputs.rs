//! What a decision is made from, as one value: whatever is new to decide from is one field more, not one argument more.

use chrono::{DateTime, Utc};

use super::policy::Policy;

use crate::fleet::Fleet;
use crate::gate::Readings;
use crate::memory::Memory;
use crate::sheet::parse::Sheet;

/// What is left to decide from while the sheet cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct Blind<'a> {
    /// The fleet, as far as its sources answered.
    pub fleet: &'a Fleet,
    /// What is remembered.
    pub memory: &'a Memory,
    /// How to decide.
    pub policy: &'a Policy,
    /// What gates gave in this pass.
    pub readings: &'a Readings,
    /// The time of the pass.
    pub now: DateTime<Utc>,
}

/// All that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The spreadsheet, as understood.
    pub sheet: &'a Sheet,
    /// The fleet, as far as its sources answered.
    pub fleet: &'a Fleet,
    /// What is remembered.
    pub memory: &'a Memory,
    /// How to decide.
    pub policy: &'a Policy,
    /// What gates gave in this pass.
    pub readings: &'a Readings,
    /// The time of the pass.
    pub now: DateTime<Utc>,
}
