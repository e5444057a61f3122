//! What the emulated cloud is like on a given day: its rate limits, how late its reads are, how long ghosts stay.

use chrono::TimeDelta;

/// A token bucket: how much it holds when full and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests that may come at once.
    pub capacity: f64,
    /// Requests gained a second.
    pub per_second: f64,
}

impl Rate {
    /// A bucket of `capacity` requests that gains `per_second` of them each second.
    pub const fn new(capacity: f64, per_second: f64) -> Self {
        Self { capacity, per_second }
    }
}

/// The buckets of EC2, each kept apart by account, region and action; `None` is a bucket that never empties.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// `CreateTags`.
    pub create_tags: Option<Rate>,
    /// `DeleteTags`.
    pub delete_tags: Option<Rate>,
    /// `DescribeInstances` with a filter or `MaxResults`.
    pub describe: Option<Rate>,
    /// `DescribeInstances` with neither: the dear kind.
    pub describe_unpaginated: Option<Rate>,
}

impl Default for Limits {
    /// The published defaults of an account: tag writes 100 and 10 a second, paginated reads 100 and 20 a second,
    /// unpaginated ones half of that.
    fn default() -> Self {
        Self {
            create_tags: Some(Rate::new(100.0, 10.0)),
            delete_tags: Some(Rate::new(100.0, 10.0)),
            describe: Some(Rate::new(100.0, 20.0)),
            describe_unpaginated: Some(Rate::new(50.0, 10.0)),
        }
    }
}

impl Limits {
    /// No throttling at all.
    pub const fn off() -> Self {
        Self {
            create_tags: None,
            delete_tags: None,
            describe: None,
            describe_unpaginated: None,
        }
    }
}

/// The habits of the emulated cloud. The defaults are the kindest that the real one ever is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Request rate limits.
    pub limits: Limits,
    /// Eventual consistency: `DescribeInstances` shows the tags of before a write for this long …
    pub tags_late_by: TimeDelta,
    /// … and, whatever the time, for this many reads of the instance.
    pub tags_late_reads: u32,
    /// How long a terminated instance is shown as shutting down.
    pub shutting_down_for: TimeDelta,
    /// How long after the order to terminate an instance stays visible at all.
    pub ghost_for: TimeDelta,
    /// How long after the order to terminate the tags stay on the ghost; `None`: as long as the ghost.
    pub ghost_tags_for: Option<TimeDelta>,
    /// How long a launched instance can be described but not yet tagged.
    pub taggable_after: TimeDelta,
    /// The longest life of the keys that `AssumeRole` hands out; a shorter `DurationSeconds` wins.
    pub session_for: TimeDelta,
    /// Most alarms on a page of `DescribeAlarms`, whatever is asked for.
    pub alarms_page: usize,
    /// Seed of the order in which elements are listed; `None` lists them by id.
    pub shuffle: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            tags_late_by: TimeDelta::zero(),
            tags_late_reads: 0,
            shutting_down_for: TimeDelta::seconds(30),
            alarms_page: 100,
            // The vendor says "usually less than one hour".
            ghost_for: TimeDelta::minutes(50),
            ghost_tags_for: None,
            taggable_after: TimeDelta::zero(),
            session_for: TimeDelta::hours(1),
            shuffle: Some(1),
        }
    }
}
