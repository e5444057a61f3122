//! One emulated instance: its state, its tags, and the older tags that a late read still shows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// The tags of an instance, by key.
pub type Tags = BTreeMap<String, String>;

/// The states of an instance, in the words of EC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being started.
    Pending,
    /// Up.
    Running,
    /// On its way to `Terminated`.
    ShuttingDown,
    /// Gone for good, visible for a while yet.
    Terminated,
    /// On its way to `Stopped`.
    Stopping,
    /// Off, and can be started again.
    Stopped,
}

impl State {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// An instance as the emulator knows it.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Instance id, unique over all accounts and regions.
    pub id: String,
    /// Account that owns it.
    pub account: String,
    /// Region that it runs in.
    pub region: String,
    /// Present state.
    pub state: State,
    /// The true tags, `aws:` ones included.
    pub tags: Tags,
    /// When it was launched.
    pub launched: DateTime<Utc>,
    /// Whether its metadata service shows the tags, which narrows the keys that it accepts.
    pub metadata_tags: bool,
    /// Whether it runs on Spot capacity.
    pub spot: bool,
    /// From when on it can be tagged.
    pub taggable_from: DateTime<Utc>,
    /// When it was told to terminate.
    pub terminated: Option<DateTime<Utc>>,
    pub(crate) reservation: u64,
    late: Option<Late>,
}

/// What reads show while they lag behind a write.
#[derive(Debug, Clone)]
struct Late {
    tags: Tags,
    until: DateTime<Utc>,
    reads: u32,
}

impl Instance {
    /// A running instance that was launched at `launched` and can be tagged at once.
    pub(crate) fn new(id: String, account: &str, region: &str, tags: Tags, launched: DateTime<Utc>) -> Self {
        Self {
            id,
            account: account.to_owned(),
            region: region.to_owned(),
            state: State::Running,
            tags,
            launched,
            metadata_tags: false,
            spot: false,
            taggable_from: launched,
            terminated: None,
            reservation: 0,
            late: None,
        }
    }

    /// The tags that a read at `now` shows.
    pub(crate) fn shown_tags(&self, now: DateTime<Utc>) -> &Tags {
        match &self.late {
            Some(late) if late.reads > 0 || late.until > now => &late.tags,
            _ => &self.tags,
        }
    }

    /// Counts a read of the instance, after which the truth may show.
    pub(crate) fn was_read(&mut self, now: DateTime<Utc>) {
        if let Some(late) = &mut self.late {
            late.reads = late.reads.saturating_sub(1);
            if late.reads == 0 && late.until <= now {
                self.late = None;
            }
        }
    }

    /// Keeps the present tags for reads to show until `until` and for `reads` reads; to be called before a write.
    pub(crate) fn lag(&mut self, now: DateTime<Utc>, until: DateTime<Utc>, reads: u32) {
        if until <= now && reads == 0 {
            self.late = None;
            return;
        }
        let tags = self.shown_tags(now).clone();
        self.late = Some(Late { tags, until, reads });
    }

    /// Forgets the lag: reads show the truth.
    pub(crate) fn catch_up(&mut self) {
        self.late = None;
    }

    /// The number of tags that count towards the limit: the cloud's own `aws:` tags do not.
    pub(crate) fn user_tags(&self) -> usize {
        self.tags.keys().filter(|key| !is_reserved(key)).count()
    }
}

/// Whether a tag key belongs to the cloud itself, in whatever letter case.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

/// Whether an id has the form of an instance id: `i-` and 8 or 17 hexadecimal digits.
pub(crate) fn is_instance_id(id: &str) -> bool {
    id.strip_prefix("i-").is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// A fixed shuffle of the integers (splitmix64): seeds, ids and tokens that look random and are the same every time.
pub(crate) fn scramble(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
