//! `plan`: shows what a pass would do, and writes nothing.

use serde_json::{Value, json};

use super::output::print;
use super::preview::preview;
use crate::calls::Calls;
use crate::cli::{Format, PlanRequest};
use crate::clients::{connect_counted, policy};
use crate::config::Config;
use crate::pass_end::Ending;
use crate::plan::{Plan, ServerPlan};
use crate::progress::patience::Patience;
use crate::refusal::Refusal;
use crate::report::{Report, plan_page};
use crate::sandbox;
use crate::tag::{Change, ChannelName};
use crate::text::{did_you_mean, nearest, plain};

pub(super) async fn run(config: Config, request: &PlanRequest, format: Format, verbosity: u8) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let calls = Calls::default();
    let patience = Patience::watch(&calls);
    let clients = connect_counted(config, credentials, calls).await?;
    let policy = policy(&clients.config, &request.allow, request.takeover);
    let only = request.channel.as_deref();
    let (mut page, json, report) = match preview(&clients, &policy).await? {
        Ok(seen) => {
            let (plan, report) = match only {
                Some(name) => {
                    must_be_known(name, &seen.decided.plan)?;
                    seen.of_channel(&policy, &ChannelName::from(name))
                }
                None => (seen.decided.plan, seen.report),
            };
            let page = plan_page(&plan, &report, request.all);
            (page, plan_json(&plan, &report), report)
        }
        Err(report) => (report.text(), report.json(), *report),
    };
    if verbosity > 0 {
        report.show_stages(&mut page);
    }
    patience.hush();
    print(format, &json, &page)?;
    Ok(match report.outcome {
        Ending::Failed => 1,
        // A change that is held back is an answer of `plan`, not its failure, unless the code was asked for.
        Ending::Held | Ending::Stopped if request.exit_code => 5,
        Ending::Changes if request.exit_code => 3,
        Ending::Stopped => 5,
        Ending::Partial => 4,
        _ => 0,
    })
}

/// Refuses a channel that the plan does not know: most likely it is mistyped.
fn must_be_known(name: &str, plan: &Plan) -> Result<(), Refusal> {
    let names = || plan.channels.iter().map(|channel| channel.name.as_str());
    if names().any(|known| known == name) {
        return Ok(());
    }
    let advice = did_you_mean(nearest(name, names()), "fleetsheet status lists them");
    let message = format!("no channel is called {name}; {advice}");
    Err(Refusal::config(plain(&message)))
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
