//! What a version is.

use crate::describe_char;

/// Longest version, in characters: a tag value may have 256, and half of that is more than any version scheme needs.
const LONGEST: usize = 128;

/// The text, if it is a version to the letter: `[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`.
///
/// # Errors
/// Says why the text is not a version and what to write, in words that follow "holds …". A character that is not allowed is named
/// with its code point, because a Cyrillic `а` or a zero-width space looks as if nothing is wrong.
pub fn version(text: &str) -> Result<&str, String> {
    let Some(first) = text.chars().next() else {
        return Err("no text".into());
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    if let Some((at, bad)) = text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        return Err(format!(
            "{} (character {}); use letters, digits and . _ + - only",
            describe_char(bad),
            at + 1
        ));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(format!(
            "a version that starts with {first:?}; begin it with a letter or a digit"
        ));
    }
    if text.len() > LONGEST {
        return Err(format!(
            "{} characters; a version has at most {LONGEST}: shorten it",
            text.len()
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_one_to_the_letter() {
        for good in ["1", "2.4.0", "v1_b+c-d", &"9".repeat(128)] {
            assert_eq!(version(good), Ok(good));
        }
        for bad in [
            "",
            " 1",
            "1 ",
            ".1",
            "-1",
            "2.4.\u{430}",
            "1/2",
            "1\n",
            &"9".repeat(129),
        ] {
            assert!(version(bad).is_err(), "{bad:?}");
        }
        assert!(version("2.\u{430}").unwrap_err().contains("U+0430"));
    }
}
