//! What mail is decided from: who gets it, and how the pass ended.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::pass_end::PassEnd;
use crate::plan::Plan;
use crate::problem::Kind;
use crate::report::Report;
use crate::sheet::names::Names;

/// What the configuration says about mail.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Who gets mail; `None`: nothing is written, but problems are followed.
    pub audience: Option<Audience<'a>>,
    /// The spreadsheet's id.
    pub spreadsheet: &'a str,
    /// Names of tabs.
    pub names: &'a Names,
    /// Whether passes only observe.
    pub observe: bool,
}

/// Who gets mail, and how patient they are.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'a> {
    /// Recipients of all that has no route.
    pub to: &'a [String],
    /// Recipients of single kinds.
    pub routes: &'a BTreeMap<Kind, Vec<String>>,
    /// After how long an open problem is told again.
    pub repeat_after: TimeDelta,
    /// In how many passes running a failure shows before it is told.
    pub failure_threshold: u32,
}

impl<'a> Audience<'a> {
    pub(super) fn recipients(&self, kind: Kind) -> &'a [String] {
        self.routes.get(&kind).map_or(self.to, Vec::as_slice)
    }
}

/// The end of a pass, as far as mail goes.
#[derive(Clone, Copy, Debug)]
pub struct MailInput<'a> {
    /// How it ended.
    pub end: &'a PassEnd,
    /// What it says.
    pub report: &'a Report,
}

impl<'a> MailInput<'a> {
    pub(super) fn plan(&self) -> Option<&'a Plan> {
        self.end.decided().map(|decided| &decided.plan)
    }
}
