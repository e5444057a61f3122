//! What single cells mean, by what their column holds; one that is something else becomes an error that says what, and how to
//! correct it.

use std::sync::Arc;

use crate::problem::{Code, Kind, Problem};
use crate::sheet::RawTab;
use crate::sheet::cell::{Cell, clip, describe, effective};
use crate::sheet::intent::{Key, Tick};
use crate::sheet::layout::Layout;
use crate::tag::{ChannelName, Version};
use crate::text::{describe_char, is_hidden};

/// Longest channel name, in characters: it becomes the value of a tag, and EC2 takes 256
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>).
const CHANNEL_MAX: usize = 256;
/// Longest tag value, from the same page.
const TAG_VALUE_MAX: usize = 256;

pub(super) fn wish(cell: Option<&Cell>, place: &str, errors: &mut Vec<Problem>) -> Option<Arc<str>> {
    let found = value_text(cell).and_then(|text| match bad_text(&text, TAG_VALUE_MAX) {
        Some(what) if !text.is_empty() => Err(what),
        _ => Ok(text),
    });
    match found {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(text.into()),
        Err(what) => {
            let message = format!(
                "{place} holds {what}; a tag's value must be text: format the column as Plain text and type it again"
            );
            errors.push(Problem::new(Kind::BadCell, Code::TagValue, place, message));
            None
        }
    }
}

pub(super) fn key(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Key {
    let wrong = match control_text(cell) {
        Ok(text) if text.is_empty() => return Key::Empty,
        Ok(text) => match Version::parse(&text) {
            Ok(version) => return Key::Names(version),
            Err(what) => format!("{place} holds {what}; type the version again (letters, digits and . _ + - only)"),
        },
        Err(what) => {
            format!("{place} holds {what}; a version must be text: format the column as Plain text and type it again")
        }
    };
    errors.push(Problem::new(Kind::BadCell, Code::Version, place, wrong));
    Key::Unreadable
}

pub(super) fn control_tick(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Tick {
    if let Some(Cell::Formula { text, .. }) = cell {
        let message = format!("{place} holds the formula {}; tick the box by hand", clip(text));
        errors.push(Problem::new(Kind::BadCell, Code::Checkbox, place, message));
        return Tick::Unreadable;
    }
    tick(cell, place, errors)
}

pub(super) fn tick(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Tick {
    let what = match cell {
        None | Some(Cell::Blank) => return Tick::Off,
        Some(Cell::Bool(ticked)) => return if *ticked { Tick::On } else { Tick::Off },
        Some(Cell::Text(text)) => match text.trim() {
            "" => return Tick::Off,
            t if t.eq_ignore_ascii_case("true") => return Tick::On,
            t if t.eq_ignore_ascii_case("false") => return Tick::Off,
            t => format!("the text {}", clip(t)),
        },
        Some(other) => describe(other),
    };
    let message =
        format!("{place} holds {what}; it must be a checkbox (TRUE or FALSE): clear it, then Insert > Checkbox");
    errors.push(Problem::new(Kind::BadCell, Code::Checkbox, place, message));
    Tick::Unreadable
}

/// Reads a channel's name.
///
/// # Errors
/// What is wrong with it, to follow "holds".
pub fn check_channel(text: &str) -> Result<ChannelName, String> {
    match bad_name(text, CHANNEL_MAX) {
        Some(what) => Err(what),
        None if text.starts_with('=') => Err(format!("the text {}, which looks like a formula", clip(text))),
        None => Ok(text.into()),
    }
}

/// What is wrong with a text that will be a name or an id, which others are compared with: besides what is wrong with a value,
/// spaces that are not the usual one, and fillers and selectors that show nothing of their own.
pub(super) fn bad_name(text: &str, max: usize) -> Option<String> {
    let unseen = |c: &char| {
        c.is_whitespace() && *c != ' '
            || matches!(
                c,
                '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
            )
            || matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0080}'..='\u{e0fff}')
    };
    let hides = text.chars().find(unseen).map(cannot_be_seen);
    hides.or_else(|| bad_text(text, max))
}

/// What is wrong with a text that will become the value of a tag.
fn bad_text(text: &str, max: usize) -> Option<String> {
    if let Some(bad) = text.chars().find(|c| is_hidden(*c) || *c == '\u{a0}') {
        return Some(cannot_be_seen(bad));
    }
    let length = text.chars().count();
    (length > max).then(|| format!("{length} characters; at most {max} fit"))
}

fn cannot_be_seen(c: char) -> String {
    format!(
        "{}, which cannot be seen; type the text again without it",
        describe_char(c)
    )
}

/// The trimmed text of a control cell; anything but text or nothing is an error in words.
pub(super) fn control_text(cell: Option<&Cell>) -> Result<String, String> {
    match cell {
        None | Some(Cell::Blank) => Ok(String::new()),
        Some(Cell::Text(text)) => Ok(text.trim().to_owned()),
        Some(other) => Err(describe(other)),
    }
}

/// The trimmed text of a cell that may be computed, such as a server's channel looked up from elsewhere.
pub(super) fn value_text(cell: Option<&Cell>) -> Result<String, String> {
    match cell.map(effective) {
        // The text that a formula shows while it waits for its source is not a value yet.
        Some(Cell::Text(text)) if matches!(cell, Some(Cell::Formula { .. })) && text == "Loading..." => {
            Err("a formula that is still loading".into())
        }
        other => control_text(other),
    }
}

pub(super) fn is_blank(cell: Option<&Cell>) -> bool {
    match cell {
        None | Some(Cell::Blank | Cell::Bool(false)) => true,
        Some(Cell::Text(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

pub(super) fn at<'a>(cells: &'a [Cell], layout: &Layout, header: &str) -> Option<&'a Cell> {
    layout
        .columns
        .get(header)
        .and_then(|column| cells.get(*column as usize))
}

pub(super) fn numbered(tab: &RawTab) -> impl Iterator<Item = (u32, &Vec<Cell>)> {
    tab.rows
        .iter()
        .enumerate()
        .skip(1)
        .map(|(i, cells)| (u32::try_from(i + 1).unwrap_or(u32::MAX), cells))
}
