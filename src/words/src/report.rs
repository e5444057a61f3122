//! What an agent reports in its tag: `STATE[ DETAIL] @ 2026-11-22T13:08:20Z`. At most 256 characters, all of which a tag's value may
//! have everywhere.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};

/// Longest value of a tag, in characters.
const LONGEST: usize = 256;
const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// The first word of a report.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum State {
            $($(#[$doc])* $name,)*
        }

        impl State {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word itself.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

states! {
    /// What the tag names runs.
    Ok = "ok",
    /// What the tag names is not due yet.
    Due = "due",
    /// It was applied, and is watched.
    Watching = "watching",
    /// It runs, and its health checks fail.
    Unhealthy = "unhealthy",
    /// It failed here, and the last good release runs.
    Quarantined = "quarantined",
    /// Somebody or something changes a resource again and again.
    Contested = "contested",
    /// It could not be prepared, or circumstances were against it.
    Failed = "failed",
    /// It must not run here.
    Refused = "refused",
    /// A person said that nothing is to be changed.
    Held = "held",
    /// The tag names no version.
    NoRelease = "no-release",
    /// The last way back failed; a person is needed.
    Broken = "broken",
}

impl State {
    /// The state of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.word() == word)
    }

    /// Whether somebody should look.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::Unhealthy | Self::Quarantined | Self::Contested | Self::Failed | Self::Refused | Self::Broken
        )
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it stands.
    pub state: State,
    /// What about it; may be empty.
    pub detail: String,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// Whether a value of a tag may have this character, and an agent writes it.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " +-=._:/@".contains(c)
}

impl Report {
    /// A report whose detail has only characters that a tag may have: others become `_`, and what is too long is cut.
    #[must_use]
    pub fn new(state: State, detail: &str, at: DateTime<Utc>) -> Self {
        // " @ " is what a reader looks for from the end, so one in the detail does no harm; spaces at its ends would be lost.
        let plain: String = detail.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        let room = LONGEST - state.word().len() - " ".len() - " @ 2026-11-22T13:08:20Z".len();
        let cut: String = plain.trim().chars().take(room).collect();
        Self {
            state,
            detail: cut.trim_end().to_owned(),
            at,
        }
    }

    /// Reads the value of a tag. `None` if no agent wrote that.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > LONGEST || !value.chars().all(is_plain) {
            return None;
        }
        let (said, at) = value.rsplit_once(" @ ")?;
        let at = NaiveDateTime::parse_from_str(at, TIME).ok()?.and_utc();
        let (word, detail) = said.split_once(' ').unwrap_or((said, ""));
        // People, and agents of others, put a colon between the two.
        let word = word.strip_suffix(':').unwrap_or(word);
        Some(Self {
            state: State::of(word)?,
            detail: detail.to_owned(),
            at,
        })
    }

    /// Whether its detail is about this version: `2.4.0`, or `2.4.0: health site 502`.
    #[must_use]
    pub fn names(&self, version: &str) -> bool {
        let named = self.detail.split([':', ' ']).next();
        !version.is_empty() && named == Some(version)
    }

    /// What it says, without its time.
    #[must_use]
    pub fn said(&self) -> String {
        if self.detail.is_empty() {
            return self.state.word().to_owned();
        }
        format!("{} {}", self.state.word(), self.detail)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} @ {}", self.said(), self.at.format(TIME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        "2026-11-22T13:08:20Z".parse().unwrap()
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for state in State::ALL {
            for detail in ["", "2.4.0: health site 502", "a @ b", "a  b"] {
                let report = Report::new(*state, detail, at());
                assert_eq!(Report::parse(&report.to_string()), Some(report));
            }
        }
        assert_eq!(
            Report::new(State::Quarantined, "2.4.0: health site 502", at()).to_string(),
            "quarantined 2.4.0: health site 502 @ 2026-11-22T13:08:20Z"
        );
    }

    #[test]
    fn a_colon_behind_the_state_is_read_over() {
        let report = Report::new(State::Failed, "tags", at());
        assert_eq!(Report::parse("failed: tags @ 2026-11-22T13:08:20Z"), Some(report));
        assert_eq!(Report::parse("failed:: tags @ 2026-11-22T13:08:20Z"), None);
    }

    #[test]
    fn it_is_about_the_version_that_it_names_first() {
        let says = |detail| Report::new(State::Quarantined, detail, at());
        for detail in ["2.4.0", "2.4.0: health site 502", "2.4.0 again"] {
            assert!(says(detail).names("2.4.0"), "{detail}");
        }
        for detail in ["", "2.4.01: x", "2.4.0-rc1: x", "2.3.9: not 2.4.0"] {
            assert!(!says(detail).names("2.4.0"), "{detail}");
        }
        assert!(!says("").names(""));
    }

    #[test]
    fn it_fits_a_tag() {
        let report = Report::new(State::Failed, &"\u{430}\u{1b}[31m;$(x)\n ".repeat(60), at()).to_string();
        assert!(report.len() <= 256 && report.chars().all(is_plain), "{report}");
        assert!(Report::parse(&report).is_some());
    }

    #[test]
    fn what_no_agent_wrote_is_no_report() {
        for other in [
            "",
            "ok",
            "fine @ 2026-11-22T13:08:20Z",
            "ok @ yesterday",
            "ok @ 2026-13-22T13:08:20Z",
            "ok <b> @ 2026-11-22T13:08:20Z",
            &format!("ok {} @ 2026-11-22T13:08:20Z", "a".repeat(256)),
        ] {
            assert_eq!(Report::parse(other), None, "{other}");
        }
    }
}
