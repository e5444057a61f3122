//! Patterns of channel names: `*` stands for any characters, `?` for one.

use wildmatch::WildMatch;

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Glob(WildMatch);

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is blank.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is blank; write a channel's name, or a pattern such as \"*-prod\"".to_owned());
        }
        Ok(Self(WildMatch::new(text.trim())))
    }

    /// Whether it names this channel.
    #[must_use]
    pub fn names(&self, channel: &str) -> bool {
        self.0.matches(channel)
    }
}

/// Several patterns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Globs(pub Vec<Glob>);

impl Globs {
    /// Whether one of them names this channel.
    #[must_use]
    pub fn name(&self, channel: &str) -> bool {
        self.0.iter().any(|glob| glob.names(channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, channel, names) in [
            ("web-prod", "web-prod", true),
            ("web-prod", "web-prod-2", false),
            ("*-prod", "web-prod", true),
            ("*-prod", "web-prod-2", false),
            ("*", "", true),
            ("*", "a/b c\"}", true),
            ("web-?", "web-1", true),
            ("web-?", "web-12", false),
            ("a*b*c", "a-b-b-c", true),
            ("[ab]", "a", false),
            ("[ab]", "[ab]", true),
            ("Web", "web", false),
        ] {
            assert_eq!(
                Glob::read(pattern).unwrap().names(channel),
                names,
                "{pattern} {channel}"
            );
        }
        assert!(Glob::read(" ").unwrap_err().contains("write"));
    }
}
