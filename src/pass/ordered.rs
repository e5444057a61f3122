//! A rollback that was ordered on the command line: the line of a pass without the sheet, for one channel.

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::act::{apply, server_changes};
use super::events::Telling;
use crate::alert::{self, Links, MailInput, review};
use crate::apply::{Applier, Progress};
use crate::fleet::{Fleet, FleetReader, TagWriter};
use crate::journal::Journal;
use crate::memory::{Binding, Memory, Store, StoreError, Update};
use crate::observe::Observed;
use crate::pacing::Pacing;
use crate::pass_end::{Decided, PassEnd};
use crate::plan::check::check_order;
use crate::plan::{Inputs, NotOrdered, Order, Plan, Policy, order};
use crate::report::Report;
use crate::settle::settle;
use crate::stages::{Stage, Stages};

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
    let fleet = seen(fleet, ends).await?;
    Ok((order(&fleet, memory, asked.policy, asked.order)?, fleet))
}

async fn seen(fleet: &dyn FleetReader, ends: Instant) -> Result<Fleet, OrderError> {
    timeout_at(ends, fleet.read()).await.map_err(|_| OrderError::Late)
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
    let stages = Stages::default();
    let mut journal = stages.of(Stage::Observe, Journal::open(clients.store)).await?;
    let fleet = stages.of(Stage::Observe, seen(clients.fleet, clients.ends)).await?;
    let decided = stages.during(Stage::Plan, || {
        order(&fleet, journal.memory(), asked.policy, asked.order)
    });
    let plan = match decided {
        Ok(plan) => plan,
        Err(why) => {
            remember_rival(&mut journal, &why).await;
            return Err(why.into());
        }
    };
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
    let look = || {
        check_order(
            &observed.fleet,
            journal.memory(),
            asked.policy,
            asked.order.channel,
            asked.order.sheet,
            plan,
        )
    };
    let approved = stages
        .during(Stage::Check, look)
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
    stages.of(Stage::Remember, journal.remember(&first)).await?;
    let applier = Applier {
        writer: clients.tags,
        pacing: clients.pacing,
        deadline: clients.ends,
        stop: clients.stop.clone(),
        progress: clients.progress,
    };
    let changes = server_changes(&approved, &observed.fleet, asked.policy);
    let applied = stages.of(Stage::Apply, apply(&applier, changes)).await;
    let settled = async {
        let inputs = Inputs {
            sheet: &observed.sheet,
            fleet: &observed.fleet,
            memory: journal.memory(),
            policy: asked.policy,
            readings: &observed.readings,
            now: asked.now,
        };
        let mut settled = settle(inputs, plan, Some(&applied.outcomes));
        let second = telling.settled(&mut settled, journal.memory(), &decided);
        journal.remember(&second).await.map(|()| settled)
    };
    let settled = stages.of(Stage::Settle, settled).await?;
    let end = PassEnd::Ordered(Box::new(decided), Box::new(settled));
    let mut report = stages
        .of(Stage::Review, tell(clients, asked, &mut journal, &end))
        .await?;
    report.stages = stages.took();
    Ok(Some((report, journal)))
}

/// Remembers that the spreadsheet names another store: an order must not go by this one when the sheet cannot be asked, either.
async fn remember_rival(journal: &mut Journal<'_>, why: &NotOrdered) {
    let (NotOrdered::Replaced(rival), Some(binding)) = (why, journal.memory().binding.clone()) else {
        return;
    };
    let rival = Some(rival.clone());
    if binding.rival == rival {
        return;
    }
    let update = Update {
        binding: Some(Binding { rival, ..binding }),
        ..Update::default()
    };
    if let Err(error) = journal.remember(&update).await {
        warn!(error = %error, "cannot remember that the spreadsheet names another store");
    }
}

/// The report, and the letters that are due.
async fn tell(
    clients: &OrderClients<'_>,
    asked: Ordered<'_>,
    journal: &mut Journal<'_>,
    end: &PassEnd,
) -> Result<Report, StoreError> {
    let report = Report::new(asked.run, end, Some(journal.memory()));
    let seen = MailInput { end, report: &report };
    let links = Links::at(end, journal.memory(), &clients.mail);
    let told = review(journal.memory(), &seen, &links, &clients.mail, asked.now);
    if let Err(error) = journal.remember(&told).await {
        warn!(error = %error, "no mail: the state store could not be written");
        journal.catch_up().await?;
    }
    Ok(report)
}
