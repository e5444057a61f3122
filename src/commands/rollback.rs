//! `rollback`: takes a channel's release back at once, whether or not the spreadsheet can be reached.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, timeout_at};

use super::output::print;
use super::store;
use crate::adapters::files::login;
use crate::calls::Calls;
use crate::cli::{Format, RollbackRequest};
use crate::clients::{StaticCredentials, connect, connect_cloud, connect_sheets, names, pacing, policy};
use crate::clock::{now, run_id};
use crate::config::Config;
use crate::locked_pass::{OrderParts, PassOptions, Undone, once, roll_back};
use crate::pass::{OrderError, Ordered, show_order};
use crate::pass_end::Ending;
use crate::plan::{Allowed, Moved, NotOrdered, Order, Plan, ServerPlan};
use crate::refusal::Refusal;
use crate::report::Report;
use crate::sandbox;
use crate::service::signals::stoppable;
use crate::sheet::names::Names;
use crate::sheet::parse::{Sheet, claims, parse};
use crate::sheet::{SheetReader as _, TabRequest};
use crate::tag::{ChannelName, Version};
use crate::text::{length, plain, thousands};

/// How long the spreadsheet may take to say which store serves it and where its rows put the servers. Where it does not, the state
/// store's word counts.
const SAID_WITHIN: Duration = Duration::from_secs(5);

/// How long the spreadsheet may take to show it afterwards. Where it is out of reach, the next pass shows it.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn run(config: Config, request: &RollbackRequest, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    store::must_be_there(&config).await?;
    let calls = Calls::default();
    let paced = pacing(None, &config, &calls);
    let (known, rules) = (names(&config, ""), policy(&config, &Allowed::default(), false));
    let (cloud, said) = tokio::join!(
        connect_cloud(&config, credentials.clone(), paced.clone(), calls.clone()),
        read(&config, &known, &calls)
    );
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
        claims: said.claims.as_ref(),
        sheet: said.sheet.as_ref(),
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

/// What the spreadsheet says now.
#[derive(Default)]
struct Said {
    /// The stores that claim it; `None` where it cannot be asked.
    claims: Option<BTreeSet<String>>,
    /// Its rows; `None` where they cannot be read in time, or not be understood.
    sheet: Option<Sheet>,
}

async fn read(config: &Config, names: &Names, calls: &Calls) -> Said {
    let deadline = Instant::now() + SAID_WITHIN;
    let asked = async {
        let sheets = connect_sheets(config, calls.clone()).await.ok()?;
        let sheets = sheets.with_deadline(deadline.into_std());
        let tabs = [&names.release_tab, &names.server_tab].map(|tab| TabRequest::whole(tab));
        let (raw, sheet) = match sheets.read(&tabs).await {
            Ok(raw) => {
                let sheet = parse(&raw, names).ok();
                (raw, sheet)
            }
            // A tab may be gone: which store serves the file can be asked all the same.
            Err(_) => (sheets.read(&[]).await.ok()?, None),
        };
        let claims = Some(claims(&raw));
        Some(Said { claims, sheet })
    };
    let said = timeout_at(deadline, asked).await.ok().flatten().unwrap_or_default();
    if said.sheet.is_none() {
        say("the spreadsheet cannot be read now; going by what the state store remembers");
    }
    said
}

/// What moves, if anything does.
type Step = Option<(Version, Option<Version>)>;

fn step(plan: &Plan) -> Step {
    match plan.channels.first().and_then(|channel| channel.moved.clone()) {
        Some(Moved::Rollback { from, to, .. }) => Some((from, to)),
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
    let store = store::to_read(parts.config).await?;
    let memory = store.load().await.map_err(Refusal::from)?;
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
        Some((from, Some(to))) => format!("{name}: {from} → {to}\n"),
        Some((from, None)) => {
            format!(
                "{name}: the rollout of {from} ends where its servers are, because it leaves no version to go back to\n"
            )
        }
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
    if step(plan).is_some() {
        text.push_str("  what both keys name when they are next read must be approved again\n");
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
    let waits = |by: &str, since: Duration, most: Duration| {
        let seconds = |time: Duration| TimeDelta::seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        let since = match since.as_secs() {
            0 => String::new(),
            _ => format!(" for {} now", length(seconds(since))),
        };
        let most = length(seconds(most));
        say(&format!(
            "waiting{since} for the pass that is running, {most} more at most; it gives way unless it is changing tags: {by}"
        ));
    };
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
        OrderError::Not(NotOrdered::OldStore { .. } | NotOrdered::Replaced(_)) => Refusal::held(error),
        OrderError::Not(NotOrdered::Unseen(_)) | OrderError::Late => Refusal::unanswered(error),
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
    let rules = policy(&clients.config, &Allowed::default(), false);
    let pass = |stop| once(&clients, &rules, PassOptions::silent().until(stop));
    match stoppable(clients.config.schedule.shutdown_grace, pass).await {
        Ok(Ok(report)) if report.outcome == Ending::Stopped => {
            let why = report.problems.first().map(|problem| plain(&problem.message));
            say(&format!(
                "the sheet does not show the rollback: {}",
                why.unwrap_or_else(|| "the pass after it was stopped".into())
            ));
        }
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
