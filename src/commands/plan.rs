//! `plan`: shows what a pass would do, and writes nothing.

use serde_json::{Value, json};

use super::output::print;
use super::preview::preview;
use crate::cli::Format;
use crate::clients::{connect, policy};
use crate::config::Config;
use crate::pass::Preview;
use crate::pass_end::Ending;
use crate::plan::{Plan, ServerPlan};
use crate::refusal::Refusal;
use crate::report::{Report, plan_page};
use crate::sandbox;
use crate::tag::Change;

pub(super) async fn run(config: Config, exit_code: bool, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let clients = connect(config, credentials).await?;
    let policy = policy(&clients.config, &[], false);
    let (page, json, ending) = match preview(&clients, &policy).await? {
        Ok(Preview { decided, report, .. }) => {
            let plan = &decided.plan;
            (plan_page(plan, &report), plan_json(plan, &report), report.outcome)
        }
        Err(report) => (report.text(), report.json(), report.outcome),
    };
    print(format, &json, &page)?;
    Ok(match ending {
        Ending::Failed => 1,
        // A change that is held back is an answer of `plan`, not its failure, unless the code was asked for.
        Ending::Held | Ending::Stopped if exit_code => 5,
        Ending::Changes if exit_code => 3,
        Ending::Stopped => 5,
        Ending::Partial => 4,
        _ => 0,
    })
}

fn plan_json(plan: &Plan, report: &Report) -> Value {
    let change = |server: &ServerPlan, change: &Change, held: bool| {
        json!({
            "server": server.id, "channel": server.channel, "tag": change.tag, "before": change.before,
            "after": change.after, "reason": change.reason.word(), "held": held,
        })
    };
    let mut changes = Vec::new();
    for server in &plan.servers {
        changes.extend(server.changes.iter().map(|c| change(server, c, false)));
        changes.extend(server.withheld.iter().map(|c| change(server, c, true)));
    }
    let mut object = report.json();
    object["changes"] = changes.into();
    object
}
