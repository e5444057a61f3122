//! What a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Reason;
use crate::facts::Facts;
use crate::release::{Release, Saved};

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What shall be.
    pub release: &'a Release,
    /// What is.
    pub facts: &'a Facts,
    /// What is owed: services' ids, commands' keys.
    pub owed: &'a BTreeSet<String>,
    /// Commands that ran for this digest, by key.
    pub ran: &'a BTreeSet<String>,
    /// Why what differs is changed.
    pub reason: Reason,
    /// Paths that no release names any more: what is put back, and the services of it.
    pub orphans: &'a BTreeMap<String, (Saved, Vec<String>)>,
}
