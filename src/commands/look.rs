//! Commands that only look: `plan`, `explain` and `history`. They hold readers, and nothing that could write.

use serde_json::json;
use tokio::time::Instant;

use super::{Parts, Refusal, connect, now, policy, print, run_id, store_url};
use crate::adapters::sqlite::{Access, SqliteStore};
use crate::cli::Format;
use crate::config::Config;
use crate::explain::explain;
use crate::memory::StoreReader;
use crate::pass::{PassInput, Preview, preview};
use crate::pass_end::Ending;
use crate::plan::Policy;
use crate::report::{Report, plan_page};
use crate::sandbox;
use crate::text::plain;

pub(super) async fn show_plan(config: Config, exit_code: bool, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let parts = connect(config, credentials).await?;
    let policy = policy(&parts.config, &[], false);
    let (page, json, ending) = match look(&parts, &policy).await? {
        Ok(Preview { decided, report, .. }) => {
            let plan = &decided.plan;
            (plan_page(plan, &report), plan_json(plan, &report), report.outcome)
        }
        Err(report) => (report.text(), report.json(), report.outcome),
    };
    print(format, &json, &page);
    Ok(match ending {
        Ending::Failed => 1,
        // What is held is an answer of `plan`, not its failure, unless the code was asked for.
        Ending::Held | Ending::Stopped if exit_code => 5,
        Ending::Changes if exit_code => 3,
        Ending::Stopped => 5,
        Ending::Partial => 4,
        _ => 0,
    })
}

type Looked = Result<Preview, Box<Report>>;

/// Looks and decides with readers only: there is nothing here that could write.
async fn look(parts: &Parts, policy: &Policy) -> Result<Looked, Refusal> {
    let now = now();
    let store = SqliteStore::open(&store_url(&parts.config), Access::Read, now)
        .await
        .map_err(Refusal::failed)?;
    let run = run_id(now);
    let began = Instant::now();
    let input = PassInput {
        names: &parts.names,
        policy,
        run: &run,
        now,
        began,
        calls: &parts.calls,
    };
    let sheets = parts
        .sheets
        .with_deadline((began + parts.config.schedule.pass_timeout).into_std());
    Ok(preview(&input, &sheets, &parts.cloud, &store).await)
}

fn plan_json(plan: &crate::plan::Plan, report: &Report) -> serde_json::Value {
    let change = |server: &crate::plan::ServerPlan, change: &crate::tag::Change, held: bool| {
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

pub(super) async fn show_explanation(config: Config, name: &str, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let parts = connect(config, credentials).await?;
    let policy = policy(&parts.config, &[], false);
    match look(&parts, &policy).await? {
        Ok(preview) => {
            let Some(lines) = explain(name, &preview, &policy) else {
                let message = format!(
                    "neither a server nor a channel is called {}; see fleetsheet plan",
                    plain(name)
                );
                return Err(Refusal::failed(message));
            };
            let width = lines.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
            let page: String = lines
                .iter()
                .map(|(what, text)| format!("{what:width$}  {}\n", plain(text)))
                .collect();
            let facts: Vec<_> = lines
                .iter()
                .map(|(what, text)| json!({ "what": what, "text": text }))
                .collect();
            print(format, &json!({ "name": name, "explanation": facts }), &page);
            Ok(0)
        }
        Err(report) => {
            print(format, &report.json(), &report.text());
            Ok(report.outcome.exit_code())
        }
    }
}

pub(super) async fn history(config: Config, channel: Option<&str>, limit: u32, format: Format) -> Result<u8, Refusal> {
    let (config, _credentials, _sandbox) = sandbox::embed(config).await?;
    let store = SqliteStore::open(&store_url(&config), Access::Read, now())
        .await
        .map_err(Refusal::failed)?;
    let events = store.history(channel, limit).await.map_err(Refusal::failed)?;
    let line = |e: &crate::memory::Event| {
        let moved = match (e.from.as_str(), e.to.as_str()) {
            ("", "") => String::new(),
            (from, "") => from.to_owned(),
            ("", to) => format!("→ {to}"),
            (from, to) => format!("{from} → {to}"),
        };
        let time = e.time.format("%Y-%m-%d %H:%M:%S");
        let cells = [&e.channel, &e.event, &moved, &e.detail].map(|cell| plain(cell));
        format!(
            "{time}  {:<16} {:<18} {:<20} {}\n",
            cells[0], cells[1], cells[2], cells[3]
        )
    };
    let mut page: String = events.iter().map(line).collect();
    if page.is_empty() {
        page.push_str(&match channel {
            None => "nothing has happened yet\n".to_owned(),
            Some(channel) => format!("nothing has happened to a channel called {}\n", plain(channel)),
        });
    }
    print(format, &json!({ "events": events }), &page);
    Ok(0)
}
