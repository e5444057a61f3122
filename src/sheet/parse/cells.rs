//! What single cells mean, by what their column holds; one that is something else becomes an error that says what, and how to
//! correct it.

use std::sync::Arc;

use crate::problem::{Code, Kind, Problem};
use crate::sheet::RawTab;
use crate::sheet::cell::{Cell, SPILLED, clip, describe, effective};
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
    let found = value_text(cell, "a tag's value").and_then(|text| match bad_text(&text, TAG_VALUE_MAX) {
        Some(what) if !text.is_empty() => Err(what),
        _ => Ok(text),
    });
    match found {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(text.into()),
        Err(what) => {
            let message = format!("{place} holds {what}");
            errors.push(Problem::new(Kind::BadCell, Code::TagValue, place, message));
            None
        }
    }
}

pub(super) fn key(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Key {
    let read = control_text(cell, "a version").and_then(|text| match &*text {
        "" => Ok(Key::Empty),
        text => Version::parse(text).map(Key::Names),
    });
    read.unwrap_or_else(|what| {
        let message = format!("{place} holds {what}");
        errors.push(Problem::new(Kind::BadCell, Code::Version, place, message));
        Key::Unreadable
    })
}

pub(super) fn control_tick(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Tick {
    if let Some(Cell::Formula { text, .. }) = cell {
        let fix = if text == SPILLED {
            "delete that formula, and tick the box by hand"
        } else {
            "tick the box by hand"
        };
        let message = format!("{place} holds the formula {}; {fix}", clip(text));
        errors.push(Problem::new(Kind::BadCell, Code::Checkbox, place, message));
        return Tick::Unreadable;
    }
    tick(cell, place, errors)
}

/// Reads a box that a formula may set.
pub(super) fn value_tick(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Tick {
    let value = cell.map(effective);
    if matches!(cell, Some(Cell::Formula { .. })) {
        let mut wrong = Vec::new();
        let ticked = tick(value, place.clone(), &mut wrong);
        if !wrong.is_empty() {
            let what = value.map_or_else(String::new, describe);
            let message = format!("{place} holds {what}; let its formula give TRUE or FALSE");
            errors.push(Problem::new(Kind::BadCell, Code::Checkbox, place, message));
        }
        return ticked;
    }
    tick(value, place, errors)
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
/// What is wrong with it and what to do, to follow "holds".
pub fn check_channel(text: &str) -> Result<ChannelName, String> {
    match bad_name(text, CHANNEL_MAX) {
        Some(what) => Err(what),
        None if text.starts_with('=') => Err(format!(
            "the text {}, which looks like a formula; begin it with another character",
            clip(text)
        )),
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
    (length > max).then(|| format!("{length} characters; at most {max} fit: shorten it"))
}

fn cannot_be_seen(c: char) -> String {
    format!(
        "{}, which cannot be seen; type the text again without it",
        describe_char(c)
    )
}

/// The trimmed text of a control cell that holds `noun`; anything but text or nothing is an error in words.
pub(super) fn control_text(cell: Option<&Cell>, noun: &str) -> Result<String, String> {
    let other = match cell {
        None | Some(Cell::Blank) => return Ok(String::new()),
        Some(Cell::Text(text)) => return Ok(text.trim().to_owned()),
        Some(other) => other,
    };
    let fix = match other {
        Cell::Formula { text, .. } if text == SPILLED => "delete that formula, and type it again",
        // A checkbox takes no text.
        Cell::Bool(_) => "remove the checkbox, format the column as Plain text and type it again",
        _ => "format the column as Plain text and type it again",
    };
    Err(format!("{}; {noun} must be text: {fix}", describe(other)))
}

/// The trimmed text of a cell that may be computed, such as a server's channel looked up from elsewhere.
pub(super) fn value_text(cell: Option<&Cell>, noun: &str) -> Result<String, String> {
    let Some(Cell::Formula { value, .. }) = cell else {
        return control_text(cell, noun);
    };
    match &**value {
        // The text that a formula shows while it waits for its source is not a value yet.
        Cell::Text(text) if text == "Loading..." => {
            Err("a formula that is still loading; wait for it, or correct what it loads from".into())
        }
        Cell::Blank => Ok(String::new()),
        Cell::Text(text) => Ok(text.trim().to_owned()),
        Cell::Error(_) => Err(format!("{}; correct its formula", describe(value))),
        other => Err(format!(
            "{}; {noun} must be text: let its formula give text, such as with TO_TEXT()",
            describe(other)
        )),
    }
}

pub(super) fn is_blank(cell: Option<&Cell>) -> bool {
    match cell {
        None | Some(Cell::Blank | Cell::Bool(false)) => true,
        Some(Cell::Text(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// Whether a cell shows nothing, be it a formula or not: people copy formulas down below the last row.
pub(super) fn shows_nothing(cell: Option<&Cell>) -> bool {
    is_blank(cell.map(effective))
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
