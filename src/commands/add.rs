//! `add`: a row for each live server that carries certain tags and has none. It works under the store's lock, as a pass does, and
//! refuses where a pass would be stopped; a dry run calls nothing that writes.

mod page;

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::json;

use self::page::{Work, page};
use super::output::print;
use super::preview::preview_of;
use crate::adapters::stores::Refused;
use crate::cli::{AddRequest, Format};
use crate::clients::{Clients, connect, policy, store_place, terms};
use crate::clock::{now, run_id};
use crate::config::Config;
use crate::enrol::{Chosen, Impossible, Seen, WantedRow, choose};
use crate::fleet::Server;
use crate::journal::Journal;
use crate::locked_pass::ticks::next_tick;
use crate::pass::Preview;
use crate::pass_end::{Ending, PassEnd};
use crate::plan::{Allowed, Belt, Tripped};
use crate::problem::{Code, Kind, Problem};
use crate::refusal::Refusal;
use crate::report::Report;
use crate::sandbox;
use crate::sheet::parse::check_channel;
use crate::tag::ChannelName;
use crate::text::few;
use crate::writeback::{Added, Writeback};

/// Servers that a message names.
const NAMED: usize = 20;

pub(super) async fn run(config: Config, asked: &AddRequest, format: Format) -> Result<u8, Refusal> {
    let began = Instant::now();
    let channel = match &asked.channel {
        Some(text) => Some(
            check_channel(text)
                .map_err(|what| Refusal::config(format!("--channel holds {what}; type the name again")))?,
        ),
        None => None,
    };
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let clients = connect(config, credentials).await?;
    let run = run_id(now());
    let work = under_lock(&clients, asked, channel.as_ref(), &run).await?;
    let (page, mut object, ending) = match work {
        Ok(work) => (page(&work, asked.dry_run), json_of(&work), work.ending),
        Err(report) => (report.text(), report.json(), report.outcome),
    };
    object["run"] = run.into();
    object["calls"] = json!(clients.calls.snapshot());
    object["duration_ms"] = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).into();
    print(format, &object, &page)?;
    Ok(ending.exit_code())
}

/// Chooses and adds, while no pass runs; or gives the report that says why nothing can be added. A dry run takes no lock: it
/// writes nothing, not even that.
async fn under_lock(
    clients: &Clients,
    asked: &AddRequest,
    channel: Option<&ChannelName>,
    run: &str,
) -> Result<Result<Work, Box<Report>>, Refusal> {
    let place = store_place(&clients.config);
    if asked.dry_run {
        return chosen_and_added(clients, asked, channel, run, now()).await;
    }
    let held = match place.hold("add", None, &terms(&clients.config), now()).await {
        Ok(held) => held,
        Err(Refused::Held(by)) => return Ok(Err(Box::new(Report::busy(run, by)))),
        Err(Refused::Served) => {
            return Err(Refusal::failed(
                "the lease of the state store cannot be taken; run this again",
            ));
        }
        Err(Refused::Broken(error)) => return Err(error.into()),
    };
    clients.calls.act_under(held.leave().cloned());
    let work = tokio::select! {
        biased;
        () = held.lost() => Ok(Err(Box::new(Report::fenced(run)))),
        work = chosen_and_added(clients, asked, channel, run, held.now()) => work,
    };
    clients.calls.act_under(None);
    let next = next_tick(&clients.config, None, held.now());
    held.end(next, false, None).await;
    work
}

async fn chosen_and_added(
    clients: &Clients,
    asked: &AddRequest,
    channel: Option<&ChannelName>,
    run: &str,
    now: DateTime<Utc>,
) -> Result<Result<Work, Box<Report>>, Refusal> {
    // It remembers nothing: the next pass meets the rows as it meets those that people type.
    let store = store_place(&clients.config).to_read(now).await.map_err(Refusal::from)?;
    let policy = policy(&clients.config, &Allowed::default(), false);
    let seen = match preview_of(clients, &policy, &*store, now).await {
        Ok(seen) => seen,
        Err(report) => return Ok(Err(report)),
    };
    if let Some(belt) = lost_rows(&seen) {
        return Ok(Err(Box::new(Report::new(
            run,
            &PassEnd::Stopped(seen.decided, vec![belt]),
            None,
        ))));
    }
    let observed = &seen.decided.observed;
    let what = Seen {
        sheet: &observed.sheet,
        fleet: &observed.fleet,
        memory: &seen.memory,
        channel_tag: &policy.channel_tag,
    };
    let chosen = choose(what, &asked.filters, channel).map_err(|why| match why {
        Impossible::Asked(what) => Refusal::config(what),
        Impossible::Sheet(what) => Refusal::failed(what),
    })?;
    if asked.dry_run {
        return Ok(Ok(work(&seen, chosen, None)));
    }
    let sheets = clients
        .sheets
        .with_deadline(Instant::now() + clients.config.schedule.pass_timeout);
    let back = Writeback {
        writer: &sheets,
        names: &clients.names,
        now,
    };
    let mut journal = Journal::open(&*store).await.map_err(Refusal::from)?;
    let added = back.add(&observed.sheet, &mut journal, &chosen.rows).await;
    Ok(Ok(work(&seen, chosen, Some(added.map_err(|error| error.to_string())))))
}

/// What was found and done, with what needs a person.
fn work(seen: &Preview, chosen: Chosen, added: Option<Result<Added, String>>) -> Work {
    let down = seen
        .report
        .problems
        .iter()
        .filter(|problem| problem.code == Code::Source);
    let mut problems: Vec<Problem> = down.chain(&chosen.notes).cloned().collect();
    let down = problems.iter().any(|problem| problem.code == Code::Source);
    problems.extend(added.as_ref().into_iter().flat_map(trouble));
    problems.sort();
    let failed = problems.iter().any(|problem| problem.code == Code::WriteBack);
    let ending = match (failed, down, added.is_none() && !chosen.rows.is_empty()) {
        (true, ..) => Ending::Failed,
        (_, true, _) => Ending::Partial,
        (_, _, true) => Ending::Changes,
        _ => Ending::Done,
    };
    let observed = &seen.decided.observed;
    let server = |row: WantedRow| Some((observed.fleet.servers.get(&row.id)?.clone(), row));
    Work {
        title: observed.raw.title.clone(),
        rows: chosen.rows.into_iter().filter_map(server).collect(),
        listed: chosen.listed,
        added: added.and_then(Result::ok).unwrap_or_default(),
        problems,
        ending,
    }
}

/// The belt on rows, if it holds: while rows are lost, nobody knows which of these servers had one.
fn lost_rows(seen: &Preview) -> Option<Problem> {
    let holds = |tripped: &&Tripped| tripped.belt == Belt::RowDrop && !tripped.allowed;
    let tripped = seen.decided.plan.tripped.iter().find(holds)?;
    let message = format!("{}; no rows are added until then", tripped.message);
    Some(Problem::new(Kind::Belt, tripped.belt.code(), &*tripped.place, message))
}

/// What went wrong with the rows.
fn trouble(added: &Result<Added, String>) -> Vec<Problem> {
    let failure = |message: String| Problem::new(Kind::ApiFailure, Code::WriteBack, "spreadsheet", message);
    let added = match added {
        Ok(added) => added,
        Err(error) => {
            let message = format!("{error}; run the same command again, which adds only rows that are not there");
            return vec![failure(message)];
        }
    };
    let mut problems = Vec::new();
    if !added.lost.is_empty() {
        problems.push(failure(format!(
            "the rows of {} are not found; if a column was inserted or moved at that moment, their cells are below wrong headers: \
             delete those rows, and run the same command again",
            few(added.lost.iter().map(|id| id.as_str()), NAMED)
        )));
    }
    if !added.other.is_empty() {
        let message = format!(
            "the rows of {} name another channel: somebody added or changed them at that moment",
            few(added.other.iter().map(|id| id.as_str()), NAMED)
        );
        problems.push(Problem::new(Kind::Mismatch, Code::Channel, "spreadsheet", message));
    }
    problems
}

fn json_of(work: &Work) -> serde_json::Value {
    let row = |(server, row): &(Server, WantedRow)| {
        json!({
            "server": row.id, "name": page::name(server), "account": server.source.account,
            "region": server.source.region, "state": server.state.word(), "channel": row.channel, "hold": row.held,
        })
    };
    let rows: Vec<serde_json::Value> = work.rows.iter().map(row).collect();
    json!({
        "outcome": work.ending.word(), "added": work.added.there.len(), "listed": work.listed, "rows": rows,
        "problems": work.problems,
    })
}
