//! Says why a server or a channel is as it is: which rule, which cells, which tags, and what would change it.

mod channel;
mod names;
mod waves;

use crate::observe::Observed;
use crate::pass::Preview;
use crate::pass_end::Decided;
use crate::plan::{Policy, ServerPlan, ServerStatus};
use crate::settle::words;
use crate::sheet::intent::{ServerRow, Tick};
use crate::tag::{TagKey, Version};
use crate::text::{did_you_mean, short};
use names::CELL_MAX;
pub use names::{Lines, meant};

/// Explains a channel or a server, by its id or its name; `None` when there is neither.
#[must_use]
pub fn explain(name: &str, preview: &Preview, policy: &Policy, managed: &[TagKey]) -> Option<Lines> {
    explain_one(name, preview, policy, managed).or_else(|| {
        let mut lines = match &names::called(name, preview)[..] {
            [] => Lines::new(),
            [id] => explain_one(id.as_str(), preview, policy, managed).unwrap_or_default(),
            several => names::list(name, several, preview),
        };
        lines.extend(names::rows(name, preview));
        (!lines.is_empty()).then_some(lines)
    })
}

fn explain_one(name: &str, preview: &Preview, policy: &Policy, managed: &[TagKey]) -> Option<Lines> {
    let Preview { decided, report, .. } = preview;
    let Decided { observed, plan } = &**decided;
    let mut lines = Lines::new();
    if let Some(channel) = plan.channels.iter().find(|c| c.name.as_str() == name) {
        channel::explain(channel, preview, policy, &mut lines);
    }
    if let Some(server) = plan.servers.iter().find(|s| s.id.as_str() == name) {
        explain_server(server, preview, policy, managed, &mut lines);
    } else if let Some(server) = observed
        .fleet
        .servers
        .iter()
        .find(|(id, _)| id.as_str() == name)
        .map(|(_, s)| s)
    {
        lines.push((
            "server",
            format!("{name} in {}, {}", server.source, server.state.word()),
        ));
        lines.push((
            "why",
            "not in the sheet, and its channel tag names no channel of this sheet: it is not ours".into(),
        ));
    }
    if let Some(carrying) = plan.not_ours.get(name) {
        lines.push(("channel", name.to_owned()));
        lines.push((
            "why",
            format!(
                "{} has no row of that name: it is another sheet's, perhaps; the servers that carry it are not touched",
                observed.sheet.intent.release_tab
            ),
        ));
        lines.push(("servers", carrying.to_string()));
    }
    for problem in report.problems.iter().filter(|p| p.place == name) {
        lines.push(("problem", problem.message.clone()));
    }
    (!lines.is_empty()).then_some(lines)
}

fn explain_server(server: &ServerPlan, preview: &Preview, policy: &Policy, managed: &[TagKey], lines: &mut Lines) {
    let Decided { observed, plan } = &*preview.decided;
    let layout = &observed.sheet.display.servers.layout;
    let live = observed.fleet.servers.get(&server.id);
    let at = match live {
        Some(live) => format!("in {}, {}", live.source, live.state.word()),
        None if server.status == ServerStatus::AsIs => "cannot be seen now".to_owned(),
        None => "not found in any account and region".to_owned(),
    };
    lines.push(("server", format!("{} {at}", server.id)));
    for row in &server.rows {
        lines.push(("row", layout.place("serverId", *row)));
    }
    if !server.listed() {
        let why = "none, and none is appended (discovery.rows, or a belt): it follows its channel tag";
        lines.push(("row", why.into()));
    }
    if server.append {
        lines.push((
            "row",
            "none yet: discovered by its channel tag, a row will be appended".into(),
        ));
    }
    let channel = server.channel.as_ref();
    lines.push(("channel", channel.map_or("(blank)".to_owned(), ToString::to_string)));
    if let Some(decided) = plan.channels.iter().find(|c| Some(&c.name) == channel) {
        let text = |release: &Option<Version>| release.as_ref().map_or("none".to_owned(), ToString::to_string);
        let known = preview.memory.channels.get(&decided.name);
        let now = known.map_or("none".to_owned(), |known| text(&known.release));
        let then = text(&decided.release);
        let comes = if now == then {
            String::new()
        } else {
            format!("; {then} from the next pass on")
        };
        lines.push(("release", format!("{now} is the release of its channel{comes}")));
    }
    if let Some(live) = live {
        let tag = |key| live.tag(key).map_or("(none)".to_owned(), ToString::to_string);
        let one = |key| format!("{key}={}", tag(key));
        let release = format!("{}, {}", one(&policy.channel_tag), one(&policy.version_tag));
        lines.push(("tags", release));
        // Each may be long.
        lines.extend(managed.iter().map(|key| ("tag", one(key))));
        let says = policy.agents.read(live, preview.now);
        lines.extend(says.map(|says| ("running", says.words())));
    }
    lines.push(("why", why(server).to_owned()));
    waves::explain_server(server, preview, policy, lines);
    let mut shown = observed
        .sheet
        .display
        .servers
        .rows
        .iter()
        .filter(|row| row.id == server.id);
    let failed = shown.find_map(|row| row.service.get("status").filter(|status| status.starts_with("failed")));
    if let Some(failed) = failed {
        lines.push(("last pass", short(failed, CELL_MAX)));
    }
    let own = observed.sheet.intent.servers.iter().filter(|row| row.id == server.id);
    for row in own {
        lines.extend(deciding(row, server, observed).map(|cells| ("cell", cells)));
    }
    if let ServerStatus::UnknownChannel(Some(meant)) = &server.status {
        lines.push(("because", did_you_mean(Some(meant.as_str()), "")));
    }
    if let ServerStatus::Contested(text) | ServerStatus::Error(text) | ServerStatus::Waiting(text) = &server.status {
        lines.push(("because", text.clone()));
    }
    if let ServerStatus::WaitsForWindow(what) = &server.status {
        lines.push(("because", format!("it waits for {what}")));
    }
    if !server.changes.is_empty() {
        lines.push(("next pass", words(&server.changes)));
    }
    if !server.withheld.is_empty() {
        lines.push(("held back", words(&server.withheld)));
    }
}

/// The cells of a row that decide about a server that is held, or whose rows disagree.
fn deciding(row: &ServerRow, server: &ServerPlan, observed: &Observed) -> Option<String> {
    let hold = row.hold.map(|hold| match hold {
        Tick::On => format!("{} hold ticked", row.origin.place("hold")),
        Tick::Off => format!("{} hold not ticked", row.origin.place("hold")),
        Tick::Unreadable => format!("{} hold (cannot be read)", row.origin.place("hold")),
    });
    match server.status {
        ServerStatus::Held => hold,
        ServerStatus::Duplicate => {
            let channel = row.channel.as_ref().map_or("(blank)", |channel| channel.as_str());
            let mut cells = vec![format!("{} channel {channel}", row.origin.place("channel"))];
            cells.extend(hold);
            let tags = observed.sheet.intent.tags.iter().zip(&row.tags);
            cells.extend(tags.map(|(column, asks)| {
                let place = row.origin.place(&column.header);
                format!("{place} {} {}", column.header, asks.as_deref().unwrap_or("(blank)"))
            }));
            Some(cells.join(", "))
        }
        _ => None,
    }
}

fn why(server: &ServerPlan) -> &'static str {
    match server.status {
        ServerStatus::InSync if !server.changes.is_empty() => "it is behind what the sheet asks for",
        ServerStatus::InSync => "it follows its channel",
        ServerStatus::Held => "it is on hold, or was when its row was last there: its tags are left alone",
        ServerStatus::UnknownChannel(_) => "its channel has no row in the release tab",
        ServerStatus::Unassigned => "its channel cell is blank",
        ServerStatus::Duplicate => "it stands in two rows that disagree; keep one",
        ServerStatus::Terminated => "it was seen shutting down or terminated",
        ServerStatus::Missing => "no account and region shows it",
        ServerStatus::Gone => "it has been missing for a day",
        ServerStatus::Contested(_) => "somebody else keeps writing its tags; tries are spaced out",
        ServerStatus::Error(_) => "a cell of its row cannot be read",
        ServerStatus::Waiting(_) => "a belt holds its changes",
        ServerStatus::WaitsForWindow(_) => {
            "it is late for its channel's release, and nobody passes to a version outside of a window"
        }
        ServerStatus::WaitsForWave => "a wave of its channel's rollout has yet to take it, or to let it pass",
        ServerStatus::Refused(_) => {
            "its tags were refused, so tries are spaced out; if it can never be tagged, tick hold to leave it alone"
        }
        ServerStatus::AsIs => "its account and region did not answer, or a belt forbids to call it missing",
    }
}
