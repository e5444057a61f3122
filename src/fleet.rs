//! The fleet as the cloud reports it, and the two small traits that read and tag it.
//!
//! A source (an account's region) that did not answer is not an empty one: it is listed with its error.

pub mod filter;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::tag::{Change, ChannelName, ServerId, TagKey, TagSet};
use crate::text::called;

/// One account's region: what answers or fails as a unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The account's name in the configuration.
    #[serde(deserialize_with = "crate::text::shared_text")]
    pub account: Arc<str>,
    /// The region, such as `eu-west-1`.
    #[serde(deserialize_with = "crate::text::shared_text")]
    pub region: Arc<str>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Being started.
    Pending,
    /// Running.
    Running,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// Being terminated.
    ShuttingDown,
    /// Terminated; EC2 shows it for about an hour more.
    Terminated,
}

impl State {
    /// The word EC2 uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// Whether tags on it still mean anything.
    #[must_use]
    pub(crate) fn is_live(self) -> bool {
        !matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it lives.
    pub source: Source,
    /// Its state.
    pub state: State,
    /// All its tags, those fleetsheet does not manage too (needed to know whether there is room for one more).
    pub tags: TagSet,
    /// Whether the instance metadata service shows its tags, which narrows the characters of keys.
    pub metadata_tags: bool,
    /// Whether it runs on Spot capacity.
    pub spot: bool,
    /// Its availability zone, such as `eu-west-1a`.
    pub zone: Option<Arc<str>>,
}

/// Tags that AWS writes, and nobody else may, on what an Auto Scaling group or a fleet launched.
const LAUNCHERS: [&str; 3] = [
    "aws:autoscaling:groupName",
    "aws:ec2:fleet-id",
    "aws:ec2spot:fleet-request-id",
];

impl Server {
    /// Whether it comes and goes by itself: of an Auto Scaling group or a fleet request, or on Spot.
    #[must_use]
    pub(crate) fn comes_and_goes(&self) -> bool {
        self.spot || LAUNCHERS.iter().any(|key| self.tags.contains_key(&TagKey::from(*key)))
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.tags
            .get("Name")
            .map(|name| name.trim())
            .filter(|name| !name.is_empty())
    }

    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, key: &TagKey) -> Option<&Arc<str>> {
        self.tags.get(key)
    }
}

/// All servers seen, and how each source answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// The servers of the sources that answered.
    pub servers: BTreeMap<ServerId, Server>,
    /// Every configured source: `None` when it answered whole, else why it did not.
    pub sources: BTreeMap<Source, Option<CloudError>>,
    /// Ids that two sources both returned: the configuration names one account twice. The first source's view is kept.
    pub seen_twice: BTreeMap<ServerId, (Source, Source)>,
}

impl Fleet {
    /// Whether a source answered whole.
    #[must_use]
    pub fn answered(&self, source: &Source) -> bool {
        matches!(self.sources.get(source), Some(None))
    }

    /// A server's id, with its name where the fleet shows one.
    #[must_use]
    pub(crate) fn called(&self, id: &ServerId) -> String {
        called(id.as_str(), self.servers.get(id).and_then(Server::name))
    }

    /// Whether every configured source answered whole.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.sources.values().all(Option::is_none)
    }
}

/// What a failed call means for what may be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudErrorKind {
    /// The API asks for fewer calls. Nothing was applied.
    Throttled,
    /// A fault that may pass, or a call whose outcome is unknown (timeout, lost reply): safe to repeat.
    Transient,
    /// These ids, named by the API, are at fault; nothing was applied.
    BadServers(Vec<ServerId>),
    /// The API names these ids as those that may not be tagged; nothing was applied.
    DeniedServers {
        /// The ids.
        ids: Vec<ServerId>,
        /// Whether a policy forbids these in so many words. Otherwise no policy allows them, which may be so for all servers.
        explicit: bool,
    },
    /// Something about one or more servers of the call is wrong, and the API does not say which; nothing was applied.
    BadBatch,
    /// A refusal that may concern one server of the call, some or all, and names none; nothing was applied.
    Unclear,
    /// Credentials or permissions: every further call of this action to this source would fail too.
    Denied,
    /// A value that no server would take: splitting would not help.
    Rejected,
}

/// A failed call to the cloud, in words for people. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CloudError {
    /// What it means.
    pub kind: CloudErrorKind,
    /// The API's code, such as `UnauthorizedOperation`, or a word of ours (`timeout`).
    pub code: String,
    /// One line: what failed, and what to do about it where we know.
    pub message: String,
}

impl CloudError {
    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient)
    }
}

/// What shall change on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerChange {
    /// Which server.
    pub server: ServerId,
    /// Where it is.
    pub source: Source,
    /// How many user tags it carries now (those that do not start with `aws:`).
    pub user_tags: usize,
    /// Whether its metadata service shows its tags.
    pub metadata_tags: bool,
    /// Its changes, one for each tag.
    pub changes: Vec<Change>,
    /// When they are sent.
    pub stage: Stage,
}

/// When changes are sent. One server's failure stops nothing but what depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// At once; where a channel is named, its later changes wait until this has succeeded.
    First(Option<ChannelName>),
    /// Once everything that its channel's later changes wait for has wholly succeeded.
    After(ChannelName),
}

/// What became of the servers whose changes were tried.
pub type Outcomes = BTreeMap<ServerId, Outcome>;

/// Whom a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This server.
    Alone,
    /// All servers that were meant to get the same tags.
    Alike,
}

/// How one server's change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server carries the tags.
    Done,
    /// It does not, or that is unknown.
    Failed {
        /// Why, in words for people.
        message: String,
        /// Whether the next pass may succeed without anybody doing anything.
        transient: bool,
        /// Whom the refusal is about, of one that comes again unless somebody changes something.
        refused: Option<Reach>,
    },
    /// The change was not tried.
    NotSent {
        /// Why, in words for people.
        why: String,
    },
}

/// Reads the fleet. Failures are per source, inside the result.
#[async_trait]
pub trait FleetReader: Send + Sync {
    /// Reads every configured source, concurrently.
    async fn read(&self) -> Fleet;
}

/// Puts tags on servers.
#[async_trait]
pub trait TagWriter: Send + Sync {
    /// One request, no retry: adds or overwrites `tags` on all `ids` of `source`, or changes nothing.
    ///
    /// # Errors
    /// Classified as [`CloudErrorKind`] says.
    async fn create_tags(&self, source: &Source, ids: &[ServerId], tags: &TagSet) -> Result<(), CloudError>;
}
