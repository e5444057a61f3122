//! Decides which mail a pass writes: (what is remembered, what the pass found, the configuration, now) → letters for the outbox.
//!
//! Pure, like the plan. News are kept from a pass's first commit on and told in its last, so that a pass killed in between
//! tells them later. A problem is told when it comes and when it goes; one that keeps coming and going is told three times
//! within `email.repeat_after`, and after that it waits for the next letter, or for that time to pass.

mod digest;
mod happened;
mod html;
mod links;
mod page;
mod safe;
mod text;
mod track;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::memory::{Memory, Update};
use crate::pass_end::PassEnd;
use crate::plan::Plan;
use crate::problem::Kind;
use crate::report::Report;
use crate::sheet::names::Names;
use crate::sheet::parse::Sheet;

pub use happened::news;
pub use links::Links;

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
    fn recipients(&self, kind: Kind) -> &'a [String] {
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
    fn plan(&self) -> Option<&'a Plan> {
        self.end.decided().map(|decided| &decided.plan)
    }

    fn sheet(&self) -> Option<&'a Sheet> {
        self.end.decided().map(|decided| &decided.observed.sheet)
    }
}

/// What to remember at the end of a pass: problems as they now stand, and letters to send. Empty when nothing changed.
#[must_use]
pub fn review(memory: &Memory, input: &MailInput<'_>, rules: &Rules<'_>, now: DateTime<Utc>) -> Update {
    let mut update = Update::default();
    let threshold = rules.audience.map_or(1, |audience| audience.failure_threshold);
    let mut standing = memory.mail.standing.clone();
    standing.failing = if input.report.outcome.is_failing() {
        (standing.failing + 1).min(threshold)
    } else {
        0
    };
    let links = Links::new(rules, input.sheet(), memory);
    let mut open = track::follow(memory, input, rules, &links, now);
    if let Some(audience) = rules.audience {
        let composer = digest::Composer {
            audience,
            rules,
            report: input.report,
            links: &links,
            now,
        };
        composer.compose(memory, &mut standing, &mut open, &mut update.mail);
    }
    if standing != memory.mail.standing {
        update.mail.standing = Some(standing);
    }
    if open != memory.open {
        update.open = Some(open);
    }
    update
}

/// Subject, plain text and HTML of a letter that only tries whether mail arrives.
#[must_use]
pub fn test_letter(rules: &Rules<'_>, host: &str, now: DateTime<Utc>) -> (String, String, String) {
    let page = page::Page::test(rules, host, now);
    (page.subject.clone(), text::render(&page), html::render(&page))
}
