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

use chrono::{DateTime, Utc};

use crate::config::Email;
use crate::memory::{Memory, Update};
use crate::plan::Plan;
use crate::report::{Ending, Report};
use crate::sheet::parse::{Names, Sheet};

pub use happened::news;
pub use links::Links;

/// What the configuration says about mail.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// `[email]`; without it nothing is written, but problems are followed.
    pub email: Option<&'a Email>,
    /// The spreadsheet's id.
    pub spreadsheet: &'a str,
    /// Names of tabs.
    pub names: &'a Names,
    /// Whether passes only observe.
    pub observe: bool,
}

/// How much a pass saw: what it did not see may still be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everything, and it acted.
    Whole,
    /// Everything, but it broke off before it acted.
    Cut,
    /// The sheet could be read, and a belt stopped the pass.
    Stopped,
    /// The sheet could be read, but not understood.
    Unread,
    /// Nothing.
    Blind,
}

/// The end of a pass, as far as mail goes.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What it says.
    pub report: &'a Report,
    /// How much it saw.
    pub sight: Sight,
    /// What it decided, if it came that far.
    pub plan: Option<&'a Plan>,
    /// The sheet, if it could be understood.
    pub sheet: Option<&'a Sheet>,
}

impl Scene<'_> {
    fn failing(&self) -> bool {
        matches!(self.report.outcome, Ending::Failed | Ending::Stopped)
    }
}

/// What to remember at the end of a pass: problems as they now stand, and letters to send. Empty when nothing changed.
#[must_use]
pub fn review(memory: &Memory, scene: &Scene<'_>, rules: &Rules<'_>, now: DateTime<Utc>) -> Update {
    let mut update = Update::default();
    let threshold = rules.email.map_or(1, |email| email.failure_threshold);
    let mut standing = memory.mail.standing.clone();
    standing.failing = if scene.failing() {
        (standing.failing + 1).min(threshold)
    } else {
        0
    };
    let links = Links::new(rules, scene.sheet, memory);
    let mut open = track::follow(memory, scene, rules, &links, now);
    if let Some(email) = rules.email {
        let desk = digest::Desk {
            email,
            rules,
            scene,
            links: &links,
            now,
        };
        desk.compose(memory, &mut standing, &mut open, &mut update.mail);
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
