//! Spent keys: when a key loses its effect, and when it counts again.

use super::case::Case;
use crate::memory::{ChannelMemory, KeyState, SpentBy};
use crate::plan::model::Plan;
use crate::sheet::intent::{Key, ReleaseRow};
use crate::tag::Version;

pub(super) fn spend_both(memory: &mut ChannelMemory, by: SpentBy) {
    memory.key_a = KeyState::Spent { held: None, by };
    memory.key_b = KeyState::Spent { held: None, by };
}

/// Spends a key that names the version left. One that cannot be read may name it, and is spent at what it is first read to
/// hold; one that waits for that already goes on waiting.
pub(super) fn spend_named<'k>(state: &mut KeyState, cells: impl Iterator<Item = &'k Key>, left: &Version) {
    if matches!(state, KeyState::Spent { held: None, .. }) {
        return;
    }
    for key in cells {
        let (held, by) = match key {
            Key::Unreadable => (None, SpentBy::UnreadAtRollback),
            Key::Names(version) if version == left => (Some(left.to_string()), SpentBy::Rollback),
            Key::Names(_) | Key::Empty => continue,
        };
        *state = KeyState::Spent { held, by };
    }
}

/// One of a row's keys.
type Cell = fn(&ReleaseRow) -> &Key;

/// Reads the keys for the first time since a rollback without the sheet, where they have not been read since. A key that names the
/// version left is spent. So is one with which both name a third version: no box stands ticked that would hold that version back,
/// and nobody saw whether it was typed before the rollback or after it. A key that cannot be read waits.
pub(super) fn reread_recalled(next: &mut ChannelMemory, rows: &[&ReleaseRow]) {
    let third = third_version(next, rows).cloned();
    let [left_a, left_b] = &mut next.recalled;
    let keys: [(_, _, Cell); 2] = [
        (&mut next.key_a, left_a, |row| &row.key_a),
        (&mut next.key_b, left_b, |row| &row.key_b),
    ];
    for (state, recalled, cell) in keys {
        let Some(left) = recalled.clone() else { continue };
        let cells = rows.iter().map(|row| cell(row));
        spend_named(state, cells.clone().filter(|key| **key != Key::Unreadable), &left);
        if let (KeyState::Live, Some(third)) = (&*state, &third) {
            *state = KeyState::Spent {
                held: Some(third.to_string()),
                by: SpentBy::Unseen,
            };
        }
        if !rows.is_empty() && !cells.clone().any(|key| *key == Key::Unreadable) {
            *recalled = None;
        }
    }
}

/// Spends the keys for a gate that takes a release back: each that names the version left, as a tick does, and both where they name
/// a third version, because no box stands ticked that would hold that one back.
pub(in crate::plan) fn spend_for_gate(next: &mut ChannelMemory, rows: &[&ReleaseRow], left: &Version) {
    let third = third_version(next, rows).cloned();
    let keys: [(_, Cell); 2] = [(&mut next.key_a, |row| &row.key_a), (&mut next.key_b, |row| &row.key_b)];
    for (state, cell) in keys {
        spend_named(state, rows.iter().map(|row| cell(row)), left);
        if let (KeyState::Live, Some(third)) = (&*state, &third) {
            *state = KeyState::Spent {
                held: Some(third.to_string()),
                by: SpentBy::Gate,
            };
        }
    }
}

/// The version that both keys name, if it is not the one in force.
fn third_version<'r>(next: &ChannelMemory, rows: &[&'r ReleaseRow]) -> Option<&'r Version> {
    let named = |row: &&'r ReleaseRow| row.key_a.version().filter(|a| Some(*a) == row.key_b.version());
    let mut agreed = rows.iter().filter_map(named);
    agreed.find(|version| Some(*version) != next.release.as_ref())
}

/// A spent key counts again once its cell is seen, readable, to hold something else.
pub(super) fn reread_key(state: &mut KeyState, key: &Key) {
    let (KeyState::Spent { held, by }, Some(text)) = (&*state, key.text()) else {
        return;
    };
    match held {
        None => {
            *state = KeyState::Spent {
                held: Some(text.to_owned()),
                by: *by,
            };
        }
        Some(held) if held != text => *state = KeyState::Live,
        Some(_) => {}
    }
}

/// Reports each key that counted before this pass and does not count after it. Losing a key that names nothing is not worth a word.
pub(super) fn report_spent(case: &Case<'_>, before: &ChannelMemory, next: &ChannelMemory, plan: &mut Plan) {
    let row = case.row();
    let keys = [
        ("A", &before.key_a, &next.key_a, row.map(|row| &row.key_a)),
        ("B", &before.key_b, &next.key_b, row.map(|row| &row.key_b)),
    ];
    for (which, was, is, key) in keys {
        let (KeyState::Live, KeyState::Spent { by, .. }) = (was, is) else {
            continue;
        };
        if key != Some(&Key::Empty) {
            let text = key.and_then(Key::text).unwrap_or_default();
            let detail = format!("key {which}: {}", why(*by));
            plan.happenings.push(case.happening("key_spent", text, "", detail));
        }
    }
}

/// Why a key was spent, in words.
pub(super) fn why(by: SpentBy) -> &'static str {
    match by {
        SpentBy::Rollback => "it was rolled back",
        SpentBy::UnreadAtRollback => "a key could not be read when a rollback was served",
        SpentBy::Unseen => "nobody saw whether it was typed before the release was rolled back or after that",
        SpentBy::Gate => "a gate took the release back",
        SpentBy::Edit => "the row was edited",
        SpentBy::Absence => "the row was absent",
        SpentBy::TwoRows => "the channel stood in two rows",
        SpentBy::Protection => "the key columns were not protected",
        SpentBy::Takeover => "the store was taken over",
        SpentBy::FirstContact => "it was there before the service first saw the row",
    }
}
