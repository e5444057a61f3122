//! Plans in words, for golden cases: servers that say the same share a line, and those in sync without changes are counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fleetsheet::plan::{ChannelPlan, Moved, Plan, ServerPlan, ServerStatus};
use fleetsheet::settle::Settled;
use fleetsheet::tag::{Change, Version};

/// A whole plan, with the statuses that it comes to.
pub(crate) fn plan(plan: &Plan, settled: &Settled) -> String {
    let mut out = String::new();
    if !plan.stop.is_empty() {
        out.push_str("stopped\n");
    }
    for channel in &plan.channels {
        self::channel(&mut out, channel, settled);
    }
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut in_sync = 0;
    for server in &plan.servers {
        if server.status == ServerStatus::InSync
            && server.changes.is_empty()
            && server.withheld.is_empty()
            && !server.append
        {
            in_sync += 1;
        } else {
            lines
                .entry(self::server(server, settled))
                .or_default()
                .push(server.id.as_str());
        }
    }
    let mut lines: Vec<_> = lines.into_iter().map(|(line, ids)| (ids, line)).collect();
    lines.sort();
    for (ids, line) in lines {
        let _ = writeln!(out, "{}: {line}", short(&ids));
    }
    if in_sync > 0 {
        let _ = writeln!(out, "in sync without a change: {in_sync}");
    }
    for text in plan.misnamed.keys() {
        let cells = settled.server_cells.get(text);
        let status = cells.and_then(|cells| cells.get("status"));
        let _ = writeln!(out, "no server {text:?}: {}", status.map_or("", |status| status));
    }
    for (channel, count) in &plan.not_ours {
        let _ = writeln!(out, "not ours: {count} of channel {channel}");
    }
    for problem in &plan.problems {
        let _ = writeln!(
            out,
            "! {} at {}: {}",
            problem.kind.word(),
            problem.place,
            problem.message
        );
    }
    for h in &plan.happenings {
        let _ = writeln!(
            out,
            "* {} {} {:?} -> {:?} {}",
            h.event, h.channel, h.from, h.to, h.detail
        );
    }
    out
}

fn short(ids: &[&str]) -> String {
    match ids {
        [first, .., last] if ids.len() > 4 => format!("{first} … {last} ({})", ids.len()),
        _ => ids.join(" "),
    }
}

fn channel(out: &mut String, channel: &ChannelPlan, settled: &Settled) {
    let version = |v: &Option<Version>| v.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let line = settled.channels.iter().find(|line| line.name == channel.name);
    let _ = writeln!(
        out,
        "{} [rule {}, {}]: {} (release {}, previous {})",
        channel.name,
        channel.rule.number(),
        channel.state.word(),
        line.map_or("", |line| line.status.as_str()),
        version(&channel.release),
        version(&channel.previous)
    );
    match &channel.moved {
        None => {}
        Some(Moved::Promotion { from, to }) => {
            let _ = writeln!(out, "  promotion {} -> {to}", version(from));
        }
        Some(Moved::Rollback { from, to, .. }) => {
            let _ = writeln!(out, "  rollback {from} -> {}", version(to));
        }
    }
    if !channel.left_behind.is_empty() {
        let _ = writeln!(out, "  left behind: {:?}", channel.left_behind);
    }
}

fn server(server: &ServerPlan, settled: &Settled) -> String {
    let status = settled.statuses.get(&server.id);
    let mut line = status.map_or_else(|| "as is".to_owned(), ToString::to_string);
    if server.append {
        line.push_str(if server.append_held {
            "; row appended, held"
        } else {
            "; row appended"
        });
    }
    for (what, changes) in [("", &server.changes), ("withheld ", &server.withheld)] {
        for change in changes {
            let Change {
                tag,
                before,
                after,
                reason,
            } = change;
            let before = before.as_deref().unwrap_or("nothing");
            let _ = write!(line, "\n    {what}{tag} {before} -> {after} ({})", reason.word());
        }
    }
    line
}
