//! Characters by name.

/// Names a character so that a reader can find it even when it cannot be seen.
#[must_use]
pub fn describe_char(c: char) -> String {
    let code = u32::from(c);
    match c {
        ' ' => "a space".into(),
        '\u{a0}' => "a no-break space (U+00A0)".into(),
        '\u{200b}' => "a zero-width space (U+200B)".into(),
        '\u{200c}' => "a zero-width non-joiner (U+200C)".into(),
        '\u{200d}' => "a zero-width joiner (U+200D)".into(),
        '\u{feff}' => "a byte order mark (U+FEFF)".into(),
        '\u{200e}'..='\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            format!("a text direction mark (U+{code:04X})")
        }
        '\u{400}'..='\u{4ff}' => format!("the Cyrillic letter {c} (U+{code:04X})"),
        '\u{370}'..='\u{3ff}' => format!("the Greek letter {c} (U+{code:04X})"),
        '\u{ff01}'..='\u{ff5e}' => format!("the full-width character {c} (U+{code:04X})"),
        c if c.is_control() || c.is_whitespace() => format!("the character U+{code:04X}"),
        c if c.is_ascii() => format!("the character {c:?}"),
        c if c.is_alphanumeric() => format!("the character {c} (U+{code:04X})"),
        _ => format!("the character U+{code:04X}"),
    }
}
