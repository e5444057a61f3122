//! One pass under the store's lock, and then the mail that it made.
//!
//! Holds what a pass needs from outside: the lock, the store, the time limits, somebody who shows how far it is.

pub mod mail;
mod noted;
mod ordered;
mod right;
pub mod ticks;
mod waiting;

use std::io::IsTerminal as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::adapters::stores::{Held, Refused};
use crate::apply::{Progress, Silent};
use crate::clients::{Clients, store_place, terms};
use crate::clock::{now, run_id};
use crate::config::LogFormat;
use crate::memory::{LastPass, Store};
use crate::pass::{self, PassClients, PassInput};
use crate::pass_end::Ending;
use crate::plan::Policy;
use crate::progress::{Bar, Lines};
use crate::refusal::Refusal;
use crate::report::Report;
use crate::stages::{Stage, Stages, millis};
pub use ordered::{OrderParts, Undone, roll_back};
use waiting::Watch;

/// The end of a pass's time that is kept for writing back what became of the tags: two requests and, should the quota be
/// used up, some of the wait for it. A short pass keeps a fifth of its time.
const RESERVE: Duration = Duration::from_secs(30);

/// So many of the last events are told with a report.
const RECENT: u32 = 40;

/// How a pass is watched and stopped.
pub struct PassOptions {
    /// Is told how far the pass is.
    pub progress: Box<dyn Progress>,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// The tick that the pass serves, where several instances share the ticks; `None` for one that was asked for.
    pub tick: Option<DateTime<Utc>>,
    /// Gets the report before mail is sent: nobody should have to wait for that.
    pub show: Show,
    // Keeps the channel open when nobody else stops the pass.
    _keep: Option<watch::Sender<bool>>,
}

/// Shows a report.
pub type Show = Box<dyn FnOnce(&Report) + Send>;

impl PassOptions {
    /// Shows a bar on a terminal and plain lines elsewhere, but nothing where programs read the log lines.
    #[must_use]
    pub fn shown(log: LogFormat) -> Self {
        Self::with(match (std::io::stderr().is_terminal(), log) {
            (true, _) => Box::new(Bar::new()) as Box<dyn Progress>,
            (false, LogFormat::Text) => Box::new(Lines::default()),
            (false, LogFormat::Json) => Box::new(Silent),
        })
    }

    /// The same, until `stop` holds true.
    #[must_use]
    pub fn until(self, stop: watch::Receiver<bool>) -> Self {
        Self {
            stop,
            _keep: None,
            ..self
        }
    }

    /// Shows nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::with(Box::new(Silent))
    }

    fn with(progress: Box<dyn Progress>) -> Self {
        let (keep, stop) = watch::channel(false);
        Self {
            progress,
            stop,
            tick: None,
            show: Box::new(|_| ()),
            _keep: Some(keep),
        }
    }

    /// The same, for this tick.
    #[must_use]
    pub fn serving(self, tick: Option<DateTime<Utc>>) -> Self {
        Self { tick, ..self }
    }

    /// The same, but `show` gets the report as soon as the pass is over.
    #[must_use]
    pub fn showing(self, show: impl FnOnce(&Report) + Send + 'static) -> Self {
        Self {
            show: Box::new(show),
            ..self
        }
    }
}

/// Makes one pass, if no other holds the store; then sends what waits in the outbox.
///
/// # Errors
/// When the store cannot be opened.
pub async fn once(clients: &Clients, policy: &Policy, options: PassOptions) -> Result<Report, Refusal> {
    once_at(clients, policy, options, now()).await
}

/// The same, at a time of the caller's choice: a sandbox has a past. A store in a database has its own time, which counts.
///
/// # Errors
/// As [`once`].
pub async fn once_at(
    clients: &Clients,
    policy: &Policy,
    options: PassOptions,
    now: DateTime<Utc>,
) -> Result<Report, Refusal> {
    match at_tick(clients, policy, options, now).await? {
        Some(report) => Ok(report),
        // Only a pass for a tick can find it served.
        None => Ok(Report::busy(
            &run_id(now),
            "another instance served this tick".to_owned(),
        )),
    }
}

/// The same for a tick that others may have served; `None` when one did.
///
/// # Errors
/// As [`once`].
pub async fn at_tick(
    clients: &Clients,
    policy: &Policy,
    options: PassOptions,
    now: DateTime<Utc>,
) -> Result<Option<Report>, Refusal> {
    let place = store_place(&clients.config);
    let held = match place.hold("pass", options.tick, &terms(&clients.config), now).await {
        Ok(held) => held,
        Err(Refused::Held(by)) => {
            let report = Report::busy(&run_id(now), by);
            (options.show)(&report);
            return Ok(Some(report));
        }
        Err(Refused::Served) => return Ok(None),
        Err(Refused::Broken(error)) => return Err(error.into()),
    };
    // At the highest level, so that each line has the id, whatever is filtered.
    let span = tracing::error_span!(target: "fleetsheet", "pass", run = held.run());
    under(held, clients, policy, options).instrument(span).await.map(Some)
}

/// Makes the pass that was granted, and gives the right back whatever became of it.
async fn under(mut held: Held, clients: &Clients, policy: &Policy, options: PassOptions) -> Result<Report, Refusal> {
    clients.calls.act_under(held.leave().cloned());
    let stop = options.stop.clone();
    let store = match held.open().await {
        Ok(store) => store,
        Err(error) => {
            clients.calls.act_under(None);
            let next = ticks::next_tick(&clients.config, None, held.now());
            held.end(next, true, None).await;
            return Err(error.into());
        }
    };
    right::note_taking(&held, &*store).await;
    let mut ended = None;
    let report = walk(&held, &*store, clients, policy, options, &mut ended).await;
    clients.calls.act_under(None);
    let next = ticks::next_tick(&clients.config, Some(&report), held.now());
    let gives_back = report.interrupted || *stop.borrow() && report.outcome == Ending::Failed;
    held.end(next, gives_back || report.outcome == Ending::Fenced, ended.as_ref())
        .await;
    Ok(report)
}

/// The pass, and the mail after it, for as long as the lease lasts. Whatever waits then (for a limit, a server, the quota) is dropped,
/// and what was in hand with it.
async fn walk(
    held: &Held,
    store: &dyn Store,
    clients: &Clients,
    policy: &Policy,
    options: PassOptions,
    ended: &mut Option<LastPass>,
) -> Report {
    let lease = right::lease_of(held);
    let show = options.show;
    let waits = Watch::begin(&store_place(&clients.config));
    let began = Instant::now();
    let all = clients.config.schedule.pass_timeout;
    let deadline = began + all;
    let counted = clients.calls.snapshot();
    let stages = Stages::default();
    let input = PassInput {
        names: &clients.names,
        policy,
        run: held.run(),
        now: held.now(),
        began,
        calls: &clients.calls,
        stages: &stages,
    };
    let tagging_ends = deadline - (all / 5).min(RESERVE);
    // Reading that ends by itself says what it waited for.
    let reader = clients.sheets.with_deadline(tagging_ends.into_std());
    let sheets = clients.sheets.with_deadline(deadline.into_std());
    let parts = PassClients {
        reader: &reader,
        sheets: &sheets,
        fleet: &clients.cloud,
        gates: clients.gates(),
        tags: &clients.cloud,
        store,
        pacing: &clients.pacing,
        progress: &*options.progress,
        tagging_ends,
        stop: options.stop.clone(),
        waited_for: waits.receiver(),
        mail: mail::rules(&clients.config, &clients.names),
    };
    let passed = tokio::select! {
        biased;
        () = held.lost() => None,
        passed = pass::run(&input, &parts) => Some(passed),
    };
    let Some((mut report, journal)) = passed.filter(|_| !right::is_lost(held)) else {
        let mut report = right::fenced(held);
        report.duration_ms = millis(began.elapsed());
        report.calls = clients.calls.since(&counted);
        pass::log(&report, "pass ended");
        show(&report);
        return report;
    };
    report.lease = lease;
    report.calls = clients.calls.since(&counted);
    report.recent = store.history(None, RECENT).await.unwrap_or_default();
    if !report.interrupted {
        *ended = Some(noted::end(held, &report).await);
    }
    show(&report);
    if let Ok(keep) = TimeDelta::from_std(clients.config.state.history_keep)
        && let Err(error) = store.prune(held.now() - keep).await
    {
        tracing::warn!(error = %error, "cannot prune old history");
    }
    // A pass that is told to stop, or that somebody waits for, does not wait for a mail server; what is not sent stays in the
    // outbox.
    let (mut stop, mut waited_for) = (options.stop.clone(), waits.receiver());
    if let Some(mut journal) = journal {
        report.backlog = tokio::select! {
            biased;
            () = held.lost() => None,
            Ok(_) = stop.wait_for(|stop| *stop) => None,
            Ok(_) = waited_for.wait_for(|waited_for| *waited_for) => None,
            backlog = stages.of(Stage::Deliver, mail::deliver(&mut journal, &clients.config, &clients.calls, held.now())) => backlog,
        };
        report.stages = stages.took();
    }
    report
}
