//! The decision table of a channel: which rule matches first, and what it does to release, keys and latch.

mod rules;

use chrono::{DateTime, Utc};

use super::adopt::Carried;
use super::inputs::Inputs;
use super::joined::Rows;
use super::model::{ChannelPlan, Happening, Plan};
use super::rule::Rule;
use super::{edits, history, identity};
use crate::memory::{ChannelMemory, KeyState, LATE_WRITE, Latch, RowMemory, SpentBy, Stamp};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::{Key, ReleaseRow, Tick, clip};
use crate::tag::{ChannelName, Version};
use rules::Matched;

/// What a channel's decision looks at.
pub(super) struct Case<'a> {
    pub(super) name: &'a ChannelName,
    pub(super) rows: &'a [&'a ReleaseRow],
    pub(super) memory: Option<&'a ChannelMemory>,
    pub(super) carried: Option<&'a Carried>,
    /// Whether a row carries another channel's stamp, or one of a time that this store does not know: its box is not served.
    pub(super) foreign: bool,
    /// Whether a row shows what was meant for another channel's when nobody saw how the write ended.
    pub(super) strayed: bool,
    pub(super) inputs: Inputs<'a>,
    pub(super) row_belt: Option<&'a str>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        inputs: Inputs<'a>,
        name: &'a ChannelName,
        rows: &'a Rows<'a>,
        carried: Option<&'a Carried>,
        row_belt: Option<&'a str>,
    ) -> Self {
        let memory = inputs.memory;
        let rows = rows.get(name).map_or(&[][..], Vec::as_slice);
        let foreign = |row: &ReleaseRow| identity::carries_foreign_stamp(row, memory) || history::is_later(row, inputs);
        Self {
            name,
            rows,
            memory: memory.channels.get(name),
            carried,
            foreign: rows.iter().any(|row| foreign(row)),
            strayed: rows.iter().any(|row| identity::is_strayed(row, memory)),
            inputs,
            row_belt,
        }
    }

    fn place(&self, header: &str) -> String {
        let row = self.rows.first().map_or(1, |row| row.row);
        self.inputs.sheet.release.layout.place(header, row)
    }

    fn protected(&self) -> bool {
        !self.inputs.policy.require_protection || self.inputs.sheet.guards.hold()
    }

    /// The channel's row, if it has exactly one.
    fn row(&self) -> Option<&ReleaseRow> {
        match self.rows {
            [row] => Some(row),
            _ => None,
        }
    }

    fn ticked(&self) -> bool {
        self.rows.iter().any(|row| row.rollback == Tick::On)
    }

    fn happening(&self, event: &'static str, from: &str, to: &str, detail: String) -> Happening {
        Happening {
            channel: self.name.to_string(),
            event,
            from: from.to_owned(),
            to: to.to_owned(),
            detail,
        }
    }
}

/// Decides one channel: pushes its plan, its problems and happenings, and gives what to remember; `None` when it is not to be
/// known yet.
pub(super) fn decide(case: &Case<'_>, plan: &mut Plan) -> Option<ChannelMemory> {
    for row in case.rows {
        plan.problems.extend(row.errors.iter().cloned());
    }
    let known = case.memory.filter(|m| !case.inputs.policy.takeover && is_known(m));
    let mut next = match (known, case.row()) {
        (Some(memory), _) => memory.clone(),
        (None, Some(row)) if case.inputs.fleet.complete() => first_contact(case, row, plan),
        (None, _) => {
            unknown(case, plan);
            // A takeover cannot adopt what it cannot see, and what this store remembers may be long out of date: the
            // channel is forgotten, and is met for the first time once it can be adopted.
            return if case.inputs.policy.takeover {
                let row = case.memory.map(|memory| memory.row.clone()).unwrap_or_default();
                Some(ChannelMemory { row, ..unmet() })
            } else {
                case.memory.cloned()
            };
        }
    };
    if known.is_some() {
        reread(case, &mut next, plan);
    }
    let before = known.cloned().unwrap_or_default();
    if case.rows.is_empty() {
        report_spent(case, &before, &next, plan);
        let release = next.release.as_ref().map_or("none", Version::as_str);
        let message = format!(
            "the channel {} has no row in {} any more (release {release}); its servers are left as they are; bring the row \
             back with fleetsheet init --channel or undo",
            case.name, case.inputs.sheet.release.layout.title
        );
        plan.problems
            .push(Problem::new(Kind::Mismatch, Code::NoRow, case.name.as_str(), message));
        return Some(next);
    }
    let matched = rules::match_rule(case, &mut next, plan);
    report_spent(case, &before, &next, plan);
    plan.channels.push(channel_plan(case, &next, matched));
    Some(next)
}

/// The plan of a channel before its servers are counted.
fn channel_plan(case: &Case<'_>, next: &ChannelMemory, matched: Matched) -> ChannelPlan {
    ChannelPlan {
        name: case.name.clone(),
        rows: case.rows.iter().map(|row| row.row).collect(),
        release: next.release.clone(),
        previous: next.prior.clone(),
        status: matched.status,
        tone: matched.tone,
        would: matched.would,
        rule: matched.rule,
        moved: matched.moved,
        concerned: 0,
        carrying: 0,
        unseen: 0,
        left_behind: Vec::new(),
    }
}

/// What a takeover leaves of a channel that it cannot adopt: nothing to go by, and no key that counts. (An update forgets
/// no channel, so this stands for one that is not known.)
fn unmet() -> ChannelMemory {
    let mut unmet = ChannelMemory::default();
    spend_both(&mut unmet, SpentBy::Takeover);
    unmet
}

/// Whether the store knows a channel. Its row does not tell: that is remembered of every row that was ever written.
fn is_known(memory: &ChannelMemory) -> bool {
    let unmet = unmet();
    memory.release.is_some() || memory.key_a != unmet.key_a || memory.key_b != unmet.key_b
}

/// A channel that is not known and cannot be adopted in this pass.
fn unknown(case: &Case<'_>, plan: &mut Plan) {
    let matched = match case.rows {
        [] => return,
        [_] => Matched::new(
            Rule::NotReleased,
            "not released: waiting for every account and region to answer before adopting what the servers carry",
        ),
        _ => Matched::new(Rule::Error, two_rows(case, plan)),
    };
    plan.channels
        .push(channel_plan(case, &ChannelMemory::default(), matched));
}

/// Reports a channel that stands in two rows, and gives its status.
fn two_rows(case: &Case<'_>, plan: &mut Plan) -> String {
    let rows: Vec<String> = case.rows.iter().map(|row| row.row.to_string()).collect();
    let message = format!(
        "channel {} stands in rows {}; keep one of them",
        case.name,
        rows.join(" and ")
    );
    let status = format!("error: {message}");
    let place = case.place("channel");
    plan.problems
        .push(Problem::new(Kind::BadCell, Code::TwoRows, place, message));
    status
}

/// Adopts a channel from its servers.
fn first_contact(case: &Case<'_>, row: &ReleaseRow, plan: &mut Plan) -> ChannelMemory {
    let release = case.carried.and_then(Carried::majority);
    let shown = row.stamp.release.trim();
    if !shown.is_empty() && Some(shown) != release.as_ref().map(Version::as_str) {
        let carried = case
            .carried
            .map_or_else(|| "no server carries a version".into(), Carried::words);
        let message = format!(
            "{} shows \"{}\", but {carried}; a release is never taken from a cell, so {} was adopted",
            case.place("releaseVersion"),
            clip(shown),
            release.as_ref().map_or("none", Version::as_str)
        );
        plan.problems.push(Problem::new(
            Kind::Mismatch,
            Code::Adopted,
            case.place("releaseVersion"),
            message,
        ));
    }
    let both_name =
        release.is_some() && row.key_a.version() == release.as_ref() && row.key_b.version() == release.as_ref();
    let blank = [
        shown,
        row.stamp.previous.trim(),
        row.stamp.updated_at.trim(),
        row.status.trim(),
    ]
    .iter()
    .all(|c| c.is_empty());
    // What is remembered of a channel at its first contact is that a takeover could not adopt it.
    let taken_over = case.inputs.policy.takeover || case.memory.is_some();
    let spent = |key: &Key| match (taken_over, blank) {
        (true, _) => KeyState::Spent {
            held: key.text().map(str::to_owned),
            by: SpentBy::Takeover,
        },
        (false, false) => KeyState::Spent {
            held: key.text().map(str::to_owned),
            by: SpentBy::FirstContact,
        },
        (false, true) => KeyState::Live,
    };
    let mut next = ChannelMemory {
        approved: both_name && case.protected(),
        key_a: spent(&row.key_a),
        key_b: spent(&row.key_b),
        // A box that cannot be read may be ticked.
        latch: (row.rollback != Tick::Off).then_some(Latch::FoundTicked),
        row: RowMemory {
            written: Some(row.stamp.clone()),
            ..RowMemory::default()
        },
        ..ChannelMemory::default()
    };
    let sure = case.inputs.policy.takeover
        && case.inputs.sheet.guards.service_columns
        && release.as_ref().map(Version::as_str) == Some(shown);
    if sure {
        next.prior = Version::parse(&row.stamp.previous).ok();
    }
    let to = release.as_ref().map_or("", Version::as_str);
    let detail = case
        .carried
        .map_or_else(|| "no server carries a version".into(), Carried::words);
    plan.happenings
        .push(case.happening("adoption", &clip(shown), to, detail));
    next.release = release;
    if !case.protected() {
        spend_both(&mut next, SpentBy::Protection);
    }
    next
}

/// Brings what is remembered of a known channel up to what its rows show: stamps, spent keys, latch.
fn reread(case: &Case<'_>, next: &mut ChannelMemory, plan: &mut Plan) {
    match case.rows {
        [] => spend_both(next, SpentBy::Absence),
        [row] if case.strayed || identity::is_confirmed(row, next) => {
            if !case.strayed {
                confirm(next, &row.stamp, case.inputs.now);
            }
            if case.protected() {
                reread_key(&mut next.key_a, &row.key_a);
                reread_key(&mut next.key_b, &row.key_b);
            } else {
                spend_both(next, SpentBy::Protection);
            }
        }
        [row] => {
            report_edit(case, row, next, plan);
            spend_both(next, SpentBy::Edit);
        }
        _ => spend_both(next, SpentBy::TwoRows),
    }
    if case.foreign {
        next.latch.get_or_insert(Latch::FoundTicked);
    } else if !case.rows.is_empty() && case.rows.iter().all(|row| row.rollback == Tick::Off) {
        next.latch = None;
    }
}

/// Takes what stands in the row as read back. Writes that may still land are remembered a while longer.
fn confirm(next: &mut ChannelMemory, found: &Stamp, now: DateTime<Utc>) {
    let row = &mut next.row;
    if row.written.as_ref() != Some(found) {
        row.read_back(found.clone());
    }
    row.meant.retain(|(stamp, at)| stamp != found && now - *at < LATE_WRITE);
}

fn report_edit(case: &Case<'_>, row: &ReleaseRow, memory: &ChannelMemory, plan: &mut Plan) {
    let Some(wrote) = memory.row.written.as_ref() else {
        return;
    };
    let cells = [
        ("releaseVersion", &wrote.release, &row.stamp.release),
        ("previousVersion", &wrote.previous, &row.stamp.previous),
        ("updatedAt", &wrote.updated_at, &row.stamp.updated_at),
    ];
    let changed: Vec<_> = cells.iter().filter(|(_, before, found)| before != found).collect();
    let words: Vec<String> = changed
        .iter()
        .map(|(header, before, found)| edits::change(&case.place(header), before, found))
        .collect();
    let place = changed
        .first()
        .map_or_else(|| case.place("releaseVersion"), |(header, _, _)| case.place(header));
    let detail = format!(
        "service cells of {} were changed by hand ({}); they are restored, and both keys must be typed again",
        case.name,
        words.join(", ")
    );
    // As long as the cells cannot be restored the edit stands there in every pass, but it happened once.
    let by_edit = |key: &KeyState| {
        matches!(
            key,
            KeyState::Spent {
                held: None,
                by: SpentBy::Edit
            }
        )
    };
    if !(by_edit(&memory.key_a) && by_edit(&memory.key_b)) {
        plan.happenings.push(case.happening(
            "unauthorised_edit",
            &clip(&wrote.release),
            &clip(&row.stamp.release),
            detail.clone(),
        ));
    }
    plan.problems
        .push(Problem::new(Kind::UnauthorisedEdit, Code::Edit, place, detail));
}

/// Tells of each key that counted before this pass and does not after it. One that names nothing is no loss.
fn report_spent(case: &Case<'_>, before: &ChannelMemory, next: &ChannelMemory, plan: &mut Plan) {
    let row = case.row();
    let keys = [
        ("A", &before.key_a, &next.key_a, row.map(|row| &row.key_a)),
        ("B", &before.key_b, &next.key_b, row.map(|row| &row.key_b)),
    ];
    for (which, was, is, key) in keys {
        let (KeyState::Live, KeyState::Spent { by, .. }) = (was, is) else {
            continue;
        };
        if key != Some(&Key::Empty) {
            let text = key.and_then(Key::text).unwrap_or_default();
            let detail = format!("key {which}: {}", why(*by));
            plan.happenings.push(case.happening("key_spent", text, "", detail));
        }
    }
}

fn spend_both(memory: &mut ChannelMemory, by: SpentBy) {
    memory.key_a = KeyState::Spent { held: None, by };
    memory.key_b = KeyState::Spent { held: None, by };
}

/// A spent key counts again once its cell is seen, readable, to hold something else.
fn reread_key(state: &mut KeyState, key: &Key) {
    let (KeyState::Spent { held, by }, Some(text)) = (&*state, key.text()) else {
        return;
    };
    match held {
        None => {
            *state = KeyState::Spent {
                held: Some(text.to_owned()),
                by: *by,
            };
        }
        Some(held) if held != text => *state = KeyState::Live,
        Some(_) => {}
    }
}

fn why(by: SpentBy) -> &'static str {
    match by {
        SpentBy::Rollback => "it was rolled back",
        SpentBy::Edit => "the row was edited",
        SpentBy::Absence => "the row was absent",
        SpentBy::TwoRows => "the channel stood in two rows",
        SpentBy::Protection => "the key columns were not protected",
        SpentBy::Takeover => "the store was taken over",
        SpentBy::FirstContact => "the row was filled before the service first saw it",
    }
}
