//! What holds for each step of a conversation with a mail server: how long it may take, and what is kept of its words.

use std::time::Duration;

use crate::text::is_hidden;

/// Longest wait for one answer. RFC 5321 (4.5.3.2) allows servers minutes, which a pass does not have; a relay that takes
/// mail from programs answers in well under a second.
pub(super) const STEP: Duration = Duration::from_secs(10);
/// How many characters of a server's words are kept.
const WORDS_MAX: usize = 200;

/// Text of unknown origin on one line and bounded.
pub(super) fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(WORDS_MAX).collect()
}
