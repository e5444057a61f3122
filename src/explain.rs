//! Says why a server or a channel is as it is: which rule, which cells, which tags, and what would change it.

mod names;

use crate::memory::{ChannelMemory, KeyState, Latch};
use crate::observe::Observed;
use crate::pass::Preview;
use crate::pass_end::Decided;
use crate::plan::{ChannelPlan, Moved, Policy, ServerPlan, ServerStatus};
use crate::settle::words;
use crate::sheet::intent::{Key, ReleaseRow, ServerRow, Tick};
pub use names::{Lines, meant};

/// Explains a channel or a server, by its id or its name; `None` when there is neither.
#[must_use]
pub fn explain(name: &str, preview: &Preview, policy: &Policy) -> Option<Lines> {
    explain_one(name, preview, policy).or_else(|| {
        let mut lines = match &names::called(name, preview)[..] {
            [] => Lines::new(),
            [id] => explain_one(id.as_str(), preview, policy).unwrap_or_default(),
            several => names::list(name, several, preview),
        };
        lines.extend(names::rows(name, preview));
        (!lines.is_empty()).then_some(lines)
    })
}

fn explain_one(name: &str, preview: &Preview, policy: &Policy) -> Option<Lines> {
    let Preview { decided, report, .. } = preview;
    let Decided { observed, plan } = &**decided;
    let mut lines = Lines::new();
    if let Some(channel) = plan.channels.iter().find(|c| c.name.as_str() == name) {
        explain_channel(channel, preview, policy, &mut lines);
    }
    if let Some(server) = plan.servers.iter().find(|s| s.id.as_str() == name) {
        explain_server(server, preview, policy, &mut lines);
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

fn explain_channel(channel: &ChannelPlan, preview: &Preview, policy: &Policy, lines: &mut Lines) {
    let Decided { observed, plan } = &*preview.decided;
    let status = preview
        .report
        .channels
        .iter()
        .find(|c| c.name == channel.name)
        .map_or("", |c| c.status.as_str());
    let version = |v: &Option<crate::tag::Version>| v.as_ref().map_or("none".to_owned(), ToString::to_string);
    lines.push(("channel", channel.name.to_string()));
    lines.push(("status", status.to_owned()));
    lines.push(("rule", format!("{}: {}", channel.rule.number(), channel.rule.text())));
    lines.push((
        "release",
        format!("{}, previous {}", version(&channel.release), version(&channel.previous)),
    ));
    let next = plan
        .update
        .channels
        .get(&channel.name)
        .or_else(|| preview.memory.channels.get(&channel.name));
    for row in observed
        .sheet
        .intent
        .channels
        .iter()
        .filter(|row| row.channel == channel.name)
    {
        lines.push(("cell", cells(row)));
    }
    if let Some(next) = next {
        lines.push(("keys", keys(next)));
        lines.push((
            "approved",
            if next.release.is_none() {
                "there is no release yet; name one version in both keys"
            } else if next.approved {
                "the release in force was approved with both keys"
            } else {
                "the release in force was taken from what servers carried; no pair of keys approved it"
            }
            .into(),
        ));
        if let Some(latch) = &next.latch {
            lines.push(("rollback", latch_words(latch)));
        }
    }
    let approval = &observed.sheet.approval;
    let protection = match (policy.require_protection, approval.holds()) {
        (_, true) => "the key columns are held by two groups".to_owned(),
        (true, false) => format!("off: {}", approval.faults.join("; ")),
        (false, false) => format!("off, and not required: {}", approval.faults.join("; ")),
    };
    lines.push(("protection", protection));
    let mut servers = format!("{} of {} carry the release", channel.carrying, channel.concerned);
    if channel.unseen > 0 {
        servers.push_str(&format!(
            "; {} cannot be seen now (see the problems of fleetsheet plan) and count by what they last carried",
            channel.unseen
        ));
    }
    lines.push(("servers", servers));
    lines.push(("to change it", to_change(channel)));
}

/// What people can do, and what comes of it.
fn to_change(channel: &ChannelPlan) -> String {
    match (&channel.moved, &channel.advice.steps[..]) {
        (Some(Moved::Promotion { .. }), []) => "nothing: servers follow".to_owned(),
        (Some(Moved::Promotion { .. }), _) => format!("nothing: servers follow; to go back, {}", channel.advice),
        _ => channel.advice.to_string(),
    }
}

fn cells(row: &ReleaseRow) -> String {
    let place = |header: &str| row.origin.place(header);
    let key = |key: &Key| match key {
        Key::Empty => "(empty)".to_owned(),
        Key::Names(version) => version.to_string(),
        Key::Unreadable => "(cannot be read)".to_owned(),
    };
    let tick = |tick: Tick| match tick {
        Tick::On => "ticked",
        Tick::Off => "not ticked",
        Tick::Unreadable => "(cannot be read)",
    };
    format!(
        "{} A={}, {} B={}, {} enabled {}, {} rollback {}",
        place("desiredVersionA"),
        key(&row.key_a),
        place("desiredVersionB"),
        key(&row.key_b),
        place("enabled"),
        tick(row.enabled),
        place("rollback"),
        tick(row.rollback)
    )
}

fn keys(memory: &ChannelMemory) -> String {
    let state = |key: &KeyState| match key {
        KeyState::Live => "is valid".to_owned(),
        KeyState::Spent { held: Some(held), .. } if held.is_empty() => {
            "was used up while it was blank: type it again".into()
        }
        KeyState::Spent { held: Some(held), .. } => {
            format!("was used up for {held}: clear it, let a pass see it, and type it again")
        }
        KeyState::Spent { held: None, .. } => "does not count, whatever is next read there".into(),
    };
    if (&memory.key_a, &memory.key_b) == (&KeyState::Live, &KeyState::Live) {
        return "both keys are valid".to_owned();
    }
    format!("key A {}; key B {}", state(&memory.key_a), state(&memory.key_b))
}

fn latch_words(latch: &Latch) -> String {
    match latch {
        Latch::Served { from } => format!("the tick was served (left {from}); untick to release again"),
        Latch::Nothing => "the tick found nothing to go back to; untick".into(),
        Latch::FoundTicked => {
            "the tick stood there before the row was known, so it does not count; untick and tick again".into()
        }
    }
}

fn explain_server(server: &ServerPlan, preview: &Preview, policy: &Policy, lines: &mut Lines) {
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
        let release = decided.release.as_ref().map_or("none".to_owned(), ToString::to_string);
        lines.push(("release", format!("{release} (channel: {})", decided.status)));
    }
    if let Some(live) = live {
        let tag = |key| live.tag(key).map_or("(none)".to_owned(), ToString::to_string);
        let shown = format!(
            "{}={}, {}={}",
            policy.channel_tag,
            tag(&policy.channel_tag),
            policy.version_tag,
            tag(&policy.version_tag)
        );
        lines.push(("tags", shown));
    }
    lines.push(("why", why(server).to_owned()));
    let mut shown = observed
        .sheet
        .display
        .servers
        .rows
        .iter()
        .filter(|row| row.id == server.id);
    let failed = shown.find_map(|row| row.service.get("status").filter(|status| status.starts_with("failed")));
    if let Some(failed) = failed {
        lines.push(("last pass", failed.clone()));
    }
    let own = observed.sheet.intent.servers.iter().filter(|row| row.id == server.id);
    for row in own {
        lines.extend(deciding(row, server, observed).map(|cells| ("cell", cells)));
    }
    if let ServerStatus::UnknownChannel(Some(meant)) = &server.status {
        lines.push(("because", format!("did you mean {meant}?")));
    }
    if let ServerStatus::Contested(text) | ServerStatus::Error(text) | ServerStatus::Waiting(text) = &server.status {
        lines.push(("because", text.clone()));
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
        ServerStatus::Refused(_) => "its tags were refused, so tries are spaced out",
        ServerStatus::AsIs => "its account and region did not answer, or a belt forbids to call it missing",
    }
}
