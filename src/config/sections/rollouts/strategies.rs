//! `[[strategy]]`: whose releases pass in waves, and what watches them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::model::{Account, Tags};
use crate::config::read::{Reader, integer, text_of};
use crate::config::syntax::SECOND;
use crate::config::table::{STRATEGY, Table};
use crate::rollout::{Glob, Globs, OnFailure, Strategy, Tolerance};
use crate::tag::ChannelName;
use crate::text::nearest;

use super::colours::{colours, only_waves};
use super::waves::{BAKES, waves};

const PATH: &str = "strategy";
const BAKE: Duration = Duration::from_secs(30 * 60);
const WARMUP: Duration = Duration::from_secs(5 * 60);
const STALLED: Duration = Duration::from_secs(2 * 60 * 60);
const STALLS: RangeInclusive<Duration> = Duration::from_secs(60 * SECOND.as_secs())..=*BAKES.end();

/// The strategies. `gates` are the names of all gates, `accounts` the accounts that waves may name, where these are known.
pub(super) fn strategies(
    r: &mut Reader,
    gates: Option<&BTreeSet<String>>,
    accounts: Option<&[Account]>,
    tags: Option<&Tags>,
) -> Option<Vec<Strategy>> {
    let tables = r.tables(PATH)?;
    let (mut names, mut read) = (BTreeSet::new(), Vec::with_capacity(tables.len()));
    for (i, fields) in tables.into_iter().enumerate() {
        let mut table = Table::new(r, PATH, format!("{PATH}[{i}]"), fields);
        let name = table.required("name", "give the strategy a name for statuses to show", |name| {
            Ok(name.to_owned())
        });
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            table.fail("name", format!("{name:?} names two strategies; give each its own"));
        }
        read.push(strategy(&mut table, name, gates, (accounts, tags)));
    }
    read.into_iter().collect()
}

fn strategy(
    table: &mut Table<'_>,
    name: Option<String>,
    gates: Option<&BTreeSet<String>>,
    (accounts, tags): (Option<&[Account]>, Option<&Tags>),
) -> Option<Strategy> {
    table.refuse_unknown(STRATEGY, |_| None);
    let kind = table.text("kind", kind);
    let colours = match kind {
        Some(Some(Kind::BlueGreen)) => colours(table, tags).map(Some),
        Some(_) => only_waves(table).then_some(None),
        None => None,
    };
    let channels = channels(table, "such as [\"*-prod\"]");
    let waves = match kind {
        Some(Some(Kind::BlueGreen)) if table.has("waves") => {
            table.fail(
                "waves",
                "is for kind = \"waves\"; blue_green has phases instead, so take it out",
            );
            None
        }
        Some(Some(Kind::BlueGreen)) => Some(Vec::new()),
        _ => waves(table, accounts),
    };
    let bake = table.duration("bake", BAKE, &BAKES);
    let warmup = table.duration("warmup", WARMUP, &BAKES);
    let gates = table.list("gates", |name| known_gate(name, gates));
    if let Some(Some(gates)) = &gates {
        refuse_twice(table, "gates", gates);
    }
    let on_failure = table.text("on_failure", on_failure);
    let max_failures = tolerance(table);
    let stalled_after = table.duration("stalled_after", STALLED, &STALLS);
    let after = table.list("after", channel);
    if let Some(Some(after)) = &after {
        refuse_twice(table, "after", after);
    }
    kind?;
    Some(Strategy {
        name: name?,
        channels: channels?,
        waves: waves?,
        bake: bake?,
        warmup: warmup?,
        gates: gates?.unwrap_or_default(),
        on_failure: on_failure?.unwrap_or_default(),
        max_failures: max_failures?,
        stalled_after: stalled_after?,
        after: after?
            .unwrap_or_default()
            .iter()
            .map(|name| name.as_str().into())
            .collect::<Vec<ChannelName>>(),
        colours: colours?,
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Waves,
    BlueGreen,
}

fn kind(text: &str) -> Result<Kind, String> {
    match text {
        "waves" => Ok(Kind::Waves),
        "blue_green" => Ok(Kind::BlueGreen),
        _ => Err(format!("{text:?} is not known; use \"waves\" or \"blue_green\"")),
    }
}

/// The channels that a table is for; `such_as` shows how to name them.
pub(super) fn channels(table: &mut Table<'_>, such_as: &str) -> Option<Globs> {
    let globs = table.list("channels", Glob::read)?;
    let named = globs.filter(|globs| !globs.is_empty()).map(Globs);
    if named.is_none() {
        let message = format!("names nobody; write names or patterns of channels, {such_as}");
        table.fail("channels", message);
    }
    named
}

fn known_gate(name: &str, gates: Option<&BTreeSet<String>>) -> Result<String, String> {
    let Some(gates) = gates.filter(|gates| !gates.contains(name)) else {
        return Ok(name.to_owned());
    };
    Err(match nearest(name, gates.iter().map(String::as_str)) {
        Some(meant) => format!("{name:?} is not a gate; write {meant:?}"),
        None => format!("{name:?} is not a gate; add a [[gate]] with this name, or take it out"),
    })
}

fn on_failure(text: &str) -> Result<OnFailure, String> {
    match text {
        "rollback" => Ok(OnFailure::Rollback),
        "pause" => Ok(OnFailure::Pause),
        _ => Err(format!("{text:?} is not known; use \"rollback\" or \"pause\"")),
    }
}

fn channel(name: &str) -> Result<String, String> {
    match name {
        "" => Err("is blank; write a channel's name".to_owned()),
        _ if name.contains('*') => Err(format!(
            "{name:?} is a pattern; write the name of each channel to wait for"
        )),
        _ => Ok(name.to_owned()),
    }
}

fn refuse_twice(table: &mut Table<'_>, key: &str, names: &[String]) {
    let mut seen = BTreeSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        table.fail(key, format!("names {name:?} twice; take one out"));
    }
}

/// A number of servers, or a share in quotes.
fn tolerance(table: &mut Table<'_>) -> Option<Tolerance> {
    let Some(value) = table.value("max_failures") else {
        return Some(Tolerance::Count(0));
    };
    let text = match integer(&value) {
        Some(number) => Ok(number.to_string()),
        None => text_of(&value).map(str::to_owned),
    };
    let read = match text {
        Ok(text) => text.parse(),
        Err(_) => Err("is not a number of servers or a share; write 2, or in quotes a share such as \"1%\"".to_owned()),
    };
    read.map_err(|message| table.fail("max_failures", message)).ok()
}
