//! The service: a pass on each tick, one at a time, until it is told to stop.
//!
//! The loop never waits for a pass, so it receives signals, answers probes and judges ticks while one runs. A pass that fails
//! or panics is counted and logged, and the next tick makes another one.

mod ask;
pub mod http;
mod judge;
pub mod metrics;
mod often;
mod page;
pub mod reload;
pub mod replicas;
pub mod schedule;
pub mod shared;
pub mod signals;
pub mod state;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::clock::now;
use crate::config::{Config, Http, Log, Mode};
use crate::refusal::Refusal;
use judge::{broken, judge};
use often::{Often, come};
use reload::{ConfigFiles, Loaded, Reload};
use replicas::Pulse;
use schedule::{ClockWatch, Schedule, Ticks};
use signals::{Heard, Signals, Stop, say_stopping, see_out};
use state::ServiceState;
use work::{Worked, work};

/// How often the loop shows that it runs.
const BEAT: Duration = Duration::from_secs(1);

/// The service.
pub struct Service {
    files: ConfigFiles,
    loaded: Option<Loaded>,
    /// The configuration in use, which also says what a restart would change.
    config: Config,
    state: Arc<ServiceState>,
    ticks: Ticks,
    /// The ticks while a rollout is under way.
    often: Often,
    clock: ClockWatch,
    /// The ticks of instances that share a store, in place of those above.
    pulse: Option<Pulse>,
    /// Whether the last pass of this instance was completed.
    completed: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    work: Option<Work>,
    wanted: Wanted,
}

/// What is under way.
struct Work {
    task: JoinHandle<Worked>,
    passes: bool,
    /// Whether a tick of a rollout asked for it.
    between: bool,
    since: tokio::time::Instant,
}

/// What is to be done next.
#[derive(Clone, Copy, Default)]
struct Wanted {
    pass: bool,
    /// The tick that it is to serve, where instances share them.
    tick: Option<DateTime<Utc>>,
    reload: bool,
}

/// The seed of an installation's own delay.
fn seed(config: &Config) -> String {
    format!("{} {}", config.sheets.spreadsheet_id, config.state.place)
}

/// The schedule of a configuration.
#[must_use]
pub fn schedule(config: &Config) -> Schedule {
    Schedule::new(&config.schedule.cron, &seed(config), now())
}

impl Service {
    /// A service that has not begun. Without `loaded` it tries to connect at each tick.
    #[must_use]
    pub fn new(
        files: ConfigFiles,
        config: Config,
        loaded: Option<Loaded>,
        state: Arc<ServiceState>,
        ticks: Ticks,
    ) -> Self {
        if let Some(loaded) = &loaded {
            state.counts_in(&loaded.clients.calls);
        }
        Self {
            files,
            loaded,
            config,
            state,
            ticks,
            often: Often::default(),
            clock: ClockWatch::new(now(), tokio::time::Instant::now()),
            pulse: None,
            completed: Arc::default(),
            stop: watch::Sender::new(false),
            work: None,
            wanted: Wanted::default(),
        }
    }

    /// Runs until it is told to stop, and gives the exit code.
    pub async fn serve(mut self, mut signals: Signals) -> u8 {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let starts = self.config.schedule.run_at_start;
        self.pulse = Pulse::begin(
            &self.config,
            &schedule(&self.config),
            &self.state,
            &self.completed,
            starts,
        );
        if starts && self.pulse.is_none() {
            self.wanted.pass = true;
            self.begin();
        }
        loop {
            let due = self.often.due(&self.config, now());
            self.state.due_between(due);
            tokio::select! {
                heard = signals.next() => match heard {
                    Heard::Stop(stop) => return self.leave(stop, signals).await,
                    Heard::Reload => {
                        self.wanted.reload = true;
                        self.begin();
                    }
                    Heard::Pass => self.pass_now("SIGUSR1"),
                },
                () = self.state.asked() => self.pass_now("POST /pass"),
                ended = ended(&mut self.work) => self.settle(ended).await,
                Some(()) = self.ticks.next(), if self.pulse.is_none() => self.tick(),
                () = come(due), if self.pulse.is_none() => self.tick_between(),
                Some(tick) = replicas::tick(&mut self.pulse) => self.tick_shared(tick),
                _ = beat.tick() => {
                    self.state.beat();
                    self.mind_the_clock().await;
                }
            }
        }
    }

    /// The trigger waits for the time of its next tick. When the clock is put back by an hour, it would wait for an hour.
    /// (When the clock is put forward, it finds that time past and ticks once.)
    async fn mind_the_clock(&mut self) {
        let Some(set) = self.clock.set_by(now(), tokio::time::Instant::now()) else {
            return;
        };
        let seconds = set.num_seconds();
        warn!(
            clock.set_seconds = seconds,
            "the clock was set; ticks follow it from now on"
        );
        self.often.forget_due();
        if seconds < 0
            && let Err(error) = self.ticks.follow(&schedule(&self.config)).await
        {
            error!(error = %error, "the ticks cannot follow the clock; restart the service");
        }
    }

    /// One pass at a time: a tick that finds one running is skipped, since that pass will have seen nearly the same.
    fn tick(&mut self) {
        if let Some(work) = self.work.as_ref().filter(|work| work.passes) {
            // One that was made between two ticks of cron stands for this one.
            if work.between {
                return;
            }
            self.state.metrics.skipped();
            warn!(
                running.seconds = work.since.elapsed().as_secs(),
                "tick skipped: the previous pass still runs; if this happens often, let schedule.cron tick less often"
            );
            return;
        }
        self.wanted.pass = true;
        self.begin();
    }

    /// A tick of a rollout. A pass that runs reads its gates, too.
    fn tick_between(&mut self) {
        self.often.forget_due();
        if self.work.is_none() {
            self.wanted.pass = true;
            self.begin();
            if let Some(work) = &mut self.work {
                work.between = true;
            }
        }
    }

    /// A tick that is due here, unless another instance was faster. While something is under way it is sent again.
    fn tick_shared(&mut self, tick: DateTime<Utc>) {
        if self.work.is_none() {
            self.wanted.pass = true;
            self.wanted.tick = Some(tick);
            self.begin();
        }
    }

    /// A pass that is asked for while one runs follows it: that one may have read the sheet already. Several are the same one.
    fn pass_now(&mut self, by: &str) {
        info!(by, running = self.work.is_some(), "a pass was asked for");
        self.wanted.pass = true;
        self.begin();
    }

    /// Begins what is wanted, unless something is under way.
    fn begin(&mut self) {
        if self.work.is_some() || !(self.wanted.pass || self.wanted.reload) {
            return;
        }
        let Wanted { pass, tick, reload } = std::mem::take(&mut self.wanted);
        if pass {
            self.state.began(now());
        }
        let (files, loaded, stop) = (self.files.clone(), self.loaded.clone(), self.stop.subscribe());
        let runtime = Handle::current();
        self.work = Some(Work {
            // A thread of its own: the compiler cannot tell that futures with a database connection may move between threads
            // (rust-lang/rust#102211).
            task: spawn_blocking(move || runtime.block_on(work(files, loaded, pass.then_some(tick), reload, stop))),
            passes: pass,
            between: false,
            since: tokio::time::Instant::now(),
        });
    }

    async fn settle(&mut self, ended: (bool, Result<Worked, JoinError>)) {
        let (passes, worked) = ended;
        self.work = None;
        let pass = match worked {
            Ok(Worked { reload, pass }) => {
                self.take_over(reload).await;
                pass
            }
            Err(error) => passes.then(|| Err(Refusal::failed(broken(error)))),
        };
        if let Some(pass) = pass {
            if let Ok(report) = &pass {
                self.often.note(report);
            }
            let ended = judge(pass);
            let completed = ended
                .report
                .as_ref()
                .is_some_and(|report| [0, 4, 5].contains(&report.outcome.exit_code()));
            self.completed.store(completed, Ordering::Relaxed);
            self.state.ended(ended);
        } else if passes {
            self.state.stood_by();
        }
        self.begin();
    }

    async fn take_over(&mut self, reload: Reload) {
        match reload {
            // A bad file that was put back as it was is good again.
            Reload::Same => self.state.files(None),
            Reload::Bad(refusal) => {
                let what = refusal.line();
                if self.loaded.is_some() {
                    error!(
                        reason = what,
                        "configuration or credentials changed and cannot be used; the previous ones stay in use"
                    );
                }
                self.state.files(Some(what));
            }
            Reload::New(loaded) => {
                let config = &loaded.clients.config;
                self.state.files(None);
                self.state.counts_in(&loaded.clients.calls);
                say_restart(&self.config, config);
                self.follow(schedule(config), config).await;
                if self.loaded.is_some() {
                    info!("configuration and credentials were read again and are in use");
                }
                // Settings that need a restart stay as they were at the start.
                let (log, http) = (self.config.log.clone(), self.config.http.clone());
                self.config = Config {
                    log,
                    http,
                    ..config.clone()
                };
                self.loaded = Some(loaded);
                self.often.forget_due();
                let schedule = schedule(&self.config);
                self.pulse = Pulse::begin(&self.config, &schedule, &self.state, &self.completed, false);
            }
        }
    }

    async fn follow(&mut self, schedule: Schedule, config: &Config) {
        if config.schedule.cron != self.config.schedule.cron || seed(config) != seed(&self.config) {
            if let Err(error) = self.ticks.follow(&schedule).await {
                return error!(error = %error, "the schedule cannot be changed; restart the service");
            }
            info!(cron = schedule.line(), "the schedule changed");
        }
        let observe = config.mode == Mode::Observe;
        self.state.follows(schedule, &config.sheets.spreadsheet_id, observe);
    }

    /// Lets the pass under way end, if there is one.
    async fn leave(mut self, stop: Stop, mut signals: Signals) -> u8 {
        let grace = self.config.schedule.shutdown_grace;
        say_stopping(stop, grace);
        self.stop.send_replace(true);
        if let Some(work) = self.work.take() {
            match see_out(work.task, &mut signals, grace).await {
                Err(unfinished) => return unfinished.exit_code(),
                Ok(Ok(Worked { pass: Some(pass), .. })) => self.state.ended(judge(pass)),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => error!("{}", broken(error)),
            }
        }
        info!("stopped");
        0
    }
}

/// Waits for the work under way; for ever if there is none.
async fn ended(work: &mut Option<Work>) -> (bool, Result<Worked, JoinError>) {
    match work {
        Some(work) => (work.passes, (&mut work.task).await),
        None => std::future::pending().await,
    }
}

/// Logs which settings changed that a running service does not take over.
fn say_restart(old: &Config, new: &Config) {
    let Http { listen } = &old.http;
    if *listen != new.http.listen {
        warn!("http.listen changed, which needs a restart");
    }
    let Log { dir, format, keep_days } = &old.log;
    if *dir != new.log.dir || *format != new.log.format || *keep_days != new.log.keep_days {
        warn!("[log] changed, which needs a restart");
    }
}

/// Sends panics to the log, among the lines around them, instead of to standard error alone.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let words = payload.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "panicked: {words}");
    }));
}
