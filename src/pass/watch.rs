//! A pass that cannot read the sheet: rollouts under way are watched all the same, and a gate that has failed takes them back.

use tracing::warn;

use super::act::{apply, server_changes};
use super::events::Telling;
use super::faulty::faulty;
use super::input::{PassClients, PassInput};
use super::sight;
use crate::apply::Applier;
use crate::journal::Journal;
use crate::observe::{Observed, Unreachable};
use crate::pass_end::{Decided, PassEnd};
use crate::plan::check::check_blind;
use crate::plan::{Blind, watch as decide};
use crate::problem::{Code, Kind, Problem};
use crate::settle::settle;

/// Watches, and takes back what has failed.
pub(super) async fn watch(
    input: &PassInput<'_>,
    clients: &PassClients<'_>,
    journal: &mut Journal<'_>,
    seen: Unreachable,
) -> PassEnd {
    let problem = Problem::new(Kind::ApiFailure, Code::Observe, "spreadsheet", seen.error.to_string());
    let given = Blind {
        fleet: &seen.fleet,
        memory: journal.memory(),
        policy: input.policy,
        readings: &seen.readings,
        now: input.now,
    };
    let plan = decide(given);
    if plan.update.is_empty() && plan.problems.is_empty() {
        return PassEnd::Blind(problem);
    }
    if let Err(faults) = check_blind(given, &plan) {
        let problem = faulty(&faults);
        return PassEnd::Blind(problem);
    }
    let decided = Box::new(Decided {
        observed: Observed {
            fleet: seen.fleet,
            readings: seen.readings,
            ..Observed::default()
        },
        plan,
    });
    match carry_out(input, clients, journal, &decided).await {
        Ok(Some(settled)) => PassEnd::Watched(decided, Box::new(settled), problem),
        Ok(None) => PassEnd::Blind(problem),
        Err(error) => {
            warn!(error = %error, "what gates gave could not be remembered");
            sight::blind("state", &error.to_string())
        }
    }
}

/// Remembers what was counted, and does what that came to. `None`: nothing was to be done.
async fn carry_out(
    input: &PassInput<'_>,
    clients: &PassClients<'_>,
    journal: &mut Journal<'_>,
    decided: &Decided,
) -> Result<Option<crate::settle::Settled>, crate::memory::StoreError> {
    let Decided { observed, plan } = decided;
    let binding = journal.memory().binding.as_ref();
    let telling = Telling {
        run: input.run,
        now: input.now,
        has_tab: binding.is_none_or(|binding| binding.audit.is_none_or(|audit| audit.there)),
        mail: &clients.mail,
    };
    let mut first = plan.update.clone();
    telling.decided(&mut first, journal.memory(), decided);
    let approved = {
        let given = Blind {
            fleet: &observed.fleet,
            memory: journal.memory(),
            policy: input.policy,
            readings: &observed.readings,
            now: input.now,
        };
        // Checked just before; nothing has changed since.
        match check_blind(given, plan) {
            Ok(approved) => approved,
            Err(_) => return Ok(None),
        }
    };
    journal.remember(&first).await?;
    if plan.channels.is_empty() && plan.problems.is_empty() {
        return Ok(None);
    }
    let applier = Applier {
        writer: clients.tags,
        pacing: clients.pacing,
        deadline: clients.tagging_ends,
        stop: clients.stop.clone(),
        progress: clients.progress,
    };
    let applied = apply(&applier, server_changes(&approved, &observed.fleet, input.policy)).await;
    let mut settled = settle(input.inputs(observed, journal.memory()), plan, Some(&applied.outcomes));
    let second = telling.settled(&mut settled, journal.memory(), decided);
    journal.remember(&second).await?;
    Ok(Some(settled))
}
