//! A pass without its acts.

use super::finish::finish;
use super::input::PassInput;
use super::sight;
use crate::fleet::FleetReader;
use crate::memory::{Memory, StoreReader};
use crate::observe::observe;
use crate::pass_end::{Decided, PassEnd};
use crate::plan::plan;
use crate::report::Report;
use crate::settle::settle;
use crate::sheet::SheetReader;

/// What a pass would do.
pub struct Preview {
    /// What was observed, and what a pass would decide.
    pub decided: Box<Decided>,
    /// What is remembered.
    pub memory: Memory,
    /// The report that says so.
    pub report: Report,
}

/// Observes and decides, and acts on nothing: what `plan` and `explain` show.
///
/// # Errors
/// A report that says why there is nothing to show.
pub async fn preview(
    input: &PassInput<'_>,
    sheets: &dyn SheetReader,
    fleet: &dyn FleetReader,
    store: &dyn StoreReader,
) -> Result<Preview, Box<Report>> {
    let ended = |end: PassEnd, memory: Option<&Memory>| Box::new(finish(input, Report::new(input.run, &end, memory)));
    let memory = match store.load().await {
        Ok(memory) => memory,
        Err(error) => return Err(ended(sight::blind("state", &error.to_string()), None)),
    };
    let observed = match observe(sheets, fleet, &memory, input.names, input.now).await {
        Ok(observed) => observed,
        Err(error) => return Err(ended(sight::end(error), Some(&memory))),
    };
    let plan = plan(input.inputs(&observed, &memory));
    let decided = Box::new(Decided { observed, plan });
    if !decided.plan.stop.is_empty() {
        let problems = decided.plan.stop.clone();
        return Err(ended(PassEnd::Stopped(decided, problems), Some(&memory)));
    }
    let Decided { observed, plan } = &*decided;
    let mut then = memory.clone();
    then.apply(&plan.update);
    let settled = settle(input.inputs(observed, &then), plan, None);
    let end = PassEnd::Shown(decided, Box::new(settled));
    let report = finish(input, Report::new(input.run, &end, Some(&memory)));
    let PassEnd::Shown(decided, _) = end else {
        return Err(Box::new(report));
    };
    Ok(Preview {
        decided,
        memory,
        report,
    })
}
