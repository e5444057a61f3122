//! Decides which mail a pass writes: (what is remembered, what the pass found, the configuration, now) → letters for the outbox.
//!
//! Pure, like the plan. News are kept from a pass's first commit on and told in its last, so that a pass killed in between
//! tells them later. A problem is told when it comes and when it goes; one that keeps coming and going is told three times
//! within `email.repeat_after`, and after that it waits for the next letter, or for that time to pass.

mod digest;
mod happened;
mod html;
mod input;
mod links;
mod page;
mod safe;
mod text;
mod track;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::memory::{Memory, Update};
use crate::pass_end::PassEnd;

pub use happened::{later_news, news};
pub use input::{Audience, MailInput, Rules};
pub use links::{Links, spreadsheet};

/// What to remember at the end of a pass: problems as they now stand, and letters to send. Empty when nothing changed.
#[must_use]
pub fn review(memory: &Memory, input: &MailInput<'_>, links: &Links, rules: &Rules<'_>, now: DateTime<Utc>) -> Update {
    let mut update = Update::default();
    // A pass that was told to stop before it decided says nothing: it neither failed nor saw that anything is over.
    if input.report.interrupted {
        return update;
    }
    let threshold = rules.audience.map_or(1, |audience| audience.failure_threshold);
    let mut standing = memory.mail.standing.clone();
    standing.failing = match input.end {
        // It is no pass, and says nothing about whether passes fail.
        PassEnd::Ordered(..) => standing.failing,
        _ if input.report.outcome.is_failing() => (standing.failing + 1).min(threshold),
        _ => 0,
    };
    let mut open = track::follow(memory, input, rules, links, now);
    if let Some(audience) = rules.audience {
        let composer = digest::Composer {
            audience,
            rules,
            report: input.report,
            links,
            now,
            is_order: matches!(input.end, PassEnd::Ordered(..)),
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
