//! What a run holds: the configuration, the store, the memory, and what it did so far.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::action::Action;
use crate::adapters::apt::Apt;
use crate::adapters::imds::{Identity, Imds};
use crate::adapters::probe::Made;
use crate::adapters::store::Store;
use crate::config::Config;
use crate::memory::Memory;
use crate::problem::Problem;
use crate::release::Release;

/// A run in progress.
#[derive(Debug)]
pub struct Machine<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The agent's folder.
    pub store: Store,
    /// What it remembers.
    pub memory: Memory,
    /// Who this server is.
    pub identity: Identity,
    /// The metadata service, where it answers.
    pub imds: Option<Imds>,
    /// The version that the tags name, blank without one; `None` where they cannot be read.
    pub asked: Option<String>,
    /// What was done.
    pub done: Vec<Action>,
    /// Services that were started or restarted.
    pub restarted: Vec<String>,
    /// What checks said last.
    pub health: Vec<Made>,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// When the run has to end.
    pub deadline: Instant,
    /// Whether anything was fetched.
    pub fetches: Vec<(bool, Duration)>,
    /// Ways back, with level and whether it healed.
    pub backs: Vec<(u8, bool)>,
    /// How long each stage took.
    pub stages: BTreeMap<&'static str, Duration>,
}

/// What ends a run early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The release is at fault.
    Release(String),
    /// Circumstances are.
    Circumstances(String),
    /// It must not be done.
    Refused(String),
    /// The agent was told to stop: the rest is the next run's.
    Later,
}

impl Stop {
    /// Why.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Release(why) | Self::Circumstances(why) | Self::Refused(why) => why,
            Self::Later => "told to stop; the rest is the next run's",
        }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Circumstances(format!("disk: {error}"))
    }
}

impl Machine<'_> {
    /// Writes the memory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn remember(&self) -> Result<(), Stop> {
        self.store.remember(&self.memory).map_err(Stop::from)
    }

    /// Good as it was rendered. A crash as it became good may have left it under another name.
    #[must_use]
    pub fn good(&self) -> Option<Release> {
        let good = self.memory.good.as_ref()?;
        let places = [
            "desired/good.json",
            "desired/next.json",
            "desired/attempt.json",
            "desired/former.json",
        ];
        let stored = places.iter().filter_map(|place| self.store.get::<Release>(place));
        stored.into_iter().find(|release| release.digest == good.digest)
    }

    /// apt, as it is configured.
    #[must_use]
    pub fn apt(&self) -> Apt {
        Apt {
            debs: self.store.dir.join("debs"),
            log: self.store.dir.join("log"),
            timeout: self.config.limits.apt,
            lock: self.config.limits.lock,
        }
    }

    /// Notes that a stage went on until now.
    pub fn took(&mut self, stage: &'static str, began: Instant) {
        *self.stages.entry(stage).or_default() += began.elapsed();
    }

    /// Tells of something that is wrong.
    pub fn tell(&mut self, kind: &'static str, place: &str, message: &str) {
        self.problems.push(Problem::new(kind, place, message));
    }
}
