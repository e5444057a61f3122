//! `rollback`: takes a channel's release back at once, whether or not the spreadsheet can be reached.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::output::print;
use crate::adapters::files::login;
use crate::adapters::sqlite::{Access, SqliteStore};
use crate::calls::Calls;
use crate::cli::{Format, RollbackRequest};
use crate::clients::{StaticCredentials, connect, connect_cloud, names, pacing, policy, store_url};
use crate::clock::{now, run_id};
use crate::config::Config;
use crate::locked_pass::{OrderParts, PassOptions, Undone, once, roll_back};
use crate::memory::StoreReader as _;
use crate::pass::{OrderError, Ordered, show_order};
use crate::plan::{Moved, NotOrdered, Order, Plan, ServerPlan};
use crate::refusal::Refusal;
use crate::report::Report;
use crate::sandbox;
use crate::service::signals::stoppable;
use crate::tag::{ChannelName, Version};
use crate::text::{plain, thousands};

/// How long the spreadsheet may take to show it afterwards. Where it is out of reach, the next pass shows it.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn run(config: Config, request: &RollbackRequest, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let calls = Calls::default();
    let paced = pacing(None, &config, &calls);
    let cloud = connect_cloud(&config, credentials.clone(), paced.clone(), calls.clone()).await;
    let (known, rules) = (names(&config, ""), policy(&config, &[], false));
    let parts = OrderParts {
        config: &config,
        names: &known,
        policy: &rules,
        cloud: &cloud,
        pacing: &paced,
        calls: &calls,
    };
    let channel = ChannelName::from(request.channel.as_str());
    let by = login();
    let order = Order {
        channel: &channel,
        reason: &request.reason,
        by: &by,
    };
    let shown = if request.yes {
        None
    } else {
        Some(ask(&parts, order).await?)
    };
    let ended = match carry_out(&parts, order, shown.as_ref(), format).await? {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    if ended.outcome.exit_code() != 6 {
        show_in_sheet(config.clone(), credentials).await;
    }
    Ok(ended.outcome.exit_code())
}

/// What moves, if anything does.
type Step = Option<(Version, Version)>;

fn step(plan: &Plan) -> Step {
    match plan.channels.first().and_then(|channel| channel.moved.clone()) {
        Some(Moved::Rollback { from, to }) => Some((from, to)),
        _ => None,
    }
}

/// Shows what the order comes to, and asks whether it is meant.
async fn ask(parts: &OrderParts<'_>, order: Order<'_>) -> Result<Step, Refusal> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Refusal::config(
            "nobody can be asked here whether the rollback is meant; if it is, add --yes",
        ));
    }
    let at = now();
    let store = SqliteStore::open(&store_url(parts.config), Access::Read, at)
        .await
        .map_err(Refusal::failed)?;
    let memory = store.load().await.map_err(Refusal::failed)?;
    let asked = Ordered {
        order,
        policy: parts.policy,
        run: &run_id(at),
        now: at,
    };
    let ends = Instant::now() + parts.config.schedule.pass_timeout;
    let (plan, _) = show_order(parts.cloud, &memory, asked, ends).await.map_err(refused)?;
    let mut terminal = io::stderr().lock();
    let _ = write!(terminal, "{}Type yes to go on: ", preview(&plan, order));
    let _ = terminal.flush();
    drop(terminal);
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && answer.trim() == "yes" {
        Ok(step(&plan))
    } else {
        Err(Refusal::failed("not confirmed, so nothing was changed"))
    }
}

/// What it comes to, in a few lines.
fn preview(plan: &Plan, order: Order<'_>) -> String {
    let name = plain(order.channel.as_str());
    let mut text = match step(plan) {
        Some((from, to)) => format!("{name}: {from} → {to}\n"),
        None => format!("{name}: was rolled back before; servers that did not follow are tried again\n"),
    };
    let mut sources: BTreeMap<String, usize> = BTreeMap::new();
    let changing: Vec<&ServerPlan> = plan
        .servers
        .iter()
        .filter(|server| !server.changes.is_empty())
        .collect();
    for server in &changing {
        let source = server.source.as_ref().map_or_else(String::new, ToString::to_string);
        *sources.entry(source).or_default() += 1;
    }
    let count = |n: usize| thousands(n as u64);
    let noun = |n: usize| if n == 1 { "server" } else { "servers" };
    text.push_str(&format!(
        "  {} {} will change\n",
        count(changing.len()),
        noun(changing.len())
    ));
    for (source, n) in sources {
        text.push_str(&format!("    {} in {}\n", count(n), plain(&source)));
    }
    let held = plan.channels.first().map_or(0, |channel| channel.left_behind.len());
    if held > 0 {
        text.push_str(&format!("  {} held {} will stay\n", count(held), noun(held)));
    }
    text
}

/// Does it, and shows the report. `Err`: the exit code of a run that signals ended.
async fn carry_out(
    parts: &OrderParts<'_>,
    order: Order<'_>,
    shown: Option<&Step>,
    format: Format,
) -> Result<Result<Report, u8>, Refusal> {
    let printed = Arc::new(OnceLock::new());
    let keep = Arc::clone(&printed);
    let show = move |report: &Report| {
        let _ = keep.set(print(format, &report.json(), &report.text()));
    };
    let options = PassOptions::shown(parts.config.log.format).showing(show);
    let agreed = |plan: &Plan| shown.is_none_or(|shown| *shown == step(plan));
    let waits = |by: &str| say(&format!("waiting for the pass that is running: {by}"));
    let work = |stop| roll_back(parts, order, agreed, options.until(stop), waits, now());
    let ended = stoppable(parts.config.schedule.shutdown_grace, work).await;
    if let Some(Err(unwritten)) = printed.get() {
        return Err(unwritten.clone());
    }
    match ended {
        Ok(Ok(Some(report))) => Ok(Ok(report)),
        Ok(Ok(None)) => Err(Refusal::failed(
            "the channel's release moved while this waited for an answer, so nothing was changed; run it again",
        )),
        Ok(Err(Undone::Refused(refusal))) => Err(refusal),
        Ok(Err(Undone::Order(error))) => Err(refused(error)),
        Err(unfinished) => Ok(Err(unfinished.exit_code())),
    }
}

fn refused(error: OrderError) -> Refusal {
    match &error {
        OrderError::Not(NotOrdered::Unknown { .. } | NotOrdered::Observes | NotOrdered::OtherSheet) => {
            Refusal::config(error)
        }
        OrderError::Not(NotOrdered::OldStore { .. }) => Refusal::held(error),
        _ => Refusal::failed(error),
    }
}

/// Makes a pass, so that sheet and AuditLog show it where they can be reached.
async fn show_in_sheet(mut config: Config, credentials: StaticCredentials) {
    config.schedule.pass_timeout = config.schedule.pass_timeout.min(SHOWN_WITHIN);
    let later = "the next pass shows the rollback in the sheet";
    let connected = tokio::time::timeout(SHOWN_WITHIN, connect(config, credentials)).await;
    let Ok(Ok(clients)) = connected else {
        say(&format!("cannot reach Google now; {later}"));
        return;
    };
    let rules = policy(&clients.config, &[], false);
    let pass = |stop| once(&clients, &rules, PassOptions::silent().until(stop));
    match stoppable(clients.config.schedule.shutdown_grace, pass).await {
        Ok(Ok(report)) if report.outcome.is_failing() => {
            let why = report.problems.first().map(|problem| plain(&problem.message));
            say(&format!(
                "{}; {later}",
                why.unwrap_or_else(|| "the pass after it failed".into())
            ));
        }
        Ok(Ok(report)) if report.outcome.exit_code() == 6 => say(later),
        Ok(Ok(_)) => {}
        Ok(Err(refusal)) => say(&format!("{}; {later}", refusal.line())),
        Err(_) => say(later),
    }
}

fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "fleetsheet: {line}");
}
