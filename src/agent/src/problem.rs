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

impl Problem {
    /// Its place, and the rest as text of others, since it holds parts of what was read.
    #[must_use]
    pub fn placed(&self) -> String {
        format!("{} {}", plain(&self.place), quoted(&self.message))
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

/// Text of a tool or of a stranger inside a message of ours: marked, on one line, 200 characters at most.
#[must_use]
pub fn quoted(text: &str) -> String {
    let text = plain(&cut(text.trim(), 200)).replace(['“', '”'], "\"");
    format!("“{text}”")
}

/// Our own words of a message: what stands before the first text of others. Only these go into a tag.
#[must_use]
pub fn own(message: &str) -> &str {
    let (own, _) = message.split_once('“').unwrap_or((message, ""));
    own.trim_end_matches([' ', ':', ';', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_told_from_our_own_words() {
        let message = format!(
            "2.4.0: command:post exit 1 {}",
            quoted("password “hunter2” wrong\n; ok")
        );
        assert_eq!(own(&message), "2.4.0: command:post exit 1");
        assert_eq!(message.matches('”').count(), 1, "{message}");
        assert_eq!(own("2.4.0: health site 502"), "2.4.0: health site 502");
        assert_eq!(own(&format!("git: {}", quoted("x"))), "git");
    }
}
