//! The ticks of instances that share a store: each looks at the row of the lease, about once a second, and begins a pass when one is
//! due that nobody serves. Whoever served the last tick begins at once, the others `replicas.standby_after` later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::schedule::Schedule;
use super::shared::{Shared, is_own};
use super::state::ServiceState;
use crate::adapters::postgres::{Look, Standing};
use crate::adapters::stores::Place;
use crate::clients::{store_place, terms};
use crate::clock::now;
use crate::config::Config;
use crate::locked_pass::ticks::{last_tick, tick_after};
use crate::memory::LastPass;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The row is looked at so often at least, so that a lease that ran out and a tick of a rollout are noticed.
const LONGEST: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(100);

/// Looks at the row, and sends the ticks that are due here. Ends with whoever holds it.
pub(super) struct Pulse {
    ticks: mpsc::Receiver<DateTime<Utc>>,
    looking: JoinHandle<()>,
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Pulse {
    /// Begins to look, if the store is one that instances share. At its start an instance tries at once.
    pub(super) fn begin(
        config: &Config,
        schedule: &Schedule,
        state: &Arc<ServiceState>,
        completed: &Arc<AtomicBool>,
        starts: bool,
    ) -> Option<Self> {
        let Place::Database(address) = store_place(config) else {
            state.shares(None);
            return None;
        };
        let (sender, ticks) = mpsc::channel(1);
        let looking = Looking {
            look: Look::new(&address),
            instance: terms(config).instance,
            config: config.clone(),
            delay: schedule.delay(),
            state: Arc::clone(state),
            completed: Arc::clone(completed),
            starts,
            served: None,
            done: None,
        };
        Some(Self {
            ticks,
            looking: tokio::spawn(looking.run(sender)),
        })
    }
}

/// The next tick that is due here; for ever none where the store is not shared.
pub(super) async fn tick(pulse: &mut Option<Pulse>) -> Option<DateTime<Utc>> {
    match pulse {
        Some(pulse) => pulse.ticks.recv().await,
        None => std::future::pending().await,
    }
}

struct Looking {
    look: Look,
    instance: String,
    config: Config,
    delay: Duration,
    state: Arc<ServiceState>,
    completed: Arc<AtomicBool>,
    starts: bool,
    served: Option<DateTime<Utc>>,
    done: Option<DateTime<Utc>>,
}

impl Looking {
    async fn run(mut self, ticks: mpsc::Sender<DateTime<Utc>>) {
        while !ticks.is_closed() {
            let began = Instant::now();
            let looked = timeout(PATIENCE, self.look.look()).await;
            let pause = match looked {
                Ok(Ok(Some(standing))) => self.seen(&standing, began.elapsed(), &ticks),
                // The first pass makes the store.
                Ok(Ok(None)) => {
                    self.note(None, None);
                    self.send(&ticks, last_tick(&self.config, now()));
                    LONGEST
                }
                Ok(Err(error)) => self.silent(error.to_string()),
                Err(_) => {
                    self.look.give_up();
                    self.silent("the state store does not answer in time".to_owned())
                }
            };
            sleep(pause).await;
        }
    }

    fn silent(&self, why: String) -> Duration {
        self.state.metrics.store_silent();
        self.note(None, Some(why));
        LONGEST
    }

    /// Takes in what the row says, sends a tick that is due, and gives the time until the next look.
    fn seen(&mut self, standing: &Standing, took: Duration, ticks: &mpsc::Sender<DateTime<Utc>>) -> Duration {
        let row = &standing.row;
        let own = is_own(standing.holder.as_ref(), &self.instance);
        let left = row
            .held_until
            .filter(|_| own)
            .map(|until| (until - row.now).to_std().unwrap_or_default());
        self.state.metrics.store_looked(standing.epoch, left, took);
        if row.tick > self.served {
            if self.served.is_some() {
                self.state.metrics.tick_served(own);
            }
            self.served = row.tick;
        }
        if let Some(last) = standing
            .last
            .as_deref()
            .and_then(|text| serde_json::from_str::<LastPass>(text).ok())
        {
            let outcome = last.report["outcome"].as_str().unwrap_or_default();
            if ["done", "changes", "partial", "held", "stopped"].contains(&outcome) {
                self.done = self.done.max(Some(last.at));
                if outcome != "stopped" {
                    self.state.metrics.succeeded(last.at);
                }
            }
        }
        self.note(Some(standing.clone()), None);
        let after = |moment| tick_after(&self.config, moment);
        let Some((since, tick)) = row.due(after, last_tick(&self.config, row.now)) else {
            return LONGEST;
        };
        let first = own && self.completed.load(Ordering::Relaxed) || std::mem::take(&mut self.starts);
        let wait = match row.held_until {
            Some(_) => Duration::ZERO,
            None if first => self.delay,
            None => self.delay + self.config.replicas.standby_after,
        };
        let at = since + TimeDelta::from_std(wait).unwrap_or_default();
        if at <= row.now {
            self.send(ticks, Some(tick));
            return SHORTEST * 2;
        }
        (at - row.now).to_std().unwrap_or_default().clamp(SHORTEST, LONGEST)
    }

    fn send(&self, ticks: &mpsc::Sender<DateTime<Utc>>, tick: Option<DateTime<Utc>>) {
        if let Some(tick) = tick {
            // One that waits to be heard is the same one, or an older one that will be found served.
            let _ = ticks.try_send(tick);
        }
    }

    fn note(&self, standing: Option<Standing>, trouble: Option<String>) {
        let ahead = standing
            .as_ref()
            .map_or(TimeDelta::zero(), |standing| standing.row.now - now());
        self.state.shares(Some(Shared {
            instance: self.instance.clone(),
            standing,
            trouble,
            completed: self.done,
            ahead,
        }));
    }
}
