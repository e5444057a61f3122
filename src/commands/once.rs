//! One pass under the store's lock.

use std::io::IsTerminal as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Parts, Refusal, mail, now, run_id, store_url};
use crate::adapters::sqlite::{Access, Holder, SqliteStore, StoreLock};
use crate::apply::{Progress, Silent};
use crate::config::LogFormat;
use crate::memory::StoreError;
use crate::pass::{self, PassClients, PassInput};
use crate::pass_end::PassEnd;
use crate::plan::Policy;
use crate::problem::{Code, Kind, Problem};
use crate::progress::{Bar, Lines};
use crate::report::Report;

/// The end of a pass's time that is kept for writing back what became of the tags: two requests and, should the quota be
/// used up, some of the wait for it. Of a short pass a fifth.
const RESERVE: Duration = Duration::from_secs(30);

/// How a pass is watched and stopped.
pub struct Pass {
    /// Is told how far it is.
    pub progress: Box<dyn Progress>,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// Is shown the report before mail is sent, for which nobody should have to wait.
    pub show: Show,
    // Keeps the channel open when nobody else stops the pass.
    _keep: Option<watch::Sender<bool>>,
}

/// Shows a report.
pub type Show = Box<dyn FnOnce(&Report) + Send>;

impl Pass {
    /// With a bar on a terminal, plain lines elsewhere; without a word among log lines that programs read.
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

    /// Without a word.
    #[must_use]
    pub fn silent() -> Self {
        Self::with(Box::new(Silent))
    }

    fn with(progress: Box<dyn Progress>) -> Self {
        let (keep, stop) = watch::channel(false);
        Self {
            progress,
            stop,
            show: Box::new(|_| ()),
            _keep: Some(keep),
        }
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
pub async fn once(parts: &Parts, policy: &Policy, pass: Pass) -> Result<Report, Refusal> {
    once_at(parts, policy, pass, now()).await
}

/// The same, at a time of the caller's choice: a sandbox has a past.
///
/// # Errors
/// As [`once`].
pub async fn once_at(parts: &Parts, policy: &Policy, pass: Pass, now: DateTime<Utc>) -> Result<Report, Refusal> {
    let run = run_id(now);
    // At the highest level, so that its id stands in each line whatever is filtered.
    let span = tracing::error_span!(target: "fleetsheet", "pass", run);
    under_lock(parts, policy, pass, now, run).instrument(span).await
}

async fn under_lock(
    parts: &Parts,
    policy: &Policy,
    pass: Pass,
    now: DateTime<Utc>,
    run: String,
) -> Result<Report, Refusal> {
    let url = store_url(&parts.config);
    let holder = Holder {
        run: run.clone(),
        host: host(),
        pid: std::process::id(),
        since: now,
        what: "pass".into(),
    };
    let _lock = match StoreLock::acquire(&url, &holder) {
        Ok(lock) => lock,
        Err(StoreError::Held(by)) => {
            let problem = Problem::new(Kind::ApiFailure, Code::Busy, "state", by);
            let report = Report::new(&run, &PassEnd::Busy(problem), None);
            (pass.show)(&report);
            return Ok(report);
        }
        Err(error) => return Err(Refusal::failed(error)),
    };
    let store = SqliteStore::open(&url, Access::Write, now)
        .await
        .map_err(Refusal::failed)?;
    let began = Instant::now();
    let all = parts.config.schedule.pass_timeout;
    let deadline = began + all;
    let counted = parts.calls.snapshot();
    let input = PassInput {
        names: &parts.names,
        policy,
        run: &run,
        now,
        began,
        calls: &parts.calls,
    };
    let tagging_ends = deadline - (all / 5).min(RESERVE);
    // Looking that ends by itself says what it waited for.
    let reader = parts.sheets.with_deadline(tagging_ends.into_std());
    let sheets = parts.sheets.with_deadline(deadline.into_std());
    let clients = PassClients {
        reader: &reader,
        sheets: &sheets,
        fleet: &parts.cloud,
        tags: &parts.cloud,
        store: &store,
        pacing: &parts.pacing,
        progress: &*pass.progress,
        tagging_ends,
        stop: pass.stop.clone(),
        mail: mail::rules(&parts.config, &parts.names),
    };
    let (mut report, journal) = pass::run(&input, &clients).await;
    report.calls = parts.calls.since(&counted);
    (pass.show)(&report);
    if let Ok(keep) = TimeDelta::from_std(parts.config.state.history_keep)
        && let Err(error) = store.prune(now - keep).await
    {
        tracing::warn!(error = %error, "old history could not be pruned");
    }
    // Whoever is told to stop does not wait for a mail server; what is not sent stays in the outbox.
    let mut stop = pass.stop.clone();
    if let Some(mut journal) = journal {
        report.backlog = tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => None,
            backlog = mail::deliver(&mut journal, &parts.config, now) => backlog,
        };
    }
    Ok(report)
}

pub(super) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.map_or_else(|_| "this machine".into(), |name| name.trim().to_owned())
}
