//! An ordered rollback under the store's lock. It waits for a pass that is running, and then for nobody. A pass that has decided
//! nothing yet gives way to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};

use super::{PassOptions, mail, noted, right, ticks};
use crate::adapters::ec2::Ec2;
use crate::adapters::stores::{Held, Place, Refused};
use crate::calls::Calls;
use crate::clients::{store_place, terms};
use crate::clock::run_id;
use crate::config::Config;
use crate::memory::LastPass;
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
    let place = store_place(parts.config);
    let patience = Instant::now() + parts.config.schedule.pass_timeout + GRACE;
    let mut held = match hold(&place, parts.config, patience, waits, now).await? {
        Ok(held) => held,
        Err(by) => {
            let report = Report::busy(&run_id(now), by);
            (options.show)(&report);
            return Ok(Some(report));
        }
    };
    parts.calls.act_under(held.leave().cloned());
    let mut ended = None;
    let done = under(&mut held, parts, order, agreed, options, &mut ended).await;
    parts.calls.act_under(None);
    // Its rollback may have started or ended nothing that a tick would wait for; the next one is that of the schedule.
    let next = ticks::next_tick(parts.config, None, held.now());
    held.end(next, false, ended.as_ref()).await;
    done
}

/// Carries it out under the right that was given.
async fn under(
    held: &mut Held,
    parts: &OrderParts<'_>,
    order: Order<'_>,
    agreed: impl FnOnce(&Plan) -> bool,
    options: PassOptions,
    ended: &mut Option<LastPass>,
) -> Result<Option<Report>, Undone> {
    let store = held.open().await.map_err(Refusal::from)?;
    right::note_taking(held, &*store).await;
    let (run, now) = (held.run().to_owned(), held.now());
    let began = Instant::now();
    let counted = parts.calls.snapshot();
    let clients = OrderClients {
        fleet: parts.cloud,
        tags: parts.cloud,
        store: &*store,
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
    let carried = tokio::select! {
        biased;
        () = held.lost() => None,
        carried = carry_out(&clients, asked, agreed) => Some(carried),
    };
    let Some(carried) = carried.filter(|_| !right::is_lost(held)) else {
        let report = right::fenced(held);
        (options.show)(&report);
        return Ok(Some(report));
    };
    let Some((mut report, mut journal)) = carried? else {
        return Ok(None);
    };
    report.lease = right::lease_of(held);
    report.duration_ms = millis(began.elapsed());
    report.calls = parts.calls.since(&counted);
    *ended = noted::order(held, &report).await;
    tracing::error_span!(target: "fleetsheet", "pass", run).in_scope(|| {
        // Of one that finishes an earlier one nothing else would be told.
        tracing::info!(channel = %plain(order.channel.as_str()), reason = order.reason, by = order.by, "rollback ordered");
        log(&report, "rollback ended");
    });
    (options.show)(&report);
    tokio::select! {
        biased;
        () = held.lost() => {}
        _ = mail::deliver(&mut journal, parts.config, parts.calls, now) => {}
    }
    Ok(Some(report))
}

/// The right to change the store, or who still has it when patience is over.
async fn hold(
    place: &Place,
    config: &Config,
    patience: Instant,
    waits: impl Fn(&str, Duration, Duration),
    now: DateTime<Utc>,
) -> Result<Result<Held, String>, Refusal> {
    let began = Instant::now();
    let (mut waiting, mut say_at) = (None, began);
    loop {
        match place.hold("rollback", None, &terms(config), now).await {
            Ok(held) => return Ok(Ok(held)),
            Err(Refused::Held(by)) if Instant::now() >= patience => return Ok(Err(by)),
            Err(Refused::Held(by)) => {
                waiting = waiting.or_else(|| place.say_waiting());
                if Instant::now() >= say_at {
                    say_at = Instant::now() + SAY_AGAIN;
                    waits(&by, began.elapsed(), patience - Instant::now());
                }
                sleep(LOOK_AGAIN).await;
            }
            // An order serves no tick.
            Err(Refused::Served) => sleep(LOOK_AGAIN).await,
            Err(Refused::Broken(error)) => return Err(error.into()),
        }
    }
}
