//! A wave: how many servers have passed when it is done.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everybody, in hundredths of a percent.
pub(super) const WHOLE: u64 = 10_000;

/// How many of so many servers a share is, rounded down.
pub(super) const fn share_of(share: u64, servers: u64) -> u64 {
    servers.saturating_mul(share) / WHOLE
}

/// How far a wave goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Size {
    /// A share of the channel's servers, in hundredths of a percent.
    Share(u64),
    /// So many servers.
    Count(u64),
    /// Those that are ticked `canary`.
    Canary,
    /// All of an account.
    Account(String),
    /// All of a region.
    Region(String),
    /// All of an availability zone.
    Zone(String),
}

impl Size {
    /// Everybody.
    pub const ALL: Self = Self::Share(WHOLE);

    /// Whether it is a number or a share, and can be compared with others.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Share(_) | Self::Count(_))
    }

    /// How many of so many servers, at least one of them; `None` for what is no number.
    #[must_use]
    pub fn of(&self, servers: u64) -> Option<u64> {
        match self {
            Self::Share(share) => Some(share_of(*share, servers).max(1).min(servers)),
            Self::Count(count) => Some((*count).min(servers)),
            _ => None,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => match (share / 100, share % 100) {
                (whole, 0) => write!(f, "{whole}%"),
                (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
                (whole, part) => write!(f, "{whole}.{part:02}%"),
            },
            Self::Count(count) => write!(f, "{count}"),
            Self::Canary => f.write_str("canary"),
            Self::Account(name) => write!(f, "account:{name}"),
            Self::Region(name) => write!(f, "region:{name}"),
            Self::Zone(name) => write!(f, "zone:{name}"),
        }
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "{text:?} is not the size of a wave; write a share such as \"25%\", a number such as \"5\", \"canary\", \
                 \"account:NAME\", \"region:NAME\" or \"zone:NAME\""
            )
        };
        if let Some(share) = text.strip_suffix('%') {
            return match hundredths(share) {
                Some(share @ 1..=WHOLE) => Ok(Self::Share(share)),
                _ => Err(format!(
                    "{text:?} is not a share of servers; write one of more than 0% and at most 100%, such as \"25%\""
                )),
            };
        }
        if text == "canary" {
            return Ok(Self::Canary);
        }
        if let Some((kind, name)) = text.split_once(':').filter(|(_, name)| !name.trim().is_empty()) {
            let name = name.trim().to_owned();
            return match kind {
                "account" => Ok(Self::Account(name)),
                "region" => Ok(Self::Region(name)),
                "zone" => Ok(Self::Zone(name)),
                _ => Err(wrong()),
            };
        }
        match text.parse() {
            Ok(count @ 1..) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self::Count(count)),
            _ => Err(wrong()),
        }
    }
}

/// A decimal number of at most two places, in hundredths.
pub(super) fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part: u64 = format!("{part:0<2}").parse().ok()?;
    Some(whole.parse::<u64>().ok()? * 100 + part)
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    /// How far it goes.
    pub to: Size,
    /// How long it is watched once it has settled; `None`: as long as its strategy says.
    pub bake: Option<Duration>,
    /// Whether the next wave waits for somebody.
    pub manual: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown_alike() {
        for text in [
            "10%",
            "100%",
            "0.5%",
            "0.01%",
            "33.33%",
            "5",
            "1500",
            "canary",
            "account:main",
            "region:eu-west-1",
            "zone:eu-west-1a",
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.to_string(), text);
            let json = serde_json::to_string(&size).unwrap();
            assert_eq!(serde_json::from_str::<Size>(&json).unwrap(), size);
        }
        for text in [
            "",
            "0%",
            "101%",
            "-5%",
            "5.123%",
            "%",
            "0",
            "-1",
            "+5",
            "1.5",
            "many",
            "account:",
            "az:eu-west-1a",
            "1e3",
        ] {
            let said = text.parse::<Size>().unwrap_err();
            assert!(said.contains("write"), "{text}: {said}");
        }
    }

    #[test]
    fn shares_are_rounded_down_to_at_least_one() {
        let of = |text: &str, servers| text.parse::<Size>().unwrap().of(servers);
        for (text, servers, size) in [
            ("10%", 1500, 150),
            ("25%", 1500, 375),
            ("25%", 3, 1),
            ("50%", 3, 1),
            ("75%", 3, 2),
            ("100%", 3, 3),
            ("25%", 0, 0),
            ("0.01%", 100, 1),
            ("5", 3, 3),
            ("5", 100, 5),
        ] {
            assert_eq!(of(text, servers), Some(size), "{text} of {servers}");
        }
        assert_eq!(of("canary", 3), None);
        assert_eq!(of("zone:a", 3), None);
    }
}
