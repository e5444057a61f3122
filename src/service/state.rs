//! The state of the service: written by its loop, read by those who ask over HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::metrics::Metrics;
use super::schedule::Schedule;
use super::shared::Shared;
use crate::calls::Calls;
use crate::memory::Event;
use crate::pass_end::Ending;
use crate::report::Report;

/// The loop runs every second. One that has not run for so long hangs.
const HUNG: Duration = Duration::from_secs(30);

/// So many of the last passes are kept.
const PASSES_KEPT: usize = 12;

/// A pass that ended, in whatever way.
#[derive(Clone, Debug)]
pub struct EndedPass {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Its report; `None` when it could not begin or broke off.
    pub report: Option<Arc<Report>>,
    /// Why it achieved nothing, in words; `None` for a pass that was completed.
    pub reason: Option<String>,
}

impl EndedPass {
    /// The word for how it ended.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.report
            .as_ref()
            .map_or(Ending::Failed, |report| report.outcome)
            .word()
    }

    /// The same pass without its channels, servers and problems: what is kept of it once it is not the last one.
    fn slim(&self) -> Self {
        let slim = |report: &Arc<Report>| Arc::new(report.counts_alone());
        Self {
            report: self.report.as_ref().map(slim),
            reason: self.why(),
            ..self.clone()
        }
    }

    /// How many account regions answered, in words, if it was not all of them.
    #[must_use]
    pub fn unanswered(&self) -> Option<String> {
        self.report.as_ref()?.unanswered()
    }

    /// What kept it from all or part of its work, in words; `None` for a pass that was done.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let cause = || self.report.as_ref().and_then(|report| report.cause());
        self.reason.clone().or_else(cause)
    }
}

/// The state of the service at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the service started.
    pub started: DateTime<Utc>,
    /// When passes are made.
    pub schedule: Schedule,
    /// When the next one is due between those of the schedule, while a rollout is under way.
    pub between: Option<DateTime<Utc>>,
    /// The spreadsheet's id.
    pub spreadsheet: String,
    /// Whether it tags nothing and only says what it would do.
    pub observe: bool,
    /// Since when a pass has been running; `None` if none is.
    pub running: Option<DateTime<Utc>>,
    /// The last pass.
    pub last: Option<EndedPass>,
    /// When the last completed pass ended, whatever it found: by the clock, and by a clock that nobody sets.
    pub completed: Option<(DateTime<Utc>, Instant)>,
    /// The last report that counted servers, or the first that has channels, and when its pass ended.
    pub facts: Option<(DateTime<Utc>, Arc<Report>)>,
    /// The last passes, in order.
    pub passes: Vec<EndedPass>,
    /// What happened last, as the store tells it.
    pub recent: Vec<Event>,
    /// Letters that waited after the last pass that looked, and since when the oldest does.
    pub waiting: (usize, Option<DateTime<Utc>>),
    /// What is wrong with the configuration or credentials files, while older ones are used.
    pub stale: Option<String>,
    /// The instances that share the store, if it is one that can be shared.
    pub shared: Option<Shared>,
    beat: Instant,
}

/// The state of the service, shared by its loop and its answers.
pub struct ServiceState {
    now: Mutex<Snapshot>,
    /// For Prometheus.
    pub metrics: Metrics,
    calls: Mutex<Calls>,
    passes: watch::Sender<u64>,
    asked: Notify,
}

impl ServiceState {
    /// The state of a service that starts now.
    #[must_use]
    pub fn new(metrics: Metrics, schedule: Schedule, spreadsheet: &str, observe: bool, now: DateTime<Utc>) -> Self {
        metrics.due(schedule.next(now));
        let start = Snapshot {
            started: now,
            schedule,
            between: None,
            spreadsheet: spreadsheet.to_owned(),
            observe,
            running: None,
            last: None,
            completed: None,
            facts: None,
            passes: Vec::new(),
            recent: Vec::new(),
            waiting: (0, None),
            stale: None,
            shared: None,
            beat: Instant::now(),
        };
        Self {
            now: Mutex::new(start),
            metrics,
            calls: Mutex::default(),
            passes: watch::Sender::new(0),
            asked: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, Snapshot> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.state().clone()
    }

    /// How many passes have ended. Changes as each of them ends.
    #[must_use]
    pub fn passes(&self) -> watch::Receiver<u64> {
        self.passes.subscribe()
    }

    /// Asks for a pass now. Who asks again before the loop has heard it asks for the same one.
    pub fn ask(&self) {
        self.asked.notify_one();
    }

    /// Waits until somebody asks for a pass.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// When the next tick of `schedule.rollout_every` is due, if one is.
    pub(super) fn due_between(&self, due: Option<DateTime<Utc>>) {
        self.state().between = due;
    }

    /// Notes that the loop runs.
    pub(super) fn beat(&self) {
        self.state().beat = Instant::now();
    }

    /// From now on the clients count here.
    pub(super) fn counts_in(&self, calls: &Calls) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) = calls.clone();
    }

    pub(super) fn began(&self, now: DateTime<Utc>) {
        self.metrics.began(now);
        self.state().running = Some(now);
    }

    /// What is known of the instances that share the store.
    pub(super) fn shares(&self, shared: Option<Shared>) {
        self.state().shared = shared;
    }

    /// What was to be a pass was another instance's.
    pub(super) fn stood_by(&self) {
        self.metrics.stood_by();
        self.state().running = None;
    }

    /// Notes the end of a pass.
    pub(super) fn ended(&self, ended: EndedPass) {
        self.metrics.ended(ended.report.as_deref(), ended.at);
        let mut state = self.state();
        state.running = None;
        if let Some(report) = &ended.report {
            if ended.reason.is_none() || report.outcome == Ending::Stopped {
                state.completed = Some((ended.at, Instant::now()));
            }
            if let Some(backlog) = &report.backlog {
                state.waiting = (backlog.letters, backlog.oldest);
            }
            if !report.recent.is_empty() {
                state.recent.clone_from(&report.recent);
            }
            let counted = report.tally.is_some() || state.facts.is_none();
            if counted && report.outcome != Ending::Busy && !report.channels.is_empty() {
                state.facts = Some((ended.at, Arc::clone(report)));
            } else if let Some((_, facts)) = &mut state.facts
                && let Some(moved) = facts.with_releases_of(report)
            {
                self.metrics.channels(&moved.channels);
                *facts = Arc::new(moved);
            }
        }
        state.passes.push(ended.slim());
        if state.passes.len() > PASSES_KEPT {
            state.passes.remove(0);
        }
        state.last = Some(ended);
        drop(state);
        self.passes.send_modify(|passes| *passes += 1);
    }

    /// Notes whether what the files say is in use, and if not why.
    pub(super) fn files(&self, trouble: Option<String>) {
        self.metrics.config(trouble.is_none());
        self.state().stale = trouble;
    }

    pub(super) fn follows(&self, schedule: Schedule, spreadsheet: &str, observe: bool) {
        let mut state = self.state();
        state.schedule = schedule;
        spreadsheet.clone_into(&mut state.spreadsheet);
        state.observe = observe;
    }

    /// The metrics as Prometheus reads them.
    ///
    /// # Errors
    /// As [`Metrics::text`].
    pub fn text(&self, now: DateTime<Utc>) -> prometheus::Result<Vec<u8>> {
        let (next, (letters, oldest)) = {
            let state = self.state();
            (state.next_pass(now), state.waiting)
        };
        self.metrics.due(next);
        let age = oldest.and_then(|oldest| (now - oldest).to_std().ok());
        self.metrics.outbox(letters as u64, age.unwrap_or_default());
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.metrics.text(&calls)
    }

    /// Checks that the loop runs.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn alive(&self) -> Result<(), String> {
        let silent = self.state().beat.elapsed();
        if silent < HUNG {
            return Ok(());
        }
        Err(format!("the service loop has not run for {} s", silent.as_secs()))
    }
}

impl Snapshot {
    /// When the next pass is due.
    #[must_use]
    pub fn next_pass(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let between = self.between.filter(|due| *due > now);
        self.schedule.next(now).into_iter().chain(between).min()
    }

    /// Whichever instance completed it, by the database's clock.
    fn shared_ready(&self, shared: &Shared, now: DateTime<Utc>) -> Result<(), String> {
        if let Some(trouble) = &shared.trouble {
            return Err(trouble.clone());
        }
        let recent = |ended| {
            self.schedule
                .recent_until(ended)
                .is_none_or(|until| now + shared.ahead <= until)
        };
        match shared.completed {
            Some(ended) if recent(ended) => Ok(()),
            Some(ended) => Err(format!(
                "no instance has finished a pass for three intervals; the last one ended {}",
                ended.format("%Y-%m-%dT%H:%M:%SZ")
            )),
            None => Err("no instance has finished a pass yet".to_owned()),
        }
    }

    /// Checks that a pass was completed within the last three ticks.
    ///
    /// # Errors
    /// The reason why not, in words.
    pub fn ready(&self, now: DateTime<Utc>) -> Result<(), String> {
        if let Some(shared) = &self.shared {
            return self.shared_ready(shared, now);
        }
        // A clock that was put back makes no pass recent again.
        let ended = self.completed.map(|(at, then)| {
            let passed = TimeDelta::from_std(then.elapsed()).unwrap_or_default();
            now.checked_sub_signed(passed).map_or(at, |since| since.min(at))
        });
        let since = match ended {
            None => "no pass has finished since the start".to_owned(),
            Some(ended) if self.schedule.recent_until(ended).is_none_or(|until| now <= until) => return Ok(()),
            Some(ended) => format!(
                "no pass has finished for three intervals; the last one ended {}",
                ended.format("%Y-%m-%dT%H:%M:%SZ")
            ),
        };
        let why = self.last.as_ref().and_then(|last| last.reason.as_deref());
        Err(why.map_or(since.clone(), |why| format!("{since}: {why}")))
    }
}
