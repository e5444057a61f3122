//! `plan`: shows what a pass would do, and writes nothing.

use serde_json::{Value, json};

use super::output::print;
use super::preview::preview;
use crate::calls::Calls;
use crate::cli::{Format, PlanRequest};
use crate::clients::{connect_counted, policy};
use crate::config::Config;
use crate::pass::Preview;
use crate::pass_end::Ending;
use crate::plan::{Plan, ServerPlan};
use crate::progress::patience::Patience;
use crate::refusal::Refusal;
use crate::report::{Report, plan_page};
use crate::sandbox;
use crate::tag::Change;
use crate::text::{nearest, plain};

pub(super) async fn run(config: Config, request: &PlanRequest, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let calls = Calls::default();
    let patience = Patience::watch(&calls);
    let clients = connect_counted(config, credentials, calls).await?;
    let policy = policy(&clients.config, &request.allow, request.takeover);
    let only = request.channel.as_deref();
    let (page, json, ending) = match preview(&clients, &policy).await? {
        Ok(Preview { decided, report, .. }) => {
            let plan = &decided.plan;
            if let Some(name) = only.filter(|name| plan.channels.iter().all(|channel| channel.name.as_str() != *name)) {
                let near = nearest(name, plan.channels.iter().map(|channel| channel.name.as_str()));
                let advice = near.map_or_else(
                    || "fleetsheet status lists them".to_owned(),
                    |near| format!("did you mean {near}?"),
                );
                let message = format!("no channel is called {name}; {advice}");
                return Err(Refusal::failed(plain(&message)));
            }
            let quiet = only.is_some_and(|name| !changes(plan, name));
            let ending = match report.outcome {
                Ending::Changes if quiet => Ending::Done,
                ending => ending,
            };
            let page = plan_page(plan, &report, only, request.all);
            (page, narrowed(plan_json(plan, &report), only), ending)
        }
        Err(report) => (report.text(), report.json(), report.outcome),
    };
    patience.hush();
    print(format, &json, &page)?;
    Ok(match ending {
        Ending::Failed => 1,
        // A change that is held back is an answer of `plan`, not its failure, unless the code was asked for.
        Ending::Held | Ending::Stopped if request.exit_code => 5,
        Ending::Changes if request.exit_code => 3,
        Ending::Stopped => 5,
        Ending::Partial => 4,
        _ => 0,
    })
}

/// Whether a channel's release, or a tag or row of its servers, will change.
fn changes(plan: &Plan, name: &str) -> bool {
    let own = |server: &&ServerPlan| server.channel.as_ref().is_some_and(|channel| channel.as_str() == name);
    let mut servers = plan.servers.iter().filter(own);
    servers.any(|server| !server.changes.is_empty() || server.append)
        || plan
            .channels
            .iter()
            .any(|channel| channel.name.as_str() == name && channel.moved.is_some())
}

/// The object of a plan, of one channel only.
fn narrowed(mut object: Value, only: Option<&str>) -> Value {
    let Some(name) = only else { return object };
    for list in ["channels", "changes", "events"] {
        if let Some(entries) = object[list].as_array_mut() {
            entries.retain(|entry| entry["channel"] == name);
        }
    }
    object
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
