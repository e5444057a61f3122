//! The program's own table of rules as a decider of the model.

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet_agent::memory::{self, Back, Broken, Hold, Named};
use fleetsheet_agent::rules::{self, Known, Tags};

use super::rules::{Decider, Needed, Then, Verdict};
use super::world::{A, B, BAD, Memory, Tag};

/// The program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A release that the tag names although it is not decided by its own name.
const OTHER: &str = "9";

fn named(release: u8) -> Named {
    Named {
        channel: "web".into(),
        version: release.to_string(),
        commit: format!("c{release}"),
        digest: format!("d{release}"),
    }
}

fn text(tag: Tag) -> Option<String> {
    match tag {
        Tag::Release(release) => Some(release.to_string()),
        Tag::Nothing | Tag::Unreadable => None,
        Tag::Garbage => Some("2.\u{430}".into()),
        Tag::Unsigned => Some(format!("{OTHER}unsigned")),
        Tag::NotDue => Some(format!("{OTHER}notdue")),
        Tag::Unready => Some(format!("{OTHER}unready")),
    }
}

pub(crate) fn memory(model: &Memory, tag: Tag) -> memory::Memory {
    let quarantine = [A, B, BAD]
        .into_iter()
        .filter(|release| model.quarantine & (1 << release) != 0);
    memory::Memory {
        good: model.good.map(named),
        attempt: model.attempt.map(|open| memory::Attempt {
            to: named(open.release),
            sick: open.sick,
            back: (open.back > 0).then(|| Back {
                level: open.back,
                ..Back::default()
            }),
            ..memory::Attempt::default()
        }),
        quarantine: quarantine
            .map(|release| (format!("d{release}"), (release.to_string(), String::new())))
            .collect(),
        broken: model.broken.map(|then| Broken {
            // What cannot be read is told apart from what is not there by the digest only.
            tag: if then == tag {
                text(then).unwrap_or_default()
            } else {
                format!("other {then:?}")
            },
            ..Broken::default()
        }),
        hold: model.hold.then(|| Hold {
            until: now() + TimeDelta::hours(1),
            why: String::new(),
        }),
        backs: (0..model.backs)
            .map(|n| now() - TimeDelta::hours(i64::from(n)))
            .collect(),
        ..memory::Memory::default()
    }
}

impl Decider for Program {
    fn decide(&self, model: &Memory, tag: Tag) -> Verdict {
        let tags = match tag {
            Tag::Unreadable => Tags::Unreadable("do not answer".into()),
            _ => Tags::Read {
                channel: Some("web".into()),
                version: text(tag),
            },
        };
        let digest = match tag {
            Tag::Release(release) => Some(format!("d{release}")),
            _ => None,
        };
        let known = Known {
            digest: digest.as_deref(),
            refused: (tag == Tag::Unsigned).then_some("not signed"),
            failed: (tag == Tag::Unready).then_some("no space"),
            not_due: tag == Tag::NotDue,
        };
        // The model knows no belt where the ref itself is what keeps it from running.
        let mut memory = memory(model, tag);
        if !matches!(tag, Tag::Release(_)) {
            memory.backs.clear();
        }
        let verdict = rules::decide(&memory, &tags, known, now());
        Verdict {
            rule: verdict.rule,
            take_back: verdict.take_back,
            then: match verdict.then {
                rules::Then::FinishBack => Then::FinishBack,
                rules::Then::Nothing => Then::Nothing,
                rules::Then::GoOn => Then::GoOn,
                rules::Then::Enforce => Then::Enforce,
                rules::Then::Leave => Then::Leave,
                rules::Then::Attempt => Then::Attempt,
            },
        }
    }

    fn has(&self, _: Needed) -> bool {
        true
    }
}
