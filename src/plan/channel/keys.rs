//! Spent keys: when a key loses its effect, and when it counts again.

use super::case::Case;
use crate::memory::{ChannelMemory, KeyState, SpentBy};
use crate::plan::model::Plan;
use crate::sheet::intent::Key;
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

/// Spends a key that is read for the first time since a rollback without the sheet, if it names the version that was left then.
/// One that cannot be read waits.
pub(super) fn reread_recalled<'k>(
    state: &mut KeyState,
    recalled: &mut Option<Version>,
    cells: impl Iterator<Item = &'k Key> + Clone,
) {
    let Some(left) = recalled.clone() else { return };
    spend_named(state, cells.clone().filter(|key| **key != Key::Unreadable), &left);
    if !cells.clone().any(|key| *key == Key::Unreadable) && cells.count() > 0 {
        *recalled = None;
    }
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
        SpentBy::Edit => "the row was edited",
        SpentBy::Absence => "the row was absent",
        SpentBy::TwoRows => "the channel stood in two rows",
        SpentBy::Protection => "the key columns were not protected",
        SpentBy::Takeover => "the store was taken over",
        SpentBy::FirstContact => "it was there before the service first saw the row",
    }
}
