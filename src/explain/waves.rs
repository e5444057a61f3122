//! What `explain` says of rollouts: the rule, each gate as it was asked, the next opening, and when a server's turn is.

use chrono::{DateTime, Utc};

use super::names::Lines;
use crate::gate::Verdict;
use crate::pass::Preview;
use crate::plan::window::{Hours, openings};
use crate::plan::{
    By, ChannelPlan, GateLine, Inputs, Moved, Place, Policy, RolloutRule, Rule, ServerPlan, Turn, before_start, place,
    turn,
};
use crate::rollout::{ColourPhase, Strategy};
use crate::sheet::intent::Tick;
use crate::tag::ChannelName;

/// The rule that decided about a channel.
pub(super) fn rule(channel: &ChannelPlan) -> String {
    let rolled = match (&channel.rollout, &channel.moved) {
        (Some(rollout), _) => Some(rollout.rule),
        (None, Some(Moved::Rollback { by: By::Gate, .. })) => Some(RolloutRule::GateFailed),
        (None, Some(Moved::Rollback { by: By::Keys, .. })) => Some(RolloutRule::TakenBack),
        (None, None) if channel.rolled && channel.rule == Rule::InSync => Some(RolloutRule::Done),
        _ => None,
    };
    rolled.map_or_else(
        || format!("{}: {}", channel.rule.number(), channel.rule.text()),
        RolloutRule::words,
    )
}

/// The strategy of a channel, its rollout, its gates and its windows.
pub(super) fn explain_channel(channel: &ChannelPlan, preview: &Preview, policy: &Policy, lines: &mut Lines) {
    let (now, readings) = (preview.now, &preview.decided.observed.readings);
    let rollouts = &policy.rollouts;
    if let Some(strategy) = rollouts.strategy_of(&channel.name) {
        lines.push(("strategy", strategy_words(strategy, &channel.name)));
    }
    if let Some(rollout) = &channel.rollout {
        lines.push((
            "rollout",
            format!(
                "{} after {}, by strategy {}: {} {} of {} ({}) since {}, {} of {} taken, {} of them carry it",
                rollout.version,
                rollout.former.as_ref().map_or("no version", |former| former.as_str()),
                rollout.strategy,
                if rollout.phase.is_some() { "phase" } else { "wave" },
                rollout.wave,
                rollout.waves,
                rollout.to,
                time(rollout.since),
                rollout.members,
                rollout.size,
                rollout.carrying
            ),
        ));
        if !rollout.why.is_empty() {
            let hold = if rollout.stuck > 0 {
                "; tick hold for a server that can never be tagged"
            } else {
                ""
            };
            lines.push(("because", format!("{}{hold}", rollout.why)));
        }
        if let (RolloutRule::Watched | RolloutRule::Stopped, false) = (rollout.rule, advances(channel, preview)) {
            let name = if rollout.phase.is_some() { "phase" } else { "wave" };
            let words =
                format!("tick advance: the {name} need not bake or pass its gates any more, but for one that fails");
            lines.push(("to go on sooner", words));
        }
        if let Some(at) = rollout.not_before {
            lines.push(("not before", time(at)));
        }
        gates(&rollout.gates, lines);
    } else if let (Some(strategy), Some(readings)) = (rollouts.strategy_of(&channel.name), readings.of(&channel.name)) {
        gates(&before_start(strategy, rollouts, readings), lines);
    }
    windows(channel, policy, now, lines);
}

/// Whether a tick of `advance` stands there that is for this wave, or none can be made.
fn advances(channel: &ChannelPlan, preview: &Preview) -> bool {
    let rows = preview.decided.observed.sheet.intent.channels.iter();
    let mut own = rows.filter(|row| row.channel == channel.name);
    own.all(|row| row.advance != Some(Tick::Off))
}

fn gates(gates: &[GateLine], lines: &mut Lines) {
    for gate in gates {
        lines.push(("gate", gate_words(gate)));
        lines.extend(gate.asked.iter().map(|asked| ("asked", asked.clone())));
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `careful: waves 10%, 25%, 100%; gates errors`.
fn strategy_words(strategy: &Strategy, channel: &ChannelName) -> String {
    let wave = |wave: &crate::rollout::Wave| {
        let manual = if wave.manual { " (then waits for advance)" } else { "" };
        format!("{}{manual}", wave.to)
    };
    let waves: Vec<String> = strategy.waves.iter().map(wave).collect();
    let gates = match &strategy.gates[..] {
        [] => "no gates".to_owned(),
        gates => format!("gates {}", gates.join(", ")),
    };
    let after: Vec<&str> = strategy.first(channel).map(ChannelName::as_str).collect();
    let after = match &after[..] {
        [] => String::new(),
        names => format!("; after {}", names.join(", ")),
    };
    let how = match &strategy.colours {
        Some(colours) => format!(
            "blue-green by the tag {}, role tag {}{}",
            colours.colour_tag,
            colours.role_tag,
            if colours.manual {
                " (the switch waits for advance)"
            } else {
                ""
            }
        ),
        None => format!("waves {}", waves.join(", ")),
    };
    format!("{}: {how}; {gates}{after}", strategy.name)
}

/// `errors: fail, 0.031 (limit 0.01), the former version 0.004, 1200 samples: 0.031 > 0.01; passed 0 of 3 times, failed 1 time`.
fn gate_words(line: &GateLine) -> String {
    let reading = &line.reading;
    let mut parts = vec![format!("{}: {}", line.gate, reading.verdict.words())];
    if let Some(value) = reading.value {
        let limit = reading
            .limit
            .map_or_else(String::new, |limit| format!(" (limit {limit})"));
        parts.push(format!("{value}{limit}"));
    }
    if let Some(former) = reading.compared {
        parts.push(format!("the former version {former}"));
    }
    if let Some(samples) = reading.samples {
        parts.push(format!("{samples} samples"));
    }
    let why = match (reading.verdict, reading.why.as_str()) {
        (Verdict::Pass, _) | (_, "") => String::new(),
        (_, why) => format!(": {why}"),
    };
    let counted = match (line.left_out, line.report_only) {
        (true, _) => "left out: there is nothing to compare with".to_owned(),
        (_, true) => "report_only: it decides nothing".to_owned(),
        _ => format!(
            "passed {} of {} times in a row, failed {}",
            line.passes.min(line.needed),
            line.needed,
            line.failures
        ),
    };
    format!("{}{why}; {counted}", parts.join(", "))
}

/// Whether servers may pass now, and when the next window opens.
fn windows(channel: &ChannelPlan, policy: &Policy, now: DateTime<Utc>, lines: &mut Lines) {
    let rollouts = &policy.rollouts;
    let (windows, freezes) = (rollouts.windows_of(&channel.name), rollouts.freezes_of(&channel.name));
    if windows.is_empty() && freezes.is_empty() {
        return;
    }
    let words = match policy.hours_of(&channel.name, now) {
        Hours::Open if policy.allow_window => "let through for this pass".to_owned(),
        Hours::Open => "open".to_owned(),
        Hours::Closed(closed) => {
            let opens = closed
                .opens
                .map_or_else(|| "not within a year".to_owned(), |at| format!("next at {}", time(at)));
            format!("closed: {}; {opens}", closed.what)
        }
    };
    lines.push(("window", words));
    let next = windows.iter().flat_map(|window| openings(window, &freezes, now, 1));
    if let Some(next) = next.min_by_key(|opening| opening.span.opens) {
        let frozen = next
            .frozen
            .map_or_else(String::new, |freeze| format!(", but {freeze} holds then"));
        lines.push(("next opening", format!("{}{frozen}", next.words)));
    }
}

/// Which wave takes a server, and its place.
pub(super) fn explain_server(server: &ServerPlan, preview: &Preview, policy: &Policy, lines: &mut Lines) {
    let inputs = Inputs {
        sheet: &preview.decided.observed.sheet,
        fleet: &preview.decided.observed.fleet,
        memory: &preview.memory,
        policy,
        readings: &preview.decided.observed.readings,
        now: preview.now,
    };
    let plan = &preview.decided.plan;
    if let Some(turn) = turn(inputs, plan, &server.id) {
        lines.extend(turn_words(&turn));
    }
    let Some(place) = place(inputs, plan, &server.id) else {
        return;
    };
    let channel = plan.channels.iter().find(|c| Some(&c.name) == server.channel.as_ref());
    let why = channel
        .and_then(|channel| channel.rollout.as_ref())
        .map_or("", |rollout| &*rollout.why);
    lines.push(("wave", place_words(&place, why)));
}

/// `green, role preview`, and `phase 1 of 4 (preview) takes it; it was taken`.
fn turn_words(turn: &Turn) -> Vec<(&'static str, String)> {
    let colour = turn.colour.as_deref().map_or("none".to_owned(), crate::text::plain);
    let role = turn.role.as_deref().map_or("no role".to_owned(), |role| {
        format!("role {}", crate::text::plain(role))
    });
    let mut lines = vec![("colour", format!("{colour}, {role}"))];
    if let Some(phase) = turn.phase {
        let next = if turn.under_way { "" } else { "in the next rollout " };
        let taken = if turn.member { "; it was taken" } else { "" };
        let (nth, all) = (phase as usize + 1, ColourPhase::ALL.len());
        lines.push(("phase", format!("{next}phase {nth} of {all} ({phase}) takes it{taken}")));
    }
    lines
}

/// `wave 3 of 5 (50%), place 412 of 750; bakes until 14:30 UTC`.
fn place_words(place: &Place, why: &str) -> String {
    let at = format!(
        "wave {} of {} ({}), place {} of {}",
        place.wave, place.waves, place.to, place.place, place.size
    );
    match (place.under_way, place.member, why) {
        (false, ..) => format!("in the next rollout {at}"),
        (true, true, _) => format!("{at}; it was taken"),
        (true, false, "") => at,
        (true, false, why) => format!("{at}; the rollout {why}"),
    }
}
