//! Which rule decided about a rollout, for those who ask why it is as it is.

use crate::plan::rule::Rule;

/// The rules that decide about a rollout under way, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RolloutRule {
    /// A gate has failed, and the release goes back by itself.
    GateFailed,
    /// A rule of the decision table of channels stops it: 3, 4, 8 or 9.
    Channel(Rule),
    /// Both keys name the former version.
    TakenBack,
    /// Its strategy is gone.
    NoStrategy,
    /// A key does not name the release.
    KeyLeft,
    /// It is not enabled.
    NotEnabled,
    /// A gate has failed, and it stands for that.
    Stopped,
    /// A belt or an outage.
    Blocked,
    /// Its wave is not settled.
    Moves,
    /// A gate fails now.
    Fails,
    /// Its wave has not baked, or a gate has not passed often enough.
    Watched,
    /// Its wave waits for people.
    Manual,
    /// It is done.
    Done,
    /// Its window is closed, or a freeze holds.
    Closed,
    /// Another channel comes first.
    After,
    /// The next wave starts.
    NextWave,
    /// Its first wave starts.
    Starts,
    /// The pass only observes.
    Observed,
}

impl RolloutRule {
    /// Its number in the decision tables; blank for one that has none.
    #[must_use]
    pub fn number(self) -> String {
        match self {
            Self::Channel(rule) => return rule.number().to_string(),
            Self::GateFailed => "2a",
            Self::TakenBack => "R1",
            Self::KeyLeft => "R2",
            Self::NotEnabled => "R3",
            Self::Stopped => "R4",
            Self::Blocked => "R5",
            Self::Moves => "R6",
            Self::Fails => "R7",
            Self::Watched => "R8",
            Self::Manual => "R9",
            Self::Done => "R10",
            Self::Closed => "R11",
            Self::After => "R12",
            Self::NextWave => "R13",
            Self::Starts => "11",
            Self::NoStrategy | Self::Observed => "",
        }
        .to_owned()
    }

    /// When it matches.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Channel(rule) => rule.text(),
            Self::GateFailed => "a gate has failed, so the release goes back",
            Self::TakenBack => "both keys name the former version, so the release goes back",
            Self::NoStrategy => "the strategy of the rollout is not in the config, so it stands",
            Self::KeyLeft => "a key does not name the release, so the rollout stands",
            Self::NotEnabled => "the channel is not enabled, so the rollout stands",
            Self::Stopped => "a gate has failed, and nobody let the rollout go on since",
            Self::Blocked => "a belt holds servers of the channel, or their account and region do not answer",
            Self::Moves => "not all servers of the wave carry the version yet",
            Self::Fails => "a gate fails now",
            Self::Watched => "the wave has not baked, or a gate has not passed often enough, or does not pass now",
            Self::Manual => "the wave waits for a tick of advance",
            Self::Done => "the last wave is over, so the rollout is done",
            Self::Closed => "the wave is over, and the window is closed or a freeze holds",
            Self::After => "the wave is over, and a channel that comes first is not at rest",
            Self::NextWave => "the wave is over, so the next one starts",
            Self::Starts => "both keys name a new version, so its first wave starts",
            Self::Observed => "mode is observe, so the rollout stands",
        }
    }

    /// As `explain` shows it: `R6: not all servers of the wave carry the version yet`.
    #[must_use]
    pub fn words(self) -> String {
        match self.number().as_str() {
            "" => self.text().to_owned(),
            number => format!("{number}: {}", self.text()),
        }
    }

    /// What made a rollout stand, by the rule of channels that says so.
    pub(super) const fn standing(rule: Rule, has_strategy: bool) -> Self {
        match rule {
            Rule::Waiting => Self::KeyLeft,
            Rule::Ready => Self::NotEnabled,
            Rule::Promoted if has_strategy => Self::Stopped,
            Rule::Promoted => Self::NoStrategy,
            rule => Self::Channel(rule),
        }
    }
}
