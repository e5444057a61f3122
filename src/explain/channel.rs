//! A channel: what is in force now, by the sheet and by what is remembered, and then what the next pass makes of it.

use super::names::CELL_MAX;
use super::{Lines, waves};
use crate::memory::{ChannelMemory, KeyState, Latch};
use crate::pass::Preview;
use crate::pass_end::Decided;
use crate::plan::{ChannelPlan, Moved, Policy, Then};
use crate::report::next_pass;
use crate::settle::ChannelLine;
use crate::sheet::intent::{Key, ReleaseRow, Tick};
use crate::tag::Version;
use crate::text::short;

pub(super) fn explain(channel: &ChannelPlan, preview: &Preview, policy: &Policy, lines: &mut Lines) {
    let Decided { observed, .. } = &*preview.decided;
    let known = preview.memory.channels.get(&channel.name);
    let shown = observed.sheet.display.release.rows.iter();
    let shown = shown.filter(|row| row.channel == channel.name && !row.status.is_empty());
    let shown: Vec<&str> = shown.map(|row| row.status.as_str()).collect();
    lines.push(("channel", channel.name.to_string()));
    let status = match shown[..] {
        [] => "none yet".to_owned(),
        _ => shown.join(" / "),
    };
    lines.push(("status", short(&status, CELL_MAX)));
    let version = |version: Option<&Version>| version.map_or("none".to_owned(), ToString::to_string);
    let versions = known.map(|known| (known.release.as_ref(), known.prior.as_ref()));
    let (release, previous) = versions.unwrap_or_default();
    lines.push((
        "release",
        format!("{}, previous {}", version(release), version(previous)),
    ));
    let rows = observed.sheet.intent.channels.iter();
    for row in rows.filter(|row| row.channel == channel.name) {
        lines.push(("cell", cells(row)));
        let errors = row.errors.iter();
        lines.extend(errors.map(|error| ("problem", format!("{}: {}", error.place, error.message))));
    }
    if let Some(known) = known {
        lines.push(("keys", keys(known)));
        lines.push(("approved", approved(known).into()));
        if let Some(latch) = &known.latch {
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
    lines.push(("servers", servers(channel)));
    let line = preview.report.channels.iter().find(|line| line.name == channel.name);
    if let Some(line) = line {
        lines.push(("next pass", comes(line, &shown)));
    }
    lines.push(("rule", waves::rule(channel)));
    waves::explain_channel(channel, preview, policy, lines);
    lines.push(("to change it", to_change(channel, is_new(channel, preview))));
    lines.extend(way_back(channel, preview, policy).map(|words| ("to go back", words)));
}

/// What the next pass makes of it.
fn comes(line: &ChannelLine, shown: &[&str]) -> String {
    let status = &line.status;
    match next_pass(line) {
        Some(moves) => format!("{moves}; the status is then: {status}"),
        None if shown.iter().any(|shown| *shown != status.as_str()) || shown.is_empty() => {
            format!("the status is then: {status}")
        }
        None => "leaves it as it is".to_owned(),
    }
}

fn servers(channel: &ChannelPlan) -> String {
    let release = channel.release.as_ref().map_or("the release", Version::as_str);
    let mut servers = format!("{} of {} carry {release}", channel.carrying, channel.concerned);
    if channel.held > 0 {
        let are = match channel.held {
            1 => "1 more is held, and stays as it is".to_owned(),
            n => format!("{n} more are held, and stay as they are"),
        };
        servers.push_str(&format!("; {are}"));
    }
    let agents = &channel.agents;
    if agents.with_agent > 0 {
        servers.push_str(&format!(
            "; {} of {} with an agent run it, {} report trouble with it, {} are silent",
            agents.running, agents.with_agent, agents.in_trouble, agents.silent
        ));
    }
    if channel.unseen > 0 {
        servers.push_str(&format!(
            "; {} cannot be seen now (see the problems of fleetsheet plan) and count by what they last carried",
            channel.unseen
        ));
    }
    servers
}

fn approved(known: &ChannelMemory) -> &'static str {
    if known.release.is_none() {
        "there is no release yet; name one version in both keys"
    } else if known.approved {
        "the release in force was approved with both keys"
    } else {
        "the release in force was taken from what servers carried; no pair of keys approved it"
    }
}

/// Whether the next pass changes what keys and boxes are worth, or the release: then what is advised is for after it.
fn is_new(channel: &ChannelPlan, preview: &Preview) -> bool {
    let next = preview.decided.plan.update.channels.get(&channel.name);
    let known = preview.memory.channels.get(&channel.name);
    let worth = |memory: &ChannelMemory| {
        let ChannelMemory {
            release,
            prior,
            key_a,
            key_b,
            latch,
            ..
        } = memory.clone();
        (release, prior, key_a, key_b, latch)
    };
    next.is_some_and(|next| known.map(worth) != Some(worth(next)))
}

/// What people can do, and what comes of it.
fn to_change(channel: &ChannelPlan, is_new: bool) -> String {
    match (&channel.moved, &channel.advice.steps[..]) {
        (Some(Moved::Promotion { .. }), []) => {
            "nothing: servers follow; untick enabled before the next pass to keep it from going out".to_owned()
        }
        (None, []) if channel.advice.then == Then::Decides => "nothing: it goes on by itself".to_owned(),
        // Ticked before that pass, rollback would leave the release that is still in force, for the one before it.
        (Some(Moved::Promotion { .. }), _) => format!(
            "nothing: servers follow; untick enabled before the next pass to keep it from going out; to go back once it is out, {}",
            channel.advice
        ),
        _ if is_new && !channel.advice.steps.is_empty() => {
            format!("wait for the next pass; after it, {}", channel.advice)
        }
        _ => channel.advice.to_string(),
    }
}

/// Where one tick takes the channel back.
fn way_back(channel: &ChannelPlan, preview: &Preview, policy: &Policy) -> Option<String> {
    let known = preview.memory.channels.get(&channel.name)?;
    let rows = preview.decided.observed.sheet.intent.channels.iter();
    let rows: Vec<&ReleaseRow> = rows.filter(|row| row.channel == channel.name).collect();
    let [row] = rows[..] else { return None };
    let prior = known.prior.as_ref()?;
    let may = channel.moved.is_none() && known.latch.is_none() && row.rollback == Tick::Off && !policy.observe;
    may.then(|| format!("tick rollback: that rolls back to {prior}"))
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
    let advance = row.advance.map_or_else(String::new, |advance| {
        format!(", {} advance {}", place("advance"), tick(advance))
    });
    format!(
        "{} A={}, {} B={}, {} enabled {}, {} rollback {}{advance}",
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
