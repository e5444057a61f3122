//! A pass without its acts.

use chrono::{DateTime, Utc};

use super::finish::finish;
use super::gates::Asking;
use super::input::PassInput;
use super::sight;
use crate::fleet::FleetReader;
use crate::gate::GateClients;
use crate::memory::{Memory, StoreReader};
use crate::observe::observe;
use crate::pass_end::{Decided, PassEnd};
use crate::plan::{Inputs, Plan, Policy, plan};
use crate::report::Report;
use crate::settle::settle;
use crate::sheet::SheetReader;
use crate::stages::Stage;
use crate::tag::ChannelName;

/// What a pass would do.
pub struct Preview {
    /// What was observed, and what a pass would decide.
    pub decided: Box<Decided>,
    /// What is remembered.
    pub memory: Memory,
    /// The report that says so.
    pub report: Report,
    /// The time of the decision.
    pub now: DateTime<Utc>,
}

/// Observes and decides, and acts on nothing: what `plan` and `explain` show.
///
/// # Errors
/// A report that says why there is nothing to show.
pub async fn preview(
    input: &PassInput<'_>,
    sheets: &dyn SheetReader,
    fleet: &dyn FleetReader,
    gates: GateClients<'_>,
    store: &dyn StoreReader,
) -> Result<Preview, Box<Report>> {
    let ended = |end: PassEnd, memory: Option<&Memory>| {
        let report = finish(input, Report::new(input.run, &end, memory));
        Box::new(Report {
            preview: true,
            ..report
        })
    };
    let stages = input.stages;
    let memory = match stages.of(Stage::Observe, store.load()).await {
        Ok(memory) => memory,
        Err(error) => return Err(ended(sight::blind("state", &error.to_string()), None)),
    };
    let asking = Asking {
        clients: gates,
        policy: input.policy,
        now: input.now,
    };
    let seen = observe(sheets, fleet, &asking, &memory, input.names, input.now);
    let observed = match stages.of(Stage::Observe, seen).await {
        Ok(observed) => observed,
        Err(error) => return Err(ended(sight::end(error), Some(&memory))),
    };
    let plan = stages.during(Stage::Plan, || plan(input.inputs(&observed, &memory)));
    let decided = Box::new(Decided { observed, plan });
    if !decided.plan.stop.is_empty() {
        let problems = decided.plan.stop.clone();
        return Err(ended(PassEnd::Stopped(decided, problems), Some(&memory)));
    }
    let end = stages.during(Stage::Settle, || shown(input.policy, input.now, &memory, *decided));
    let report = stages.during(Stage::Review, || Report::new(input.run, &end, Some(&memory)));
    let report = finish(input, report);
    let PassEnd::Shown(decided, _) = end else {
        return Err(Box::new(report));
    };
    Ok(Preview {
        decided,
        memory,
        report,
        now: input.now,
    })
}

/// A plan that was settled without being carried out.
fn shown(policy: &Policy, now: DateTime<Utc>, memory: &Memory, decided: Decided) -> PassEnd {
    let mut then = memory.clone();
    then.apply(&decided.plan.update);
    let inputs = Inputs {
        sheet: &decided.observed.sheet,
        fleet: &decided.observed.fleet,
        memory: &then,
        policy,
        readings: &decided.observed.readings,
        now,
    };
    let settled = settle(inputs, &decided.plan, None);
    PassEnd::Shown(Box::new(decided), Box::new(settled))
}

impl Preview {
    /// What of it is one channel's: its plan and its report.
    #[must_use]
    pub fn of_channel(self, policy: &Policy, name: &ChannelName) -> (Plan, Report) {
        let Decided { observed, plan } = *self.decided;
        let plan = plan.of_channel(name, &observed.sheet.intent);
        let end = shown(policy, self.now, &self.memory, Decided { observed, plan });
        let report = Report {
            duration_ms: self.report.duration_ms,
            calls: self.report.calls,
            stages: self.report.stages,
            ..Report::new(&self.report.run, &end, Some(&self.memory))
        };
        let plan = end.decided().map(|decided| decided.plan.clone());
        (plan.unwrap_or_default(), report)
    }
}
