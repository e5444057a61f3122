//! What is wrong with something that was read, and the fix.

use std::fmt;

use serde::Serialize;

/// A problem: of what kind, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// One word: `cookbook`, `tags`, `git`, …
    pub kind: &'static str,
    /// A place: `web.yaml:14:7`, or the name of a thing.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong; after a semicolon the fix.
    pub message: String,
}

impl Problem {
    /// A problem.
    #[must_use]
    pub fn new(kind: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            place: place.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", plain(&self.place), plain(&self.message))
    }
}

/// Makes text of strangers safe for a terminal and a log, on one line: what cannot be seen shows as `\u{…}`.
#[must_use]
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The first `most` characters.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let mut cut: String = text.chars().take(most).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
