//! Safety limits, each with its arithmetic in its message: counted, total, limit and the setting's name.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::server::{Context, Draft};
use super::{Plan, Policy};
use crate::fleet::{Fleet, Source};
use crate::memory::{Baselines, Memory, Reading, ServerMemory, Unapproved};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::Sheet;
use crate::tag::ChannelName;

/// A safety limit that an operator may let through for one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Belt {
    /// The sheet shrank.
    RowDrop,
    /// A source shrank.
    FleetDrop,
    /// Too much changes without two keys.
    Unapproved,
    /// Another tab stands under the old name.
    Tab,
    /// The file was set back in time.
    History,
}

impl Belt {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::RowDrop,
        Self::FleetDrop,
        Self::Unapproved,
        Self::Tab,
        Self::History,
    ];

    /// The word for `--allow`.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.code().word()
    }

    /// The code of the problems that say it tripped.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::RowDrop => Code::RowDrop,
            Self::FleetDrop => Code::FleetDrop,
            Self::Unapproved => Code::Unapproved,
            Self::Tab => Code::Tab,
            Self::History => Code::History,
        }
    }
}

/// A belt that tripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// Which.
    pub belt: Belt,
    /// What it holds back: a tab, a source or a channel.
    pub place: String,
    /// Its arithmetic and how to let it through.
    pub message: String,
    /// Whether the operator lets it through.
    pub allowed: bool,
}

/// How far back the belts look.
const DAY: TimeDelta = TimeDelta::hours(24);
/// Fewer unapproved changes than this trip nothing, however small the fleet.
const UNAPPROVED_LEAST: u64 = 3;
/// Share of the release tab's rows that may vanish.
const RELEASE_ROW_DROP: f64 = 0.5;
/// Shares are compared with this much slack, so that 3 of 10 is not more than 0.3 by a rounding error.
const SLACK: f64 = 1e-9;

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows and servers are far below 2^52"
)]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn trip(plan: &mut Plan, policy: &Policy, belt: Belt, place: &str, what: String) -> Option<String> {
    let word = belt.word();
    let allowed = policy.allow.contains(&belt);
    let fix = if allowed {
        "let through by --allow"
    } else {
        "if it is meant, run fleetsheet --once --allow"
    };
    let message = format!("belt {word}: {what}; {fix} {word}");
    plan.problems
        .push(Problem::new(Kind::Belt, belt.code(), place, message.clone()));
    plan.tripped.push(Tripped {
        belt,
        place: place.to_owned(),
        message: message.clone(),
        allowed,
    });
    (!allowed).then_some(message)
}

/// The most of the last 24 hours, or the last reading if all are older: a long outage must not open a belt.
fn most(readings: &[Reading], now: DateTime<Utc>) -> Option<u64> {
    let recent = readings
        .iter()
        .filter(|(at, _)| now - *at <= DAY)
        .map(|(_, count)| *count)
        .max();
    recent.or_else(|| readings.last().map(|(_, count)| *count))
}

fn live_rows(sheet: &Sheet, fleet: &Fleet, memory: &Memory, now: DateTime<Utc>) -> u64 {
    let dead = |id| {
        let remembered = memory.servers.get(id);
        match fleet.servers.get(id) {
            Some(server) => !server.state.is_live(),
            None => remembered.is_some_and(|m| m.terminated || m.missing_since.is_some_and(|since| now - since >= DAY)),
        }
    };
    let ids: BTreeSet<_> = sheet
        .servers
        .rows
        .iter()
        .map(|row| &row.id)
        .filter(|id| !dead(*id))
        .collect();
    ids.len() as u64
}

fn release_rows(sheet: &Sheet) -> u64 {
    sheet
        .release
        .rows
        .iter()
        .map(|row| &row.channel)
        .collect::<BTreeSet<_>>()
        .len() as u64
}

/// Whether a count fell by the share that trips a belt; gives the share.
fn fell(most: Option<u64>, now: u64, limit: f64) -> Option<(u64, f64)> {
    let most = most?;
    let drop = share(most.saturating_sub(now), most);
    (limit < 1.0 && most > now && drop + SLACK >= limit).then_some((most, drop))
}

/// Looks whether the sheet shrank; the message holds back appends, moves, `missing` and promotions.
pub(super) fn row_drop(
    sheet: &Sheet,
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    now: DateTime<Utc>,
    plan: &mut Plan,
) -> Option<String> {
    let base = &memory.baselines;
    let pairs = [
        (
            &sheet.servers.layout.title,
            &base.server_rows,
            live_rows(sheet, fleet, memory, now),
            policy.max_row_drop,
            "belts.max_row_drop",
        ),
        (
            &sheet.release.layout.title,
            &base.release_rows,
            release_rows(sheet),
            // Whoever switches the belt off means both tabs.
            if policy.max_row_drop < 1.0 {
                RELEASE_ROW_DROP
            } else {
                1.0
            },
            "fixed",
        ),
    ];
    let (mut words, mut place) = (Vec::new(), None);
    for (title, readings, count, limit, setting) in pairs {
        if let Some((most, drop)) = fell(most(readings, now), count, limit) {
            let (drop, limit) = (percent(drop), percent(limit));
            words.push(format!("{title} has {count} live rows, {drop} fewer than the {most} of the last 24 h (limit {limit}, {setting})"));
            place.get_or_insert(title);
        }
    }
    trip(plan, policy, Belt::RowDrop, place?, words.join("; "))
}

fn source_counts(fleet: &Fleet) -> BTreeMap<&Source, u64> {
    let mut counts: BTreeMap<&Source, u64> = fleet
        .sources
        .iter()
        .filter(|(_, error)| error.is_none())
        .map(|(source, _)| (source, 0))
        .collect();
    for server in fleet.servers.values().filter(|s| s.state.is_live()) {
        *counts.entry(&server.source).or_insert(0) += 1;
    }
    counts
}

/// Looks which sources shrank; nothing of them is marked missing.
pub(super) fn fleet_drop(
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    now: DateTime<Utc>,
    plan: &mut Plan,
) -> Vec<Source> {
    let mut shrunken = Vec::new();
    for (source, count) in source_counts(fleet) {
        let place = source.to_string();
        let most = memory
            .baselines
            .fleet
            .get(&place)
            .and_then(|readings| most(readings, now));
        let Some((most, drop)) = fell(most, count, policy.max_fleet_drop) else {
            continue;
        };
        let what = format!(
            "{place} answers with {count} servers, {} fewer than the {most} of the last 24 h (limit {}, belts.max_fleet_drop){}",
            percent(drop),
            percent(policy.max_fleet_drop),
            if policy.allow.contains(&Belt::FleetDrop) {
                ""
            } else {
                "; none of its servers is marked missing"
            }
        );
        if trip(plan, policy, Belt::FleetDrop, &place, what).is_some() {
            shrunken.push(source.clone());
        }
    }
    shrunken
}

/// Holds all of this pass's unapproved changes if there are too many in 24 hours.
///
/// Gives those that go ahead and count towards the next passes of the day.
pub(super) fn unapproved(
    drafts: &mut [Draft],
    context: &Context<'_>,
    memory: &Memory,
    plan: &mut Plan,
) -> Vec<Unapproved> {
    if drafts.iter().all(|d| d.unapproved.is_empty()) {
        return Vec::new();
    }
    let recent: Vec<&Unapproved> = memory
        .baselines
        .unapproved
        .iter()
        .filter(|u| context.now - u.at <= DAY)
        .collect();
    let mut all: BTreeSet<_> = recent.iter().map(|u| &u.server).collect();
    let mut lost: BTreeMap<&ChannelName, BTreeSet<_>> = BTreeMap::new();
    for change in &recent {
        if let Some(from) = &change.from {
            lost.entry(from).or_default().insert(&change.server);
        }
    }
    let mut sizes: BTreeMap<&ChannelName, u64> = BTreeMap::new();
    for draft in drafts.iter() {
        if !draft.unapproved.is_empty() {
            all.insert(&draft.plan.id);
        }
        if let Some(from) = &draft.moved_from {
            lost.entry(from).or_default().insert(&draft.plan.id);
        } else if let (Some(channel), true) = (&draft.plan.channel, draft.live) {
            *sizes.entry(channel).or_insert(0) += 1;
        }
    }
    let limit = context.policy.max_unapproved_change;
    let fleet = context.fleet.servers.values().filter(|s| s.state.is_live()).count() as u64;
    let mut over = Vec::new();
    let mut judge = |count: u64, whole: u64, of: &str| {
        if count >= UNAPPROVED_LEAST && share(count, whole) > limit + SLACK {
            over.push(format!(
                "{count} of {whole} servers of {of} ({})",
                percent(share(count, whole))
            ));
        }
    };
    judge(all.len() as u64, fleet, "the fleet");
    for (channel, servers) in &lost {
        let whole = sizes.get(*channel).copied().unwrap_or(0) + servers.len() as u64;
        judge(servers.len() as u64, whole, &format!("the channel {channel}"));
    }
    if over.is_empty() {
        return tally(drafts, context);
    }
    let what = format!(
        "{} would change within 24 h without the approval of two keys (limit {}, belts.max_unapproved_change)",
        over.join("; "),
        percent(limit)
    );
    let place = context.sheet.servers.layout.title.clone();
    if let Some(message) = trip(plan, context.policy, Belt::Unapproved, &place, what) {
        for draft in drafts.iter_mut().filter(|d| !d.unapproved.is_empty()) {
            let former: Option<&ServerMemory> = memory.servers.get(&draft.plan.id);
            draft.hold_unapproved(former, &message);
            draft.unapproved.clear();
        }
    }
    // What an operator let through starts the count anew.
    Vec::new()
}

fn tally(drafts: &[Draft], context: &Context<'_>) -> Vec<Unapproved> {
    let counted = drafts
        .iter()
        .filter(|d| !d.unapproved.is_empty() && !d.plan.changes.is_empty());
    counted
        .map(|d| Unapproved {
            at: context.now,
            server: d.plan.id.clone(),
            from: d.moved_from.clone(),
        })
        .collect()
}

/// The baselines after this pass: they move only where no belt tripped, and start anew where one was let through.
pub(super) fn baselines(
    sheet: &Sheet,
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    now: DateTime<Utc>,
    counted: Vec<Unapproved>,
    plan: &Plan,
) -> Baselines {
    let mut next = memory.baselines.clone();
    let state = |belt: Belt| plan.tripped.iter().find(|t| t.belt == belt).map(|t| t.allowed);
    let move_on = |readings: &mut Vec<Reading>, count: u64, tripped: Option<bool>| match tripped {
        Some(false) => {}
        Some(true) => *readings = vec![(now, count)],
        None => push(readings, count, now),
    };
    // A partial view of the fleet cannot tell which rows are live.
    if fleet.complete() {
        move_on(
            &mut next.server_rows,
            live_rows(sheet, fleet, memory, now),
            state(Belt::RowDrop),
        );
        move_on(&mut next.release_rows, release_rows(sheet), state(Belt::RowDrop));
    }
    for (source, count) in source_counts(fleet) {
        let place = source.to_string();
        let own = plan
            .problems
            .iter()
            .any(|p| p.code == Code::FleetDrop && p.place == place);
        let tripped = own.then(|| policy.allow.contains(&Belt::FleetDrop));
        move_on(next.fleet.entry(place).or_default(), count, tripped);
    }
    next.unapproved.retain(|u| now - u.at <= DAY);
    if state(Belt::Unapproved) == Some(true) {
        next.unapproved.clear();
    }
    for change in counted {
        next.unapproved
            .retain(|u| (&u.server, &u.from) != (&change.server, &change.from));
        next.unapproved.push(change);
    }
    next
}

/// Adds a reading. Two that say the same in one hour are one, so that a day of passes stays a short list.
fn push(readings: &mut Vec<Reading>, count: u64, now: DateTime<Utc>) {
    let keep = readings
        .iter()
        .rposition(|(at, _)| now - *at > DAY)
        .map_or(0, |i| i + 1);
    readings.drain(..keep.min(readings.len()));
    match readings.last() {
        Some((at, last)) if *last == count && now - *at < TimeDelta::hours(1) && now >= *at => {}
        _ => readings.push((now, count)),
    }
}
