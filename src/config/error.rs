//! What is wrong with a configuration: every mistake with its key, where it was set, and what to write instead.

use std::fmt::{self, Write as _};

use crate::text::is_hidden;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, such as `limits.batch_size`; empty when the file as a whole is meant.
    pub key: String,
    /// Where it was set: the file, or an environment variable; `None` when it is set nowhere.
    pub place: Option<String>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), &self.place) {
            ("", Some(place)) => write_printable(f, place)?,
            (key, Some(place)) => {
                write_printable(f, key)?;
                f.write_str(" (")?;
                write_printable(f, place)?;
                f.write_str(")")?;
            }
            (key, None) => write_printable(f, key)?,
        }
        f.write_str(": ")?;
        write_printable(f, &self.message)
    }
}

/// Keys, file names and parts of messages are somebody else's text: none of it may move a terminal's cursor or hide.
fn write_printable(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| {
        if c.is_control() {
            write!(f, "{}", c.escape_debug())
        } else if is_hidden(c) {
            write!(f, "{}", c.escape_unicode())
        } else {
            f.write_char(c)
        }
    })
}

/// Everything that is wrong with a configuration; never empty. Displayed one to a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}
