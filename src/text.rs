//! Text for people: hidden characters made visible, long texts cut, lists and counts in a form that is easy to read.
//!
//! Names, cells and answers come from strangers and end up in terminals, logs, cells and mails. This is the one place that
//! decides which characters may pass. It stands below every other module.

mod nearest;
mod ordered;
mod shared;

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

pub(crate) use fleetsheet_words::describe_char;
pub(crate) use nearest::{did_you_mean, nearest};
pub(crate) use ordered::{ordered_by, who_ordered};
pub(crate) use shared::{shared, shared_text};

/// Whether a character controls a terminal, ends a line, changes the reading direction, or is invisible. Text from strangers
/// must not bring such a character into a report, a log, a cell or a mail.
#[must_use]
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Makes text of unknown origin safe for a terminal and keeps it on one line: hidden characters show as `\u{…}`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The first `most` characters of a text, with `…` after them if there are more.
#[must_use]
pub(crate) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The same words without a semicolon before a gap: in our messages that parts what is the matter from what to do about it, and what
/// somebody else said must not be taken for advice.
#[must_use]
pub(crate) fn without_semicolons(said: &str) -> String {
    said.replace("; ", ", ")
}

/// Writes a character, or its JSON escape if it is hidden: JSON may be read on a terminal, and allows the escape anywhere in a
/// string.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_shown(out: &mut impl fmt::Write, c: char) -> fmt::Result {
    if !is_hidden(c) {
        return out.write_char(c);
    }
    let mut units = [0; 2];
    c.encode_utf16(&mut units)
        .iter()
        .try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

/// Longest name that is shown whole, in characters: that of an address (RFC 5321, section 4.5.3.1).
const NAME_MAX: usize = 254;

/// The first `most` of some names, and how many more there are: `a, b and 3 more`. The result fits a cell, however many names
/// there are.
pub(crate) fn few<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(most).map(|name| short(name, NAME_MAX)).collect();
    match names.count() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), thousands(more)),
    }
}

/// Longest name that stands beside an id, in characters.
const BESIDE_MAX: usize = 60;

/// An id, with the name that people know it by: `i-0044… (web-prod-euw1-0003)`.
pub(crate) fn called(id: &str, name: Option<&str>) -> String {
    name.map_or_else(|| id.to_owned(), |name| format!("{id} ({})", short(name, BESIDE_MAX)))
}

/// A count with its thousands set apart: `1,500`.
#[must_use]
pub(crate) fn thousands(count: impl fmt::Display) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A length of time in seconds for a log line: nobody reads the digits of a float.
#[must_use]
pub(crate) fn seconds(length: Duration) -> f64 {
    (length.as_secs_f64() * 10.0).round() / 10.0
}

/// `3 min ago`.
#[must_use]
pub(crate) fn ago(time: TimeDelta) -> String {
    format!("{} ago", length(time))
}

/// A length of time in its two largest units.
#[must_use]
pub(crate) fn length(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let (mut rest, mut words) = (seconds, Vec::new());
    for (size, unit) in parts {
        if rest >= size && words.len() < 2 {
            words.push(format!("{} {unit}", rest / size));
            rest %= size;
        } else if !words.is_empty() {
            break;
        }
    }
    if words.is_empty() {
        "0 s".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_stays_short() {
        assert_eq!(few(["a", "b"], 2), "a, b");
        assert_eq!(few(["a", "b", "c", "d"], 2), "a, b and 2 more");
        let long = "ä".repeat(300);
        let listed = few(std::iter::repeat_n(long.as_str(), 500), 10);
        assert!(
            listed.chars().count() < 3000 && listed.ends_with("… and 490 more"),
            "{listed}"
        );
    }

    #[test]
    fn a_float_in_a_log_line_is_short() {
        let text = |millis| seconds(Duration::from_micros(millis)).to_string();
        assert_eq!(text(19_140_805), "19.1");
        assert_eq!(text(60_000_000), "60");
        assert_eq!(text(1), "0");
    }

    #[test]
    fn thousands_are_set_apart() {
        for (count, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(count), shown);
        }
    }
}
