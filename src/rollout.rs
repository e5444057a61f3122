//! Strategies: how a release passes from its former version to the new one, as a configuration defines it.
//!
//! Nothing here decides. Who is in a wave, and when the next one starts, is [`crate::plan`]'s to say.

mod colours;
mod glob;
mod wave;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::gate::Gate;
use crate::tag::ChannelName;
use crate::window::{Freeze, Window};
pub use colours::{ACTIVE, ColourPhase, Colours, PREVIEW};
pub use glob::{Glob, Globs};
pub use wave::{Size, Wave};

/// What becomes of a rollout of which a gate has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is taken back.
    #[default]
    Rollback,
    /// It stands until somebody lets it go on.
    Pause,
}

/// How many servers of a wave may refuse the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// So many.
    Count(u64),
    /// This share of the wave's members, in hundredths of a percent.
    Share(u64),
}

impl Tolerance {
    /// How many of so many members.
    #[must_use]
    pub const fn of(self, members: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => wave::share_of(share, members),
        }
    }
}

impl FromStr for Tolerance {
    type Err = String;

    /// Reads a number such as `2`, or a share such as `1%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let read = match text.strip_suffix('%') {
            Some(share) => wave::hundredths(share)
                .filter(|share| *share < wave::WHOLE)
                .map(Self::Share),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().map(Self::Count),
            None => None,
        };
        read.ok_or_else(|| {
            format!(
                "{text:?} is not a number of servers or a share below 100%; write 2, or in quotes a share such as \"1%\""
            )
        })
    }
}

/// How the releases of some channels are rolled out.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// Its name.
    pub name: String,
    /// Whose.
    pub channels: Globs,
    /// The waves, the last of which takes everybody.
    pub waves: Vec<Wave>,
    /// How long a wave is watched once it has settled, where it says nothing of its own.
    pub bake: Duration,
    /// How long after servers passed readings do not count.
    pub warmup: Duration,
    /// The names of its gates.
    pub gates: Vec<String>,
    /// What becomes of it when a gate has failed.
    pub on_failure: OnFailure,
    /// How many members may refuse the version.
    pub max_failures: Tolerance,
    /// After how long without a new wave people are told.
    pub stalled_after: Duration,
    /// Channels that must be at rest before a wave starts: see [`Strategy::first`].
    pub after: Vec<ChannelName>,
    /// Its colours, where it is blue-green; then it has no waves.
    pub colours: Option<Colours>,
}

impl Strategy {
    /// The channels that one of its channels waits for, which never waits for itself.
    pub fn first<'a>(&'a self, channel: &'a ChannelName) -> impl Iterator<Item = &'a ChannelName> {
        self.after.iter().filter(move |other| *other != channel)
    }
}

/// All that a configuration says of rollouts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollouts {
    /// In their order: the first that names a channel is its own.
    pub strategies: Vec<Strategy>,
    /// By name.
    pub gates: BTreeMap<String, Gate>,
    /// When servers may pass.
    pub windows: Vec<(Globs, Window)>,
    /// When none may.
    pub freezes: Vec<(Globs, Freeze)>,
}

impl Rollouts {
    /// The strategy of a channel, if one names it.
    #[must_use]
    pub fn strategy_of(&self, channel: &ChannelName) -> Option<&Strategy> {
        self.strategies
            .iter()
            .find(|strategy| strategy.channels.name(channel.as_str()))
    }

    /// The strategy of this name.
    #[must_use]
    pub fn strategy(&self, name: &str) -> Option<&Strategy> {
        self.strategies.iter().find(|strategy| strategy.name == name)
    }

    /// The colours of all strategies that have some.
    pub fn colours(&self) -> impl Iterator<Item = &Colours> {
        self.strategies.iter().filter_map(|strategy| strategy.colours.as_ref())
    }

    /// The windows of a channel.
    #[must_use]
    pub fn windows_of(&self, channel: &ChannelName) -> Vec<&Window> {
        of(&self.windows, channel)
    }

    /// The freezes of a channel.
    #[must_use]
    pub fn freezes_of(&self, channel: &ChannelName) -> Vec<&Freeze> {
        of(&self.freezes, channel)
    }

    /// The gates of a strategy, in its order.
    pub fn gates_of<'a>(&'a self, strategy: &'a Strategy) -> impl Iterator<Item = &'a Gate> {
        strategy.gates.iter().filter_map(|name| self.gates.get(name))
    }
}

fn of<'a, T>(all: &'a [(Globs, T)], channel: &ChannelName) -> Vec<&'a T> {
    all.iter()
        .filter(|(globs, _)| globs.name(channel.as_str()))
        .map(|(_, one)| one)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_a_number_or_a_share() {
        for (text, of, is) in [
            ("0", 100, 0),
            ("2", 100, 2),
            ("1%", 100, 1),
            ("0.5%", 1500, 7),
            ("0%", 9, 0),
        ] {
            assert_eq!(text.parse::<Tolerance>().map(|it| it.of(of)), Ok(is), "{text}");
        }
        for text in ["-1", "", "1.5", "100%", "two", "%"] {
            assert!(text.parse::<Tolerance>().unwrap_err().contains("; write"), "{text}");
        }
    }
}
