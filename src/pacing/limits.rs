//! The limits of the configuration, and the API actions that they hold for.

use std::time::Duration;

/// How fast and how often the cloud may be called. Zero counts as one everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers in a call; EC2 takes 1,000.
    pub batch_size: usize,
    /// Calls under way at a time, over all sources.
    pub concurrency: usize,
    /// `CreateTags` calls a second for each source; EC2's bucket gains 10.
    pub create_tags_per_second: u32,
    /// `CreateTags` calls that may come at once after a quiet while; EC2's bucket holds 100.
    pub create_tags_burst: u32,
    /// `DescribeInstances` calls a second for each source; EC2's bucket gains 20.
    pub describe_per_second: u32,
    /// How long to keep trying.
    pub patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_size: 500,
            concurrency: 8,
            create_tags_per_second: 8,
            create_tags_burst: 50,
            describe_per_second: 15,
            patience: Patience::default(),
        }
    }
}

/// How long, and how often, to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// About how long a source's first throttle stops its calls.
    pub first_pause: Duration,
    /// About the longest that throttles in a row stop them.
    pub longest_pause: Duration,
    /// How far apart a source's calls are taken to have been when they were throttled, if they were closer.
    pub first_spacing: Duration,
    /// The same, if they were further apart.
    pub longest_spacing: Duration,
    /// About how long to wait before a call is repeated whose fault may pass.
    pub first_delay: Duration,
    /// The longest wait before it is repeated again.
    pub longest_delay: Duration,
    /// How often a call is made whose fault may pass.
    pub attempts: u32,
    /// How often a call may be throttled.
    pub throttles: u32,
}

impl Default for Patience {
    /// EC2's bucket gains 10 calls a second, hence the first pause and the first spacing: whatever rate is configured,
    /// calls so far apart pass unless somebody else takes them. Five attempts with these delays bridge about ten
    /// seconds; what is down for longer is better left to the next pass.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(4),
            first_spacing: Duration::from_millis(100),
            longest_spacing: Duration::from_secs(2),
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(10),
            attempts: 5,
            throttles: 60,
        }
    }
}

/// An API action with a quota of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// `CreateTags`.
    CreateTags,
    /// `DescribeInstances`, in pages.
    DescribeInstances,
}

impl Action {
    /// The name that its requests are counted under.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::CreateTags => "ec2.CreateTags",
            Self::DescribeInstances => "ec2.DescribeInstances",
        }
    }
}
