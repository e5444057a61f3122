//! An ordered rollback under the store's lock. It waits for a pass that is running, and then for nobody. A pass that has decided
//! nothing yet gives way to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};

use super::{PassOptions, mail, noted};
use crate::adapters::ec2::Ec2;
use crate::adapters::sqlite::waiting::Waiting;
use crate::adapters::sqlite::{Access, Holder, SqliteStore, StoreLock};
use crate::calls::Calls;
use crate::clients::store_url;
use crate::clock::run_id;
use crate::config::Config;
use crate::memory::StoreError;
use crate::pacing::Pacing;
use crate::pass::{OrderClients, OrderError, Ordered, carry_out, log};
use crate::plan::{Order, Plan, Policy};
use crate::refusal::Refusal;
use crate::report::Report;
use crate::sheet::names::Names;
use crate::stages::millis;
use crate::text::plain;

/// How often a lock that another holds is tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How much longer than a pass may take the lock is waited for: a pass sends mail before it lets go.
const GRACE: Duration = Duration::from_secs(30);

/// How often it says that it still waits.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// What an order needs from outside: everything that a pass needs but the spreadsheet.
pub struct OrderParts<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Names of tabs, for mail.
    pub names: &'a Names,
    /// How to decide.
    pub policy: &'a Policy,
    /// The cloud.
    pub cloud: &'a Ec2,
    /// The limits.
    pub pacing: &'a Pacing,
    /// Counts requests.
    pub calls: &'a Calls,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// The store cannot be used.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The order.
    #[error("{0}")]
    Order(#[from] OrderError),
}

/// Carries an order out, if `agreed` still likes what it comes to, and sends the mail about it. `None`: it does not. `waits` is
/// told whom it waits for, how long it has waited and how long it will go on at most, again and again.
///
/// # Errors
/// See [`Undone`].
pub async fn roll_back(
    parts: &OrderParts<'_>,
    order: Order<'_>,
    agreed: impl FnOnce(&Plan) -> bool,
    options: PassOptions,
    waits: impl Fn(&str, Duration, Duration),
    now: DateTime<Utc>,
) -> Result<Option<Report>, Undone> {
    let run = run_id(now);
    let url = store_url(parts.config);
    let holder = Holder::here(&run, "rollback", now);
    let patience = Instant::now() + parts.config.schedule.pass_timeout + GRACE;
    let _lock = match lock(&url, &holder, patience, waits).await? {
        Ok(lock) => lock,
        Err(by) => {
            let report = Report::busy(&run, by);
            (options.show)(&report);
            return Ok(Some(report));
        }
    };
    let store = SqliteStore::open(&url, Access::Write, now)
        .await
        .map_err(Refusal::failed)?;
    let began = Instant::now();
    let counted = parts.calls.snapshot();
    let clients = OrderClients {
        fleet: parts.cloud,
        tags: parts.cloud,
        store: &store,
        pacing: parts.pacing,
        progress: &*options.progress,
        ends: began + parts.config.schedule.pass_timeout,
        stop: options.stop.clone(),
        mail: mail::rules(parts.config, parts.names),
    };
    let asked = Ordered {
        order,
        policy: parts.policy,
        run: &run,
        now,
    };
    let Some((mut report, mut journal)) = carry_out(&clients, asked, agreed).await? else {
        return Ok(None);
    };
    report.duration_ms = millis(began.elapsed());
    report.calls = parts.calls.since(&counted);
    noted::order(&url, &report);
    tracing::error_span!(target: "fleetsheet", "pass", run).in_scope(|| {
        // Of one that finishes an earlier one nothing else would be told.
        tracing::info!(channel = %plain(order.channel.as_str()), reason = order.reason, by = order.by, "rollback ordered");
        log(&report, "rollback ended");
    });
    (options.show)(&report);
    mail::deliver(&mut journal, parts.config, now).await;
    Ok(Some(report))
}

/// The lock, or who still holds it when patience is over.
async fn lock(
    url: &str,
    holder: &Holder,
    patience: Instant,
    waits: impl Fn(&str, Duration, Duration),
) -> Result<Result<StoreLock, String>, Refusal> {
    let began = Instant::now();
    let (mut waiting, mut say_at) = (None, began);
    loop {
        match StoreLock::acquire(url, holder) {
            Ok(lock) => return Ok(Ok(lock)),
            Err(StoreError::Held(by)) if Instant::now() >= patience => return Ok(Err(by)),
            Err(StoreError::Held(by)) => {
                waiting = waiting.or_else(|| Waiting::say(url));
                if Instant::now() >= say_at {
                    say_at = Instant::now() + SAY_AGAIN;
                    waits(&by, began.elapsed(), patience - Instant::now());
                }
                sleep(LOOK_AGAIN).await;
            }
            Err(error) => return Err(Refusal::failed(error)),
        }
    }
}
