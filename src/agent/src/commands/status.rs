//! `status`: what runs since when, what the tag asks, why they differ, what stands in the way, and when the next run is.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::answer::Answer;
use crate::adapters::machine::{next, now};
use crate::config::Config;
use crate::digest::share;
use crate::machine::{Machine, Stop};
use crate::memory::Memory;
use crate::problem::plain;
use crate::rules::Tags;
use crate::{run, tags};

fn shown(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How it stands.
pub(super) fn status(config: &Config) -> Result<Answer, Stop> {
    let mut machine = run::open(config)?;
    let asked = tags::read(&mut machine, true);
    let last = machine.store.lines("history.jsonl", 1).pop().unwrap_or_default();
    let word = |key: &str| {
        let value = last.get(key).and_then(|value| value.as_str());
        plain(value.unwrap_or_default())
    };
    let memory = &machine.memory;
    let good = memory.good.as_ref().map_or("none", |good| &good.version);
    let since = memory
        .good_since
        .map(|at| format!(" since {}", shown(at)))
        .unwrap_or_default();
    let mut text = format!("runs     {good}{since}\n");
    let (channel, desired) = match &asked {
        Tags::Read { channel, version } => {
            let or = |text: &Option<String>| text.as_ref().map_or_else(|| "nothing".to_owned(), |text| plain(text));
            text.push_str(&format!("tag asks {} of channel {}\n", or(version), or(channel)));
            (channel.clone().unwrap_or_default(), version.clone().unwrap_or_default())
        }
        Tags::Unreadable(why) => {
            text.push_str(&format!("tags     {}\n", plain(why)));
            (String::new(), String::new())
        }
    };
    let said = format!("{} {}", word("state"), word("detail"));
    if good != desired && word("desired") == plain(&desired) {
        text.push_str(&format!("because  {}\n", said.trim()));
    }
    text.push_str(&format!(
        "last run {} {}: {}\n",
        word("run"),
        word("outcome"),
        said.trim()
    ));
    text.push_str(&in_the_way(memory));
    let due = due(&machine, &desired);
    if let Some(due) = due {
        text.push_str(&format!("due      {} not before {}\n", plain(&desired), shown(due)));
    }
    let next = next();
    text.push_str(&next.map_or_else(
        || "next run under way, or the service does not run; see systemctl status fleetsheet-agent\n".to_owned(),
        |at| format!("next run {}\n", shown(at)),
    ));
    let json = json!({
        "running": good, "since": memory.good_since, "channel": channel, "desired": desired, "last": last,
        "state": word("state"), "detail": word("detail"), "attempt": memory.attempt, "broken": memory.broken,
        "quarantine": memory.quarantine, "owed": memory.owed.keys().collect::<Vec<_>>(), "hold": memory.hold,
        "backoff": memory.backoff, "reported": memory.reported, "due": due, "next_run": next,
    });
    Ok(Answer::new(text, json, 0))
}

/// When a version that nobody looked at yet has waited long enough.
fn due(machine: &Machine<'_>, desired: &str) -> Option<DateTime<Utc>> {
    let memory = &machine.memory;
    let (version, since) = memory.first_seen.as_ref()?;
    let waits = version == desired && !memory.pins.contains_key(version) && memory.good.is_some();
    let splay = share(&machine.identity.instance_id, machine.config.schedule.splay);
    let due = *since + TimeDelta::from_std(splay).ok()?;
    (waits && due > now()).then_some(due)
}

/// What keeps another release from running here.
fn in_the_way(memory: &Memory) -> String {
    let mut text = String::new();
    if let Some(attempt) = &memory.attempt {
        let how = if attempt.back.is_some() {
            "on its way back"
        } else if attempt.watching.is_some() {
            "watched"
        } else {
            "under way"
        };
        text.push_str(&format!("attempt  {} {how}\n", attempt.to.version));
    }
    if let Some(broken) = &memory.broken {
        text.push_str(&format!("broken   {}\n", plain(&broken.why)));
    }
    for (version, why) in memory.quarantine.values() {
        text.push_str(&format!("quarantined {version}: {}\n", plain(why)));
    }
    for id in memory.owed.keys() {
        text.push_str(&format!("owed     {id}\n"));
    }
    if let Some(hold) = memory.hold.as_ref().filter(|hold| hold.goes_on(now())) {
        text.push_str(&format!("held     until {}: {}\n", shown(hold.until), plain(&hold.why)));
    }
    if let Some(backoff) = memory.backoff.as_ref().filter(|backoff| backoff.goes_on(now())) {
        text.push_str(&format!(
            "again    {} not before {}: {}\n",
            backoff.version,
            shown(backoff.until),
            plain(&backoff.why)
        ));
    }
    text
}
