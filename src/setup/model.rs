//! What a setup is asked for, and what it finds: steps, and what only people can do.

use super::template::Templates;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::names::Names;
use crate::sheet::structure::Edit;

/// What is asked of a spreadsheet.
#[derive(Clone, Debug)]
pub struct SetupRequest<'a> {
    /// How the tabs are to look.
    pub templates: &'a Templates,
    /// Names from the configuration; its key holders are those meant here.
    pub names: &'a Names,
    /// Who holds key A, as configured: groups may follow `group:`.
    pub a_editors: &'a [String],
    /// Who holds key B.
    pub b_editors: &'a [String],
    /// The service account, an editor of each protection that is made.
    pub account: &'a str,
    /// A channel to add a row for; a valid name.
    pub channel: Option<&'a str>,
    /// First id for new tabs, random: passes identify tabs by id, so an id must not be reused.
    pub fresh_id: u32,
}

/// One thing to do, completely or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// A tab or a column.
    pub place: String,
    /// What is done, for people.
    pub what: String,
    /// Whether it repairs something of ours, rather than adding what is not there.
    pub repair: bool,
    /// How.
    pub edits: Vec<Edit>,
}

/// What there is to do, and what cannot be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Setup {
    /// In order.
    pub(super) steps: Vec<Step>,
    /// Why nothing may be done at all; then there are no steps.
    pub(super) refused: Vec<Problem>,
    /// What only a person can do, and must.
    pub(super) open: Vec<Problem>,
    /// What people should know.
    pub(super) notes: Vec<Problem>,
    /// How many things need no step.
    pub(super) right: usize,
    /// Where the channel that was asked for stands already.
    pub(super) channel_at: Option<String>,
}

impl Setup {
    pub(super) fn problem(code: Code, place: &str, message: String) -> Problem {
        Problem::new(Kind::Mismatch, code, place, message)
    }

    pub(super) fn step(&mut self, place: String, what: String, edits: Vec<Edit>) {
        self.steps.push(Step {
            place,
            what,
            repair: false,
            edits,
        });
    }
}
