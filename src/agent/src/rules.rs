//! What to run: the table of twelve rules, of which the first match wins. Pure; `tests/model` searches it.

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet_words::report::State;

use crate::memory::Memory;

/// What the server's tags say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// They cannot be read, and why.
    Unreadable(String),
    /// They were read.
    Read {
        /// The channel, where there is one.
        channel: Option<String>,
        /// The version, where there is one.
        version: Option<String>,
    },
}

/// What is known of the release that the tags name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// What it is here; `None` while its ref was never looked at.
    pub digest: Option<&'a str>,
    /// Why it must not run here.
    pub refused: Option<&'a str>,
    /// Why it cannot be had or prepared.
    pub failed: Option<&'a str>,
    /// Its splay is not over, or a backoff goes on.
    pub not_due: bool,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Then {
    /// The way back of the open attempt is finished.
    FinishBack,
    /// Nothing is changed.
    Nothing,
    /// The open attempt goes on.
    GoOn,
    /// Good is enforced.
    Enforce,
    /// Good is left as it is.
    Leave,
    /// An attempt begins, with the snapshot of the open one if one is open.
    Attempt,
}

/// The rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its number in the table.
    pub rule: u8,
    /// An open attempt is taken back first, without quarantine.
    pub take_back: bool,
    /// What is done then.
    pub then: Then,
    /// What is said about it.
    pub state: State,
    /// And in detail.
    pub detail: String,
}

/// Automatic ways back within a day after which no attempt is made.
const WAYS_BACK: usize = 3;

/// A channel's name: the characters that a version has.
fn named(text: &str) -> Result<&str, String> {
    fleetsheet_words::version(text)
}

/// The version that the tags name, where it is one and the channel is one.
#[must_use]
pub fn release_of(tags: &Tags) -> Option<(&str, &str)> {
    let Tags::Read { channel, version } = tags else {
        return None;
    };
    let channel = named(channel.as_deref()?).ok()?;
    let version = fleetsheet_words::version(version.as_deref()?).ok()?;
    Some((channel, version))
}

/// Whether three ways back were made within the last day.
#[must_use]
pub fn is_belted(memory: &Memory, now: DateTime<Utc>) -> bool {
    let recent = |at: &&DateTime<Utc>| now - **at < TimeDelta::hours(24);
    memory.backs.iter().filter(recent).count() >= WAYS_BACK
}

/// Decides.
#[must_use]
pub fn decide(memory: &Memory, tags: &Tags, known: Known<'_>, now: DateTime<Utc>) -> Verdict {
    let (rule, then, state, detail) = rule(memory, tags, known, now);
    Verdict {
        rule,
        take_back: (6..=11).contains(&rule) && memory.attempt.is_some(),
        then,
        state,
        detail,
    }
}

fn rule(memory: &Memory, tags: &Tags, known: Known<'_>, now: DateTime<Utc>) -> (u8, Then, State, String) {
    let open = memory.attempt.as_ref();
    if let Some(back) = open.and_then(|attempt| attempt.back.as_ref()) {
        return (1, Then::FinishBack, State::Quarantined, back.why.clone());
    }
    if let Some(hold) = memory.hold.as_ref().filter(|hold| hold.goes_on(now)) {
        return (2, Then::Nothing, State::Held, hold.why.clone());
    }
    let (channel, version) = match tags {
        Tags::Unreadable(_) => (None, None),
        Tags::Read { channel, version } => (channel.as_deref(), version.as_deref()),
    };
    // What cannot be read has not changed.
    if let Some(broken) = &memory.broken
        && (matches!(tags, Tags::Unreadable(_)) || broken.tag == version.unwrap_or_default())
        && known
            .digest
            .is_none_or(|digest| broken.digest.is_empty() || digest == broken.digest)
    {
        return (3, Then::Nothing, State::Broken, broken.why.clone());
    }
    if let Tags::Unreadable(why) = tags {
        let then = if open.is_some() { Then::GoOn } else { Then::Enforce };
        return (4, then, State::Failed, format!("tags {why}"));
    }
    if let Some(attempt) = open
        && version == Some(&attempt.to.version)
        && channel == Some(&attempt.to.channel)
        && known.digest.is_none_or(|digest| digest == attempt.to.digest)
    {
        return (5, Then::GoOn, State::Watching, attempt.to.version.clone());
    }
    let Some(version) = version else {
        return (6, Then::Leave, State::NoRelease, String::new());
    };
    let channel = channel.unwrap_or_default();
    if let Err(why) = named(channel) {
        return (7, Then::Enforce, State::Refused, format!("channel holds {why}"));
    }
    if let Err(why) = fleetsheet_words::version(version) {
        return (7, Then::Enforce, State::Refused, format!("version holds {why}"));
    }
    settled(memory, version, channel, known, now)
}

/// The rules from the eighth on: the tags name a release.
fn settled(
    memory: &Memory,
    version: &str,
    channel: &str,
    known: Known<'_>,
    now: DateTime<Utc>,
) -> (u8, Then, State, String) {
    let is_good = memory.good.as_ref().is_some_and(|good| {
        good.version == version && good.channel == channel && known.digest.is_none_or(|digest| digest == good.digest)
    });
    if is_good {
        return (8, Then::Enforce, State::Ok, version.to_owned());
    }
    if let Some((_, why)) = known.digest.and_then(|digest| memory.quarantine.get(digest)) {
        return (8, Then::Enforce, State::Quarantined, format!("{version}: {why}"));
    }
    if let Some(why) = known.refused {
        return (9, Then::Enforce, State::Refused, format!("{version}: {why}"));
    }
    if is_belted(memory, now) {
        return (
            9,
            Then::Enforce,
            State::Refused,
            format!("{version}: {WAYS_BACK} ways back in 24h"),
        );
    }
    if known.not_due {
        let failed = memory.backoff.as_ref().filter(|backoff| backoff.version == version);
        return failed.map_or_else(
            || (10, Then::Enforce, State::Due, version.to_owned()),
            |backoff| (10, Then::Enforce, State::Failed, format!("{version}: {}", backoff.why)),
        );
    }
    if let Some(why) = known.failed {
        return (11, Then::Enforce, State::Failed, format!("{version}: {why}"));
    }
    (12, Then::Attempt, State::Watching, version.to_owned())
}
