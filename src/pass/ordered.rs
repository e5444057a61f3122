//! A rollback that was ordered on the command line: the line of a pass without the sheet, for one channel.

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::act::apply;
use super::events::Telling;
use crate::alert::{self, Links, MailInput, review};
use crate::apply::{Applier, Progress};
use crate::fleet::{Fleet, FleetReader, TagWriter};
use crate::journal::Journal;
use crate::memory::{Memory, Store, StoreError};
use crate::observe::Observed;
use crate::pacing::Pacing;
use crate::pass_end::{Decided, PassEnd};
use crate::plan::check::check_order;
use crate::plan::{Inputs, NotOrdered, Order, Plan, Policy, order};
use crate::report::Report;
use crate::settle::settle;

/// What it acts with. There is no sheet among it.
pub struct OrderClients<'a> {
    /// The fleet.
    pub fleet: &'a dyn FleetReader,
    /// The tags.
    pub tags: &'a dyn TagWriter,
    /// The state store.
    pub store: &'a dyn Store,
    /// The limits.
    pub pacing: &'a Pacing,
    /// Is told how far it is.
    pub progress: &'a dyn Progress,
    /// No call starts after this.
    pub ends: Instant,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// Whom to tell what.
    pub mail: alert::Rules<'a>,
}

/// Which order, when.
#[derive(Clone, Copy)]
pub struct Ordered<'a> {
    /// The order.
    pub order: Order<'a>,
    /// How to decide.
    pub policy: &'a Policy,
    /// The id of the run.
    pub run: &'a str,
    /// Its time.
    pub now: DateTime<Utc>,
}

/// Why an order was not carried out. No tag was changed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// What is asked for cannot be done.
    #[error(transparent)]
    Not(#[from] NotOrdered),
    /// The state store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The cloud did not answer in time.
    #[error("the accounts and regions did not answer in time, so nothing was changed; run it again")]
    Late,
    /// A fault of the program.
    #[error(
        "the order did not pass its own check ({0}), so nothing was changed; this is a bug in fleetsheet, please report it"
    )]
    Faulty(String),
}

/// What an order would do.
///
/// # Errors
/// See [`OrderError`].
pub async fn show_order(
    fleet: &dyn FleetReader,
    memory: &Memory,
    asked: Ordered<'_>,
    ends: Instant,
) -> Result<(Plan, Fleet), OrderError> {
    let fleet = timeout_at(ends, fleet.read()).await.map_err(|_| OrderError::Late)?;
    Ok((order(&fleet, memory, asked.policy, asked.order)?, fleet))
}

/// Carries an order out, if `agreed` still likes what it comes to. The journal comes back for whoever sends the mail.
///
/// # Errors
/// See [`OrderError`].
pub async fn carry_out<'a>(
    clients: &OrderClients<'a>,
    asked: Ordered<'_>,
    agreed: impl FnOnce(&Plan) -> bool,
) -> Result<Option<(Report, Journal<'a>)>, OrderError> {
    let mut journal = Journal::open(clients.store).await?;
    let (plan, fleet) = show_order(clients.fleet, journal.memory(), asked, clients.ends).await?;
    if !agreed(&plan) {
        return Ok(None);
    }
    let decided = Decided {
        observed: Observed {
            fleet,
            ..Observed::default()
        },
        plan,
    };
    let Decided { observed, plan } = &decided;
    let approved = check_order(
        &observed.fleet,
        journal.memory(),
        asked.policy,
        asked.order.channel,
        plan,
    )
    .map_err(|faults| OrderError::Faulty(faults.join(", ")))?;
    let binding = journal.memory().binding.as_ref();
    let telling = Telling {
        run: asked.run,
        now: asked.now,
        has_tab: binding.is_none_or(|binding| binding.audit.is_none_or(|audit| audit.there)),
        mail: &clients.mail,
    };
    let mut first = approved.update().clone();
    telling.decided(&mut first, journal.memory(), &decided);
    journal.remember(&first).await?;
    let applier = Applier {
        writer: clients.tags,
        pacing: clients.pacing,
        deadline: clients.ends,
        stop: clients.stop.clone(),
        progress: clients.progress,
    };
    let applied = apply(&applier, &approved, &observed.fleet).await;
    let inputs = Inputs {
        sheet: &observed.sheet,
        fleet: &observed.fleet,
        memory: journal.memory(),
        policy: asked.policy,
        now: asked.now,
    };
    let settled = settle(inputs, plan, Some(&applied.outcomes));
    let second = telling.settled(&settled, journal.memory(), &decided);
    journal.remember(&second).await?;
    let end = PassEnd::Ordered(Box::new(decided), Box::new(settled));
    let report = Report::new(asked.run, &end, Some(journal.memory()));
    let seen = MailInput {
        end: &end,
        report: &report,
    };
    let links = Links::at(&end, journal.memory(), &clients.mail);
    let told = review(journal.memory(), &seen, &links, &clients.mail, asked.now);
    if let Err(error) = journal.remember(&told).await {
        warn!(error = %error, "no mail: the state store could not be written");
        journal.catch_up().await?;
    }
    Ok(Some((report, journal)))
}
