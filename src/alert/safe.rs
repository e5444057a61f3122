//! Makes other people's text fit for a letter: nothing of it ends a line, turns the reading direction or hides.
//!
//! A header gets even less: single words of a few plain characters, or a neutral word in their stead.

use crate::text::{is_hidden, thousands};

/// Longest channel name or cell that a subject shows.
const WORD_MAX: usize = 60;

/// The text on one line, without what cannot be seen, cut after `max` characters.
#[must_use]
pub(super) fn line(text: &str, max: usize) -> String {
    let shown: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    cut(&words.join(" "), max)
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A name or a place for a header: itself if it is made of a few plain characters, else `instead`.
#[must_use]
pub(super) fn word(text: &str, instead: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+/!:' ".contains(c);
    let short = text.chars().count() <= WORD_MAX;
    if short && !text.trim().is_empty() && text.chars().all(plain) {
        text.trim().to_owned()
    } else {
        instead.to_owned()
    }
}

/// A channel's name or a version for a header. A cell must not be able to say a sentence there, or an address.
#[must_use]
pub(super) fn name(text: &str, instead: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if text.chars().all(plain) {
        word(text, instead)
    } else {
        instead.to_owned()
    }
}

/// A header's text: ASCII, one line, at most `max` characters.
#[must_use]
pub(super) fn subject(text: &str, max: usize) -> String {
    let ascii: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
    if ascii.len() <= max {
        return ascii;
    }
    format!("{}...", ascii[..max.saturating_sub(3)].trim_end())
}

/// An address that leads into the spreadsheet, else nothing.
#[must_use]
pub(super) fn link(address: &str) -> String {
    let fits = address.starts_with("https://docs.google.com/") && address.chars().all(|c| c.is_ascii_graphic());
    if fits { address.to_owned() } else { String::new() }
}

/// A count and its noun.
#[must_use]
pub(super) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// The first letter as a capital, if the first word is one of ours: a name stays as it is.
#[must_use]
pub(super) fn capital(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    if word.is_empty() || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return text.to_owned();
    }
    text[..1].to_ascii_uppercase() + &text[1..]
}
