//! The final status of a server: its word, by which it is counted, and what is said besides.

use std::fmt;

use crate::fleet::Server;
use crate::fleet::{Outcome, Reach};
use crate::memory::Refused;
use crate::plan::{Policy, ServerPlan, ServerStatus};
use crate::tag::{Change, TagKey};
use crate::text::plain;

/// What sort of status it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusWord {
    /// Somebody else keeps changing its tags.
    Contested,
    /// It stands in two rows that disagree.
    Duplicate,
    /// A cell of its row cannot be read.
    Error,
    /// Its tags could not be changed.
    Failed,
    /// It was not found for a day.
    Gone,
    /// The sheet says to leave it alone.
    Held,
    /// It carries the right tags.
    InSync,
    /// It was not found.
    Missing,
    /// It would be changed, but the pass only observes.
    Observe,
    /// It has ended.
    Terminated,
    /// It has no channel.
    Unassigned,
    /// Its channel has no row.
    UnknownChannel,
    /// A belt holds its changes, or they wait for a window.
    Waiting,
    /// A rollout has yet to take it.
    WaitsForWave,
}

impl StatusWord {
    /// The word that sheet and metrics show.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Contested => "contested",
            Self::Duplicate => "duplicate",
            Self::Error => "error",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Held => "held",
            Self::InSync => "in sync",
            Self::Missing => "missing",
            Self::Observe => "observe",
            Self::Terminated => "terminated",
            Self::Unassigned => "unassigned",
            Self::UnknownChannel => "unknown channel",
            Self::Waiting => "waiting",
            Self::WaitsForWave => "waits for its wave",
        }
    }
}

/// A status: its word, and what follows the colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its word.
    pub word: StatusWord,
    /// What is said besides; empty: nothing.
    pub detail: String,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word.word())?;
        if self.detail.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.detail)
    }
}

/// The final status of a server; `None` when nothing is known of it, so that nothing is said.
pub(super) fn status(
    server: &ServerPlan,
    live: Option<&Server>,
    outcome: Option<&Outcome>,
    policy: &Policy,
) -> Option<Status> {
    use StatusWord as Word;
    let (word, detail) = match (outcome, &server.status) {
        (_, ServerStatus::AsIs) => return None,
        (Some(Outcome::Failed { message, .. }), _) => (Word::Failed, message.clone()),
        (Some(Outcome::NotSent { why }), _) => (Word::Failed, format!("not sent: {why}")),
        (_, ServerStatus::InSync) if policy.observe && !server.withheld.is_empty() => {
            (Word::Observe, format!("would set {}", words(&server.withheld)))
        }
        (_, ServerStatus::InSync) => (Word::InSync, String::new()),
        (_, ServerStatus::Held) => (Word::Held, String::new()),
        // Its problem and `explain` say which channel may be meant.
        (_, ServerStatus::UnknownChannel(_)) => (Word::UnknownChannel, String::new()),
        (_, ServerStatus::Unassigned) => (Word::Unassigned, carries(live, policy)),
        (_, ServerStatus::Duplicate) => (Word::Duplicate, String::new()),
        (_, ServerStatus::Terminated) => (Word::Terminated, String::new()),
        (_, ServerStatus::Missing) => (Word::Missing, String::new()),
        (_, ServerStatus::Gone) => (Word::Gone, String::new()),
        (_, ServerStatus::Contested(what)) => (Word::Contested, what.clone()),
        (_, ServerStatus::Error(what)) => (Word::Error, what.clone()),
        (_, ServerStatus::Refused(refused)) => (Word::Failed, resting(refused)),
        (_, ServerStatus::Waiting(why)) => (Word::Waiting, why.clone()),
        (_, ServerStatus::WaitsForWindow(what)) => (Word::Waiting, what.clone()),
        (_, ServerStatus::WaitsForWave) => (Word::WaitsForWave, String::new()),
    };
    // It may quote tags, which are somebody else's text.
    let detail = plain(&detail);
    Some(Status { word, detail })
}

/// Why a server is not tried in this pass, and when it will be.
fn resting(refused: &Refused) -> String {
    let at = refused.retry_at.format("%Y-%m-%d %H:%M UTC");
    match refused.reach {
        Reach::Alike => format!(
            "{}; tried again when one that was refused alike is taken, at the latest at {at}",
            refused.why
        ),
        Reach::Alone => format!("{}; tried again at {at}", refused.why),
    }
}

/// Changes in words: `ReleaseVersion 2.3.9 → 2.4.0 (release)`.
#[must_use]
pub fn words(changes: &[Change]) -> String {
    let word = |c: &Change| {
        format!(
            "{} {} → {} ({})",
            c.tag,
            c.before.as_deref().unwrap_or("nothing"),
            c.after,
            c.reason.word()
        )
    };
    changes.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// What a server without a channel carries of our tags.
fn carries(live: Option<&Server>, policy: &Policy) -> String {
    let tag = |key: &TagKey| live.and_then(|s| s.tag(key)).map(ToString::to_string);
    let ours = [&policy.channel_tag, &policy.version_tag].into_iter();
    let carried: Vec<String> = ours.filter_map(tag).collect();
    if carried.is_empty() {
        String::new()
    } else {
        format!("carries {}", carried.join(" "))
    }
}
