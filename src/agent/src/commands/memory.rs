//! Commands that change what the agent remembers, and nothing else.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::answer::Answer;
use super::running::locked;
use crate::adapters::machine::now;
use crate::config::Config;
use crate::machine::{Machine, Stop};
use crate::memory::{Hold, Memory};
use crate::run;

const LONGEST: Duration = Duration::from_secs(24 * 3600);

fn change(config: &Config, change: impl FnOnce(&mut Memory) -> Result<String, String>) -> Result<Answer, Stop> {
    let _lock = match locked()? {
        Ok(lock) => lock,
        Err(busy) => return Ok(busy),
    };
    let mut machine: Machine<'_> = run::open(config)?;
    match change(&mut machine.memory) {
        Ok(said) => {
            machine.remember()?;
            Ok(Answer::new(format!("{said}\n"), json!({"detail": said}), 0))
        }
        Err(said) => Ok(Answer::new(format!("{said}\n"), json!({"detail": said}), 2)),
    }
}

fn no_version(why: &str) -> Answer {
    let said = format!("the version holds {why}");
    Answer::new(format!("{said}\n"), json!({ "detail": said }), 2)
}

/// Lifts the quarantine of a version, and `broken`. Its ref is looked at again.
pub(super) fn retry(config: &Config, version: &str) -> Result<Answer, Stop> {
    let version = match fleetsheet_words::version(version) {
        Ok(version) => version,
        Err(why) => return Ok(no_version(&why)),
    };
    change(config, |memory| {
        memory.quarantine.retain(|_, (of, _)| of != version);
        memory.backoff = memory.backoff.take().filter(|backoff| backoff.version != version);
        memory.broken = None;
        memory.backs.clear();
        memory.look_again.insert(version.to_owned());
        Ok(format!("{version} is tried again in the next run"))
    })
}

/// Accepts that a ref moved.
pub(super) fn accept(config: &Config, version: &str) -> Result<Answer, Stop> {
    let version = match fleetsheet_words::version(version) {
        Ok(version) => version,
        Err(why) => return Ok(no_version(&why)),
    };
    change(config, |memory| {
        memory
            .pins
            .remove(version)
            .ok_or_else(|| format!("{version} was never seen here"))?;
        memory.look_again.remove(version);
        memory.backoff = memory.backoff.take().filter(|backoff| backoff.version != version);
        Ok(format!("the ref of {version} is taken as it is found next"))
    })
}

/// Nothing is changed for some time.
pub(super) fn hold(config: &Config, time: Duration, reason: &str) -> Result<Answer, Stop> {
    let reason = crate::problem::cut(&crate::problem::plain(reason), 120);
    change(config, |memory| {
        if time > LONGEST || time.is_zero() {
            return Err("a hold lasts 24h at most; hold again tomorrow".into());
        }
        let until = now() + TimeDelta::from_std(time).map_err(|error| error.to_string())?;
        memory.hold = Some(Hold {
            until,
            why: reason.clone(),
        });
        Ok(format!("held until {}: {reason}", until.format("%Y-%m-%dT%H:%M:%SZ")))
    })
}

/// Ends a hold.
pub(super) fn unhold(config: &Config) -> Result<Answer, Stop> {
    change(config, |memory| {
        Ok(if memory.hold.take().is_some() {
            "no longer held".into()
        } else {
            "there was no hold".into()
        })
    })
}
