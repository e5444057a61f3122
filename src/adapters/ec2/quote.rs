//! Quotes what APIs and connections say, in a form that fits a cell and a mail.
//!
//! A quotation must never carry a credential, an encoded authorization blob, or more than fits a cell.

use std::error::Error;

use crate::text::{is_hidden, without_semicolons};

/// The longest that we quote an API, in characters. A refusal by policy names who, what, which server and, last, why: the names
/// have some 400 characters.
const QUOTED: usize = 600;

/// Longest code that is shown; EC2's longest have about 50 characters.
const CODE_MAX: usize = 80;

/// The innermost cause, which says most about a connection.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    quoted(&cause.to_string())
}

/// What an API said, for a cell and a mail: on one line, short, without secrets, and without the semicolon that parts advice.
pub(super) fn quoted(text: &str) -> String {
    let text = text
        .split("Encoded authorization failure message")
        .next()
        .unwrap_or_default();
    let mut said = String::new();
    for word in text.split(|c: char| c.is_whitespace() || is_hidden(c)) {
        if word.is_empty() {
            continue;
        }
        if !said.is_empty() {
            said.push(' ');
        }
        said.push_str(if is_secret(word) { "…" } else { word });
    }
    let mut said = without_semicolons(&said);
    if said.chars().count() > QUOTED {
        said = said.chars().take(QUOTED - 1).collect();
        said.push('…');
    }
    said
}

/// What was said, then what to do. What comes after the last semicolon of a message is advice of ours, never the words of
/// somebody else: [`quoted`] has none.
pub(super) fn with_advice(said: &str, advice: Option<&str>) -> String {
    match advice {
        Some(advice) if said.is_empty() => advice.to_owned(),
        Some(advice) => format!("{}; {advice}", said.trim_end_matches('.')),
        None => said.to_owned(),
    }
}

/// A code as one word, as AWS's codes are. Something that answers in place of AWS may send anything as a code.
pub(super) fn word(code: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "._-:".contains(*c);
    let word: String = code.chars().filter(fits).take(CODE_MAX).collect();
    if is_secret(&word) { "…".to_owned() } else { word }
}

/// How an access key's id begins: one that stays, and one that a session has.
const KEY_BEGINS: [&str; 2] = ["AKIA", "ASIA"];

/// How many letters and digits follow at least.
const KEY_GOES_ON: usize = 12;

/// Whether a word holds an access key's id, or is so long that it can only be a token or a blob. The name of a resource may be
/// long. What answers in place of AWS may run words together, so an id may begin anywhere.
fn is_secret(word: &str) -> bool {
    let goes_on = |rest: &str| rest.bytes().take_while(u8::is_ascii_alphanumeric).count() >= KEY_GOES_ON;
    let keys = KEY_BEGINS.iter().flat_map(|begins| word.match_indices(begins));
    (word.len() > 160 && !word.starts_with("arn:aws"))
        || keys.into_iter().any(|(at, begins)| goes_on(&word[at + begins.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_short_and_holds_no_secret() {
        let text = "You are\nnot authorized.\u{7} Encoded authorization failure message: mXyZ0123";
        assert_eq!(quoted(text), "You are not authorized.");
        assert_eq!(quoted("key 'AKIAMOCKMOCKMOCKMOCK' is old"), "key … is old");
        assert_eq!(quoted("key=AKIAMOCKMOCKMOCKMOCK is\u{202e} old"), "… is old");
        assert_eq!(quoted("keyASIAMOCKMOCKMOCKMOCK is old"), "… is old");
        assert_eq!(quoted("no; run this"), "no, run this");
        assert_eq!(quoted("ASIA and AKIAMOCK are short"), "ASIA and AKIAMOCK are short");
        assert_eq!(quoted(&"x".repeat(200)), "…");
        let role = format!("arn:aws:iam::1:role/{}/r", "path/".repeat(40));
        assert_eq!(
            quoted(&format!("on {role} with a deny")),
            format!("on {role} with a deny")
        );
        assert_eq!(word("InvalidInstanceID.NotFound"), "InvalidInstanceID.NotFound");
        assert_eq!(word("no\u{1b}[1m such <b>code</b>"), "no1msuchbcodeb");
        assert_eq!(word("key.ASIA MOCKMOCKMOCKMOCK"), "…");
        assert_eq!(quoted(&"word ".repeat(200)).chars().count(), QUOTED);
    }
}
