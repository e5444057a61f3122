//! Turns a plan and what became of it into final statuses, the cells to show, what to remember and the counts to report.
//!
//! Pure, like the plan; every word that people read in the sheet about a server is made here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fleet::{Fleet, Outcome, Server, Source};
use crate::memory::{Memory, Update};
use crate::plan::{ChannelPlan, Moved, Plan, Policy, ServerPlan, ServerStatus, count_repeats};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::Sheet;
use crate::tag::{Change, ChannelName, ServerId, TagKey};
use crate::text::{few, plain};

/// Service cells of one row, by canonical header; `updatedAt` is added when they are written.
pub type Cells = BTreeMap<Arc<str>, String>;

/// A channel as the report and the sheet show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelLine {
    /// Its name.
    pub name: ChannelName,
    /// The version in force.
    pub release: String,
    /// What a rollback would return to.
    pub previous: String,
    /// The whole status.
    pub status: String,
    /// How the release moves in this pass, in words; empty when it does not.
    pub moved: String,
    /// Servers that stay behind because they are held, when the release moved.
    pub left_behind: Vec<ServerId>,
    /// Servers that carry the release by now.
    pub carrying: u64,
    /// Servers that it concerns.
    pub concerned: u64,
    /// Servers whose change of version failed.
    pub failed: u64,
}

/// A row to append for a discovered server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// Its id.
    pub id: ServerId,
    /// Its channel.
    pub channel: ChannelName,
    /// Whether it comes back held.
    pub held: bool,
    /// Its service cells.
    pub cells: Cells,
}

/// Counts for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Servers in the sheet and discovered ones.
    pub servers: u64,
    /// Servers whose tags were changed.
    pub changed: u64,
    /// Servers whose change failed.
    pub failed: u64,
    /// Servers found by their tag.
    pub discovered: u64,
    /// Servers not found.
    pub missing: u64,
    /// Servers left alone because they are held, or because a belt holds their changes.
    pub held: u64,
}

/// The end of a pass, as far as decisions go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Channels, by name.
    pub channels: Vec<ChannelLine>,
    /// What the release tab shall show.
    pub channel_cells: BTreeMap<ChannelName, Cells>,
    /// What the server tab shall show.
    pub server_cells: BTreeMap<ServerId, Cells>,
    /// Rows to append.
    pub new_rows: Vec<NewRow>,
    /// Final statuses, by server.
    pub statuses: BTreeMap<ServerId, String>,
    /// Problems that showed while acting.
    pub problems: Vec<Problem>,
    /// What to remember.
    pub update: Update,
    /// For the report.
    pub counts: Counts,
}

/// Settles a pass. `outcomes` holds one entry for each server whose changes were tried; a plan that is only shown settles
/// with `None`, and then nothing counts as changed or failed.
#[must_use]
pub fn settle(
    sheet: &Sheet,
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    plan: &Plan,
    outcomes: Option<&BTreeMap<ServerId, Outcome>>,
) -> Settled {
    let mut settled = Settled::default();
    let mut progress: BTreeMap<&ChannelName, (u64, u64)> = BTreeMap::new();
    let mut failures: BTreeMap<(Option<&Source>, &str), Vec<&ServerId>> = BTreeMap::new();
    for server in &plan.servers {
        let outcome = outcomes.and_then(|all| all.get(&server.id));
        let done = matches!(outcome, Some(Outcome::Done));
        if let (Some(channel), true) = (&server.channel, changes_version(server, policy)) {
            let entry = progress.entry(channel).or_default();
            entry.0 += u64::from(done);
            entry.1 += u64::from(outcome.is_some() && !done);
        }
        if let Some(Outcome::Failed { message, .. } | Outcome::NotSent { why: message }) = outcome {
            failures
                .entry((server.source.as_ref(), message))
                .or_default()
                .push(&server.id);
        }
        if done {
            remember(server, memory, &mut settled.update);
        }
        count(server, outcome, outcomes.is_none(), &mut settled.counts);
        let live = fleet.servers.get(&server.id);
        // It may quote tags, which are somebody else's text.
        let status = plain(&status(server, live, outcome, policy));
        show(server, live, done, &status, sheet, policy, &mut settled);
        settled.statuses.insert(server.id.clone(), status);
    }
    for channel in &plan.channels {
        let (done, failed) = progress.get(&channel.name).copied().unwrap_or_default();
        let line = channel_line(channel, done, failed);
        let shown = [
            ("releaseVersion", &line.release),
            ("previousVersion", &line.previous),
            ("status", &line.status),
        ];
        let cells = shown
            .into_iter()
            .map(|(header, text)| (header.into(), text.clone()))
            .collect();
        settled.channel_cells.insert(line.name.clone(), cells);
        settled.channels.push(line);
    }
    settled.problems = failures
        .into_iter()
        .map(|((source, message), ids)| failure(source, message, &ids))
        .collect();
    for (source, error) in fleet
        .sources
        .iter()
        .filter_map(|(source, error)| Some((source, error.as_ref()?)))
    {
        let message = format!("{source} did not answer, so its servers are left as they are: {error}");
        settled.problems.push(Problem::new(
            Kind::ApiFailure,
            Code::Source,
            source.to_string(),
            message,
        ));
    }
    settled
}

fn changes_version(server: &ServerPlan, policy: &Policy) -> bool {
    server.changes.iter().any(|c| c.tag == policy.version_tag)
}

fn channel_line(channel: &ChannelPlan, done: u64, failed: u64) -> ChannelLine {
    // It may quote who else may edit a key.
    let mut status = plain(&channel.status);
    let carrying = channel.carrying + done;
    if let Some(release) = channel.release.as_ref().filter(|_| carrying < channel.concerned) {
        status.push_str(&format!(" · {carrying}/{} on {release}", channel.concerned));
    }
    if failed > 0 {
        status.push_str(&format!(" · {failed} failed"));
    }
    let text = |version: &Option<crate::tag::Version>| version.as_ref().map(ToString::to_string).unwrap_or_default();
    let moved = match &channel.moved {
        None => String::new(),
        Some(Moved::Promotion { from: Some(from), to }) => format!("promotion {from} → {to}"),
        Some(Moved::Promotion { from: None, to }) => format!("first release {to}"),
        Some(Moved::Rollback { from, to }) => format!("rollback {from} → {to}"),
    };
    ChannelLine {
        name: channel.name.clone(),
        release: text(&channel.release),
        previous: text(&channel.previous),
        status,
        moved,
        left_behind: channel.left_behind.clone(),
        carrying,
        concerned: channel.concerned,
        failed,
    }
}

fn failure(source: Option<&Source>, message: &str, ids: &[&ServerId]) -> Problem {
    let at = source.map_or_else(String::new, Source::to_string);
    let place = if let [one] = ids { one.to_string() } else { at.clone() };
    let servers = few(ids.iter().map(|id| id.as_str()), 20);
    let words = format!("tags of {servers} in {at} were not changed: {message}");
    Problem::new(Kind::ApiFailure, Code::Tags, place, words)
}

/// Remembers what was written with success, and that it was.
fn remember(server: &ServerPlan, memory: &Memory, update: &mut Update) {
    let mut next = memory.servers.get(&server.id).cloned().unwrap_or_default();
    for change in &server.changes {
        next.seen.insert(change.tag.clone(), change.after.clone());
        next.meant.remove(&change.tag);
    }
    count_repeats(&mut next, &server.changes);
    update.servers.insert(server.id.clone(), next);
}

fn count(server: &ServerPlan, outcome: Option<&Outcome>, only_shown: bool, counts: &mut Counts) {
    counts.servers += u64::from(server.listed());
    counts.discovered += u64::from(server.append);
    match outcome {
        Some(Outcome::Done) => counts.changed += 1,
        Some(_) => counts.failed += 1,
        None => counts.changed += u64::from(only_shown && !server.changes.is_empty()),
    }
    match server.status {
        ServerStatus::Missing => counts.missing += 1,
        ServerStatus::Held | ServerStatus::Waiting(_) => counts.held += 1,
        _ => {}
    }
}

/// Changes in words: `ReleaseVersion 2.3.9 → 2.4.0 (release)`.
#[must_use]
pub fn words(changes: &[Change]) -> String {
    let word = |c: &Change| {
        format!(
            "{} {} → {} ({})",
            c.tag,
            c.before.as_deref().unwrap_or("nothing"),
            c.after,
            c.reason.word()
        )
    };
    changes.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn status(server: &ServerPlan, live: Option<&Server>, outcome: Option<&Outcome>, policy: &Policy) -> String {
    match outcome {
        Some(Outcome::Failed { message, .. }) => return format!("failed: {message}"),
        Some(Outcome::NotSent { why }) => return format!("failed: not sent: {why}"),
        Some(Outcome::Done) | None => {}
    }
    match &server.status {
        ServerStatus::InSync if policy.observe && !server.withheld.is_empty() => {
            format!("observe: would set {}", words(&server.withheld))
        }
        ServerStatus::InSync => "in sync".into(),
        ServerStatus::Held => "held".into(),
        ServerStatus::UnknownChannel => "unknown channel".into(),
        ServerStatus::Unassigned => {
            let tag = |key: &TagKey| live.and_then(|s| s.tag(key)).map(|v| v.to_string());
            let carried: Vec<String> = [&policy.channel_tag, &policy.version_tag]
                .into_iter()
                .filter_map(tag)
                .collect();
            if carried.is_empty() {
                "unassigned".into()
            } else {
                format!("unassigned: carries {}", carried.join(" "))
            }
        }
        ServerStatus::Duplicate => "duplicate".into(),
        ServerStatus::Terminated => "terminated".into(),
        ServerStatus::Missing => "missing".into(),
        ServerStatus::Gone => "gone".into(),
        ServerStatus::Contested(what) => format!("contested: {what}"),
        ServerStatus::Error(what) => format!("error: {what}"),
        ServerStatus::Waiting(why) => format!("waiting: {why}"),
        ServerStatus::AsIs => String::new(),
    }
}

/// A tag's value as a cell can show it, so that what is read back is what was written: white space alone counts as nothing there,
/// and control characters may not all come back.
fn cell_text(value: &str) -> String {
    if value.trim().is_empty() {
        return String::new();
    }
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_control() {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

/// The cells of a server's row, as they shall stand.
fn show(
    server: &ServerPlan,
    live: Option<&Server>,
    done: bool,
    status: &str,
    sheet: &Sheet,
    policy: &Policy,
    settled: &mut Settled,
) {
    if server.status == ServerStatus::AsIs {
        return;
    }
    let mut cells: Cells = BTreeMap::new();
    cells.insert("status".into(), status.to_owned());
    let after = |key: &TagKey| {
        let changed = server
            .changes
            .iter()
            .find(|c| done && c.tag == *key)
            .map(|c| c.after.to_string());
        let text = changed.or_else(|| live.and_then(|s| s.tag(key)).map(|v| v.to_string()));
        text.map(|text| cell_text(&text)).unwrap_or_default()
    };
    if let Some(live) = live {
        cells.insert("account".into(), live.source.account.to_string());
        cells.insert("region".into(), live.source.region.to_string());
        cells.insert("state".into(), live.state.word().to_owned());
        // EC2 takes a terminated server's tags away bit by bit: what was shown last says more.
        if live.state.is_live() {
            cells.insert("name".into(), after(&"Name".into()));
            cells.insert("releaseVersion".into(), after(&policy.version_tag));
            for column in &sheet.servers.shown_tags {
                cells.insert(column.header.clone(), after(&column.key));
            }
        }
    } else if server.status == ServerStatus::Terminated {
        cells.insert("state".into(), "terminated".into());
    }
    match &server.channel {
        Some(channel) if server.append => {
            let new = NewRow {
                id: server.id.clone(),
                channel: channel.clone(),
                held: server.append_held,
                cells,
            };
            settled.new_rows.push(new);
        }
        _ if !server.rows.is_empty() => {
            settled.server_cells.insert(server.id.clone(), cells);
        }
        _ => {}
    }
}
