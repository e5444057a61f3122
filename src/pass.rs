//! One pass, a call a stage: observe → plan → check → remember → claim → apply → settle → write back → review.
//!
//! Everything is remembered before it is done, so a pass that is killed anywhere leaves a world that the next one finishes.

mod act;
mod events;
mod faulty;
mod finish;
mod gates;
mod input;
mod ordered;
mod preview;
mod sight;
mod watch;

use std::collections::BTreeMap;

use tracing::warn;

use crate::alert::{Links, MailInput, review};
use crate::journal::Journal;
use crate::memory::{Store, Update};
use crate::pass_end::{Decided, PassEnd};
use crate::plan::check::check;
use crate::plan::plan;
use crate::report::Report;
use crate::settle::settle;
use crate::stages::Stage;
use act::{Cut, Permitted, act};
use faulty::faulty;
use finish::finish;
pub use finish::log;
pub use gates::ask_gate;
pub use input::{PassClients, PassInput};
pub use ordered::{OrderClients, OrderError, Ordered, carry_out, show_order};
pub use preview::{Preview, preview};
use sight::Sightless;
use watch::watch;

/// Makes one pass. The journal comes back for whoever sends the mail that waits; `None` where the store could not be read.
pub async fn run<'a>(input: &PassInput<'_>, clients: &PassClients<'a>) -> (Report, Option<Journal<'a>>) {
    let mut journal = None;
    let end = walk(input, clients, &mut journal).await;
    let reviewed = async {
        let mut journal = reopened(journal, clients.store).await;
        let mut report = Report::new(input.run, &end, journal.as_ref().map(Journal::memory));
        if let Some(journal) = &mut journal {
            report.links = tell(input, clients, journal, &end, &report).await;
        }
        (report, journal)
    };
    let (report, journal) = input.stages.of(Stage::Review, reviewed).await;
    (finish(input, report), journal)
}

/// The line itself.
async fn walk<'a>(input: &PassInput<'_>, clients: &PassClients<'a>, journal: &mut Option<Journal<'a>>) -> PassEnd {
    let stages = input.stages;
    let seen = stages.of(Stage::Observe, sight::observe(input, clients, journal)).await;
    let (journal, observed) = match (seen, journal) {
        (Ok(observed), Some(journal)) => (journal, observed),
        (Err(Sightless::Blind(seen)), Some(journal)) => return watch(input, clients, journal, *seen).await,
        (Err(Sightless::Blind(seen)), None) => return sight::blind("spreadsheet", &seen.error.to_string()),
        (Err(Sightless::Ends(end)), _) => return end,
        (Ok(_), None) => return sight::blind("state", "it was not opened"),
    };
    let plan = stages.during(Stage::Plan, || plan(input.inputs(&observed, journal.memory())));
    let mut decided = Box::new(Decided { observed, plan });
    if !decided.plan.stop.is_empty() {
        return stages.of(Stage::Remember, stop(input, journal, decided)).await;
    }
    let Decided { observed, plan } = &*decided;
    let checked = stages.during(Stage::Check, || check(input.inputs(observed, journal.memory()), plan));
    let acted = match checked {
        Ok(approved) => {
            let permitted = Permitted::of(input, clients, journal.memory(), &decided, &approved);
            decided.plan.update = Update::default();
            act(input, clients, journal, &decided, permitted).await
        }
        Err(faults) => {
            let problem = faulty(&faults);
            return PassEnd::Faulty(decided, problem);
        }
    };
    match acted {
        Ok((settled, trouble)) => PassEnd::Whole(decided, Box::new(settled), trouble),
        Err(Cut::Rival(problem)) => PassEnd::Stopped(decided, vec![problem]),
        Err(Cut::Failed(problem)) => {
            let Decided { observed, plan } = &*decided;
            let settled = settle(input.inputs(observed, journal.memory()), plan, Some(&BTreeMap::new()));
            PassEnd::Cut(decided, Box::new(settled), problem)
        }
    }
}

/// A stopped pass writes nothing but that it was stopped, in its own store.
async fn stop(input: &PassInput<'_>, journal: &mut Journal<'_>, decided: Box<Decided>) -> PassEnd {
    if let Err(error) = journal
        .remember(&events::of_stop(input, journal.memory(), &decided.plan))
        .await
    {
        warn!(error = %error, "could not record that the pass was stopped");
    }
    let problems = decided.plan.stop.clone();
    PassEnd::Stopped(decided, problems)
}

/// The journal, in step with the store again after a commit that failed.
async fn reopened<'a>(journal: Option<Journal<'a>>, store: &'a dyn Store) -> Option<Journal<'a>> {
    let opened = match journal {
        Some(mut journal) => journal.catch_up().await.map(|()| journal),
        None => Journal::open(store).await,
    };
    opened
        .inspect_err(|error| warn!(error = %error, "no mail: the state store could not be read"))
        .ok()
}

/// Remembers what is open and writes the letters that are due. Trouble here changes nothing about the pass. Gives where what the
/// report names is in the spreadsheet.
async fn tell(
    input: &PassInput<'_>,
    clients: &PassClients<'_>,
    journal: &mut Journal<'_>,
    end: &PassEnd,
    report: &Report,
) -> BTreeMap<String, String> {
    let links = Links::at(end, journal.memory(), &clients.mail);
    let seen = MailInput { end, report };
    let update = review(journal.memory(), &seen, &links, &clients.mail, input.now);
    if let Err(error) = journal.remember(&update).await {
        warn!(error = %error, "no mail: the state store could not be written");
    }
    links.of(report)
}
