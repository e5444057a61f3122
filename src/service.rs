//! The service: a pass on each tick, one at a time, until it is told to stop.
//!
//! The loop never waits for a pass, so it hears signals, answers probes and judges ticks while one runs. Whatever becomes of a
//! pass, a failure or a panic, is counted and said, and the next tick makes another.

pub mod board;
pub mod http;
pub mod metrics;
mod page;
pub mod reload;
pub mod schedule;
pub mod signals;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::commands::{Pass, Refusal, now, once, policy};
use crate::config::{Config, Http, Log};
use crate::pass_end::Ending;
use crate::report::Report;
use crate::text::plain;
use board::{Board, Ended};
use reload::{Loaded, Look, Source};
use schedule::{Schedule, Ticks, Watch};
use signals::{Heard, Signals, Stop, say_stopping, see_out};

/// How often the loop shows that it turns.
const BEAT: Duration = Duration::from_secs(1);

/// The service.
pub struct Service {
    source: Source,
    loaded: Option<Loaded>,
    /// The configuration in use, which also says what a restart would change.
    config: Config,
    board: Arc<Board>,
    ticks: Ticks,
    clock: Watch,
    stop: watch::Sender<bool>,
    work: Option<Work>,
    wanted: Wanted,
}

/// What is under way.
struct Work {
    task: JoinHandle<Worked>,
    passes: bool,
    since: tokio::time::Instant,
}

/// What is to be done next.
#[derive(Clone, Copy, Default)]
struct Wanted {
    pass: bool,
    reload: bool,
}

/// What was done.
struct Worked {
    look: Look,
    pass: Option<Result<Report, Refusal>>,
}

/// The seed of an installation's own delay.
fn seed(config: &Config) -> String {
    format!("{} {}", config.sheets.spreadsheet_id, config.state.path.display())
}

/// The schedule of a configuration.
///
/// # Errors
/// Its line is none, which a checked configuration does not hold.
pub fn schedule(config: &Config) -> Result<Schedule, Refusal> {
    Schedule::new(&config.schedule.cron, &seed(config), now()).map_err(Refusal::config)
}

impl Service {
    /// A service that has not begun. Without `loaded` it tries to connect at each tick.
    #[must_use]
    pub fn new(source: Source, config: Config, loaded: Option<Loaded>, board: Arc<Board>, ticks: Ticks) -> Self {
        if let Some(loaded) = &loaded {
            board.counts_in(&loaded.parts.calls);
        }
        Self {
            source,
            loaded,
            config,
            board,
            ticks,
            clock: Watch::new(now(), tokio::time::Instant::now()),
            stop: watch::Sender::new(false),
            work: None,
            wanted: Wanted::default(),
        }
    }

    /// Runs until it is told to stop, and gives the exit code.
    pub async fn serve(mut self, mut signals: Signals) -> u8 {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if self.config.schedule.run_at_start {
            self.wanted.pass = true;
            self.begin();
        }
        loop {
            tokio::select! {
                heard = signals.next() => match heard {
                    Heard::Stop(stop) => return self.leave(stop, signals).await,
                    Heard::Reload => {
                        self.wanted.reload = true;
                        self.begin();
                    }
                },
                ended = ended(&mut self.work) => self.settle(ended).await,
                Some(()) = self.ticks.next() => self.tick(),
                _ = beat.tick() => {
                    self.board.beat();
                    self.mind_the_clock().await;
                }
            }
        }
    }

    /// The trigger waits for the time of its next tick: of a clock that is put back by an hour it would wait for an hour. (Of
    /// one that is put forward it finds that time past, and ticks once.)
    async fn mind_the_clock(&mut self) {
        let Some(set) = self.clock.look(now(), tokio::time::Instant::now()) else {
            return;
        };
        let seconds = set.num_seconds();
        warn!(
            clock.set_seconds = seconds,
            "the clock was set; ticks go by it from now on"
        );
        if seconds < 0
            && let Ok(schedule) = schedule(&self.config)
            && let Err(error) = self.ticks.follow(&schedule).await
        {
            error!(error = %error, "the ticks cannot follow the clock; restart the service");
        }
    }

    /// One pass at a time: a tick that finds one running is skipped, since that pass will have seen nearly the same.
    fn tick(&mut self) {
        if let Some(work) = self.work.as_ref().filter(|work| work.passes) {
            self.board.metrics.skipped();
            warn!(
                running.seconds = work.since.elapsed().as_secs(),
                "tick skipped: the pass before still runs; if this is usual, let schedule.cron tick less often"
            );
            return;
        }
        self.wanted.pass = true;
        self.begin();
    }

    /// Begins what is wanted, unless something is under way.
    fn begin(&mut self) {
        if self.work.is_some() || !(self.wanted.pass || self.wanted.reload) {
            return;
        }
        let Wanted { pass, reload } = std::mem::take(&mut self.wanted);
        if pass {
            self.board.began(now());
        }
        let (source, loaded, stop) = (self.source.clone(), self.loaded.clone(), self.stop.subscribe());
        let runtime = Handle::current();
        self.work = Some(Work {
            // A thread of its own: of futures that hold a database connection the compiler cannot tell that they may go from
            // thread to thread (rust-lang/rust#102211).
            task: spawn_blocking(move || runtime.block_on(work(source, loaded, pass, reload, stop))),
            passes: pass,
            since: tokio::time::Instant::now(),
        });
    }

    async fn settle(&mut self, ended: (bool, Result<Worked, JoinError>)) {
        let (passes, worked) = ended;
        self.work = None;
        let pass = match worked {
            Ok(Worked { look, pass }) => {
                self.take_over(look).await;
                pass
            }
            Err(error) => passes.then(|| Err(Refusal::failed(broken(error)))),
        };
        if let Some(pass) = pass {
            self.board.ended(judge(pass));
        }
        self.begin();
    }

    async fn take_over(&mut self, look: Look) {
        match look {
            // A bad file that was put back as it was is good again.
            Look::Same => self.board.files(None),
            Look::Bad(refusal) => {
                let what = refusal.line();
                if self.loaded.is_some() {
                    error!(
                        reason = what,
                        "configuration or credentials changed and are bad; those before stay in use"
                    );
                }
                self.board.files(Some(what));
            }
            Look::New(loaded) => {
                let config = &loaded.parts.config;
                self.board.files(None);
                self.board.counts_in(&loaded.parts.calls);
                say_restart(&self.config, config);
                match schedule(config) {
                    Ok(schedule) => self.follow(schedule, config).await,
                    Err(refusal) => error!(reason = %refusal, "the schedule stays as it was"),
                }
                if self.loaded.is_some() {
                    info!("configuration and credentials were read again and are in use");
                }
                // What needs a restart stays what the process was started with.
                let (log, http) = (self.config.log.clone(), self.config.http.clone());
                self.config = Config {
                    log,
                    http,
                    ..config.clone()
                };
                self.loaded = Some(loaded);
            }
        }
    }

    async fn follow(&mut self, schedule: Schedule, config: &Config) {
        if schedule.line() != self.config.schedule.cron || seed(config) != seed(&self.config) {
            if let Err(error) = self.ticks.follow(&schedule).await {
                return error!(error = %error, "the schedule cannot be changed; restart the service");
            }
            info!(cron = schedule.line(), "the schedule changed");
        }
        let observe = config.mode == crate::config::Mode::Observe;
        self.board.follows(schedule, &config.sheets.spreadsheet_id, observe);
    }

    /// Lets the pass under way end, if there is one.
    async fn leave(mut self, stop: Stop, mut signals: Signals) -> u8 {
        let grace = self.config.schedule.shutdown_grace;
        say_stopping(stop, grace);
        self.stop.send_replace(true);
        if let Some(work) = self.work.take() {
            match see_out(work.task, &mut signals, grace).await {
                Err(code) => return code,
                Ok(Ok(Worked { pass: Some(pass), .. })) => self.board.ended(judge(pass)),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => error!("{}", broken(error)),
            }
        }
        info!("stopped");
        0
    }
}

/// Waits for what is under way, for ever if nothing is.
async fn ended(work: &mut Option<Work>) -> (bool, Result<Worked, JoinError>) {
    match work {
        Some(work) => (work.passes, (&mut work.task).await),
        None => std::future::pending().await,
    }
}

/// Looks whether the files changed, then makes a pass with what there is.
async fn work(
    source: Source,
    mut loaded: Option<Loaded>,
    pass: bool,
    reload: bool,
    stop: watch::Receiver<bool>,
) -> Worked {
    let look = source.look(loaded.as_ref(), reload).await;
    if let Look::New(new) = &look {
        loaded = Some(new.clone());
    }
    let pass = match (pass, loaded, &look) {
        (false, ..) => None,
        (true, Some(Loaded { parts, .. }), _) => {
            let policy = policy(&parts.config, &[], false);
            Some(once(&parts, &policy, Pass::silent().until(stop)).await)
        }
        (true, None, Look::Bad(refusal)) => Some(Err(refusal.clone())),
        (true, None, _) => Some(Err(Refusal::failed("nothing is connected"))),
    };
    Worked { look, pass }
}

/// What is said of work that panicked. The panic itself was logged when it happened.
fn broken(error: JoinError) -> String {
    let how = if error.is_panic() { "panicked" } else { "was given up" };
    format!("the pass {how}; this is a fault of fleetsheet, please report it. The next pass finishes what it began")
}

/// Says how a pass ended that did not end well; of the others the pass itself has said it.
fn judge(pass: Result<Report, Refusal>) -> Ended {
    let at = now();
    let report = match pass {
        Ok(report) => report,
        Err(refusal) => {
            let reason = refusal.line();
            error!(reason, "pass failed");
            return Ended {
                at,
                report: None,
                reason: Some(reason),
            };
        }
    };
    let first = report
        .problems
        .first()
        .map(|problem| format!("{}: {}", problem.place, problem.message));
    let why = plain(&first.unwrap_or_else(|| "no reason was given".to_owned()));
    let run = report.run.as_str();
    let _pass = tracing::error_span!(target: "fleetsheet", "pass", run).entered();
    let reason = match report.outcome {
        Ending::Failed if report.interrupted => {
            info!("the pass was given up before it decided anything, because fleetsheet was told to stop");
            Some(why)
        }
        Ending::Failed => {
            error!(reason = why, "pass failed");
            Some(why)
        }
        Ending::Busy => {
            warn!(
                reason = why,
                "no pass was made: another one holds the state store; the next tick tries again"
            );
            Some(why)
        }
        Ending::Stopped => {
            warn!(
                reason = why,
                "a belt or an untrusted sheet stopped the pass before anything was written"
            );
            Some(why)
        }
        Ending::Done | Ending::Partial | Ending::Held | Ending::Changes => None,
    };
    Ended {
        at,
        report: Some(Arc::new(report)),
        reason,
    }
}

/// Names the settings that a running service does not take over.
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

/// Lets panics stand in the log, where the lines around them are, instead of on standard error alone.
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

#[cfg(test)]
mod tests;
