//! What may be in texts that people see, stated from the Unicode standard and apart from fleetsheet's own notion of it.

use serde_json::Value;

/// Whether a character steers a terminal, breaks a line, turns the reading direction, or cannot be seen at all.
fn is_unsafe(c: char) -> bool {
    if (' '..='~').contains(&c) {
        return false;
    }
    let code = u32::from(c);
    let control = code < 0x20 || (0x7f..0xa0).contains(&code);
    // Unicode, PropList.txt: Bidi_Control.
    let bidi = matches!(code, 0x61c | 0x200e..=0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
    // Line and paragraph separators; zero-width space, joiners and word joiner; soft hyphen; byte order mark; tag characters.
    let hidden = matches!(code, 0x2028..=0x2029 | 0x200b..=0x200d | 0x2060 | 0xad | 0xfeff | 0xe0000..=0xe007f);
    control || bidi || hidden
}

/// Panics if a text that stands on lines of its own holds anything but what can be seen.
#[track_caller]
pub(crate) fn visible(what: &str, text: &str) {
    let found = text.chars().find(|c| *c != '\n' && is_unsafe(*c));
    assert!(found.is_none(), "{what} holds {found:?}: {text:?}");
}

/// The same of one line.
#[track_caller]
pub(crate) fn one_line(what: &str, text: &str) {
    let found = text.chars().find(|c| is_unsafe(*c));
    assert!(found.is_none(), "{what} holds {found:?}: {text:?}");
}

/// Panics if a text has more characters than this.
#[track_caller]
pub(crate) fn at_most(what: &str, text: &str, most: usize) {
    let count = text.chars().count();
    assert!(
        count <= most,
        "{what} has {count} characters, not at most {most}: {:.200}",
        text
    );
}

/// Panics if a text in this object, at any depth, has more characters than this.
#[track_caller]
pub(crate) fn short_texts(what: &str, value: &Value, most: usize) {
    match value {
        Value::String(text) => at_most(what, text, most),
        Value::Array(items) => items.iter().for_each(|item| short_texts(what, item, most)),
        Value::Object(fields) => fields.values().for_each(|field| short_texts(what, field, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The names of all elements that a document opens or closes.
pub(crate) fn elements(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).map(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
    })
}
