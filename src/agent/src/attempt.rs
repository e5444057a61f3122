//! Attempts: the way from good to another release, its watch, and the way back.

mod level;

use chrono::TimeDelta;

use crate::action::Reason;
use crate::adapters::machine::{is_terminated, now};
use crate::converge::{self, Planned};
use crate::machine::{Machine, Stop};
use crate::memory::{Attempt, Back, Backoff, Broken, Named};
use crate::prepare::packages::Prepared;
use crate::release::Release;
use crate::snapshot::Snapshot;

/// How an attempt stands after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It is good.
    Good,
    /// It is watched.
    Watching,
    /// It stays, though its checks fail.
    Unhealthy(String),
    /// It was taken back.
    TakenBack {
        /// The version that is quarantined for it, where one is.
        quarantined: Option<String>,
        /// Why.
        why: String,
    },
    /// Its way back failed.
    Broken(String),
}

/// A release by name.
#[must_use]
pub fn named(release: &Release) -> Named {
    Named {
        channel: release.channel.clone(),
        version: release.version.clone(),
        commit: release.commit.clone(),
        digest: release.digest.clone(),
    }
}

/// Begins an attempt: its snapshot, then its place in the memory. An open one gives its snapshot on.
///
/// # Errors
/// The disk.
pub fn begin(machine: &mut Machine<'_>, release: &Release, planned: &Planned, prepared: Prepared) -> Result<(), Stop> {
    let good = machine.good();
    let open = machine.memory.attempt.clone();
    let sick = match &open {
        Some(open) => open.sick,
        None => match &good {
            Some(good) => converge::health(machine, &converge::checks(good), false).is_err(),
            None => false,
        },
    };
    let taken = converge::snapshot(machine, good.as_ref(), release, planned)?;
    let name = match &open {
        None => now().format("%Y%m%dT%H%M%S%3fZ").to_string(),
        Some(open) => open.snapshot.clone(),
    };
    let path = format!("snapshots/{name}.json");
    let snapshot = match open.as_ref().and_then(|_| machine.store.get::<Snapshot>(&path)) {
        None => taken,
        // What the open one did not know of stands there as it was before both.
        Some(mut kept) => {
            for (path, saved) in taken.files {
                kept.files.entry(path).or_insert(saved);
            }
            for (unit, fact) in taken.services {
                kept.services.entry(unit).or_insert(fact);
            }
            for (path, names) in taken.notifies {
                kept.notifies.entry(path).or_default().extend(names);
            }
            kept.known.extend(taken.known);
            kept.undo.extend(taken.undo);
            kept.stays.extend(taken.stays);
            kept
        }
    };
    machine.store.put(&path, &snapshot)?;
    machine
        .store
        .keep("snapshots", machine.config.state.snapshots.max(1), &[&name]);
    machine.store.put("desired/attempt.json", release)?;
    let mut packages = prepared.changed;
    packages.extend(open.iter().flat_map(|open| open.packages.iter().cloned()));
    machine.memory.attempt = Some(Attempt {
        to: named(release),
        snapshot: name.clone(),
        watching: None,
        fails: 0,
        sick,
        touched: open.is_some_and(|open| open.touched),
        packages,
        late: prepared.late,
        back: None,
    });
    machine.memory.last_snapshot = Some(name);
    machine.memory.backoff = None;
    machine.remember()
}

/// Goes on with the open attempt: converges, checks health, and watches; or takes it back.
///
/// # Errors
/// The disk, or apt that cannot be had.
pub fn go_on(machine: &mut Machine<'_>) -> Result<Stands, Stop> {
    let Some(attempt) = machine.memory.attempt.clone() else {
        return Err(Stop::Circumstances("no open attempt".into()));
    };
    let stored: Option<Release> = machine.store.get("desired/attempt.json");
    let Some(release) = stored.filter(|release| release.digest == attempt.to.digest) else {
        return back(machine, "its rendered release is gone", false);
    };
    let reason = match (attempt.watching, &machine.memory.good) {
        (Some(_), _) => Reason::Drift,
        (None, None) => Reason::Join,
        (None, Some(_)) => Reason::Release,
    };
    let done = match converge::plan_for(machine, &release, reason) {
        Ok(planned) if planned.actions.is_empty() => Ok(()),
        Ok(planned) => converge::converge(machine, &release, planned),
        Err(stop) => Err(stop),
    };
    match done {
        Ok(()) => {}
        Err(Stop::Release(why) | Stop::Refused(why)) => return back(machine, &why, true),
        Err(Stop::Circumstances(why)) => return adverse(machine, &why),
        Err(Stop::Later) => return Err(Stop::Later),
    }
    let watched = attempt.watching.is_some();
    let checks = converge::checks(&release);
    let mut healthy = converge::health(machine, &checks, !watched);
    let mut fails = u32::from(healthy.is_err());
    while watched && healthy.is_err() && fails < machine.config.health.fails {
        std::thread::sleep(machine.config.health.interval);
        healthy = converge::health(machine, &checks, false);
        fails += u32::from(healthy.is_err());
    }
    match healthy {
        Ok(()) => watch(machine, &release),
        Err(_) if is_terminated() => Err(Stop::Later),
        Err(why) if attempt.sick => Ok(Stands::Unhealthy(why)),
        Err(why) => back(machine, &why, true),
    }
}

fn watch(machine: &mut Machine<'_>, release: &Release) -> Result<Stands, Stop> {
    let Some(attempt) = &mut machine.memory.attempt else {
        return Ok(Stands::Good);
    };
    let since = *attempt.watching.get_or_insert_with(now);
    let watch = TimeDelta::from_std(machine.config.health.watch).unwrap_or(TimeDelta::MAX);
    let elapsed = now() - since;
    // A clock that was put back must not make the watch endless.
    if elapsed < watch && elapsed >= TimeDelta::zero() && !watch.is_zero() {
        attempt.fails = 0;
        machine.remember()?;
        return Ok(Stands::Watching);
    }
    // The rendered release first: it is the attempt's until the memory says otherwise, and good's by its digest afterwards.
    machine.store.put("desired/next.json", release)?;
    if let Some(former) = machine.good().filter(|good| good.digest != release.digest) {
        machine.store.put("desired/former.json", &former)?;
    }
    let former = machine.memory.good.replace(named(release));
    machine.memory.good_since = Some(now());
    machine.memory.last = machine.memory.attempt.take().map(|attempt| (attempt, former));
    machine.memory.unhealthy = None;
    // The former release's too: after a rollback by hand its commands need not run again.
    let kept = machine.memory.last.iter().filter_map(|(_, former)| former.as_ref());
    let kept: Vec<String> = kept.map(|former| former.digest.clone()).collect();
    machine
        .memory
        .ran
        .retain(|digest, _| *digest == release.digest || kept.contains(digest));
    machine.remember()?;
    machine.store.rename("desired/next.json", "desired/good.json")?;
    Ok(Stands::Good)
}

/// Circumstances were against it: back, later again, and quarantined after three.
fn adverse(machine: &mut Machine<'_>, why: &str) -> Result<Stands, Stop> {
    let Some(attempt) = &machine.memory.attempt else {
        return Err(Stop::Circumstances(why.into()));
    };
    let version = attempt.to.version.clone();
    let before = machine.memory.failures_of(&version);
    let failures = before + 1;
    let minutes = [5, 15, 45][usize::try_from(failures - 1).unwrap_or(2).min(2)];
    machine.memory.backoff = Some(Backoff {
        version,
        failures,
        until: now() + TimeDelta::minutes(minutes),
        why: why.to_owned(),
    });
    back(machine, why, failures >= 3)
}

/// Begins the way back of the open attempt, and goes it.
///
/// # Errors
/// The disk.
pub fn back(machine: &mut Machine<'_>, why: &str, quarantine: bool) -> Result<Stands, Stop> {
    begin_back(machine, why, quarantine, true)?;
    finish_back(machine)
}

/// Opens the attempt again that made good what it is, so that it can be taken back, with its snapshot. Nothing is written before
/// [`begin_back`] writes all of it at once.
///
/// # Errors
/// There is none, or what it needs has gone.
pub fn reopen(machine: &mut Machine<'_>) -> Result<(), &'static str> {
    let Some((attempt, former)) = machine.memory.last.take() else {
        return Err("there is no attempt to take back");
    };
    if !machine.store.has(&format!("snapshots/{}.json", attempt.snapshot)) {
        return Err("the snapshot of the last attempt is gone; let the tag name the former version");
    }
    machine.memory.attempt = Some(Attempt {
        touched: true,
        ..attempt
    });
    machine.memory.good = former;
    machine.memory.good_since = machine.memory.good.as_ref().map(|_| now());
    if machine.memory.good.is_some() && machine.good().is_none() {
        return Err("the release before is gone; let the tag name it");
    }
    machine.memory.unhealthy = None;
    Ok(())
}

/// Begins the way back. The digest is quarantined in the same write.
///
/// # Errors
/// The disk.
pub fn begin_back(machine: &mut Machine<'_>, why: &str, quarantine: bool, counts: bool) -> Result<(), Stop> {
    let at = now();
    let Some(attempt) = &mut machine.memory.attempt else {
        return Ok(());
    };
    let level = if attempt.packages.is_empty() { 1 } else { 2 };
    attempt.back = Some(Back {
        level,
        why: why.to_owned(),
        since: at,
    });
    if quarantine {
        let entry = (attempt.to.version.clone(), why.to_owned());
        machine.memory.quarantine.insert(attempt.to.digest.clone(), entry);
    }
    if counts {
        machine.memory.backs.push(at);
        machine.memory.backs.retain(|then| at - *then < TimeDelta::hours(24));
    }
    machine.remember()
}

/// Goes the way back that was begun, level by level, until good is healthy again.
///
/// # Errors
/// The disk.
pub fn finish_back(machine: &mut Machine<'_>) -> Result<Stands, Stop> {
    machine.deadline = std::time::Instant::now() + machine.config.limits.back;
    loop {
        let Some((attempt, back)) = machine
            .memory
            .attempt
            .clone()
            .and_then(|attempt| Some((attempt.clone(), attempt.back?)))
        else {
            return Ok(Stands::Good);
        };
        let ended = level::go(machine, &attempt, back.level);
        if matches!(ended, Err(Stop::Later)) {
            return Err(Stop::Later);
        }
        let healed = ended.is_ok();
        machine.backs.push((back.level, healed));
        if healed {
            let named: Vec<String> = machine.memory.good.iter().map(|good| good.digest.clone()).collect();
            machine.memory.attempt = None;
            machine.memory.ran.retain(|digest, _| named.contains(digest));
            machine.memory.owed.retain(|_, _| false);
            machine.remember()?;
            let quarantine = machine.memory.quarantine.get(&attempt.to.digest);
            return Ok(Stands::TakenBack {
                quarantined: quarantine.map(|(version, _)| version.clone()),
                why: back.why,
            });
        }
        let why = ended.err().map(|stop| stop.why().to_owned()).unwrap_or_default();
        machine.tell("way back", &format!("level {}", back.level), &why);
        if back.level >= 3 {
            // Hands off until the tag changes: the tag of now, which may have left this attempt's version already.
            let tag = machine.asked.clone().unwrap_or_else(|| attempt.to.version.clone());
            let is_its = tag == attempt.to.version;
            machine.memory.broken = Some(Broken {
                tag,
                digest: if is_its {
                    attempt.to.digest.clone()
                } else {
                    String::new()
                },
                why: why.clone(),
            });
            machine.memory.attempt = None;
            machine.remember()?;
            return Ok(Stands::Broken(why));
        }
        if let Some(back) = machine
            .memory
            .attempt
            .as_mut()
            .and_then(|attempt| attempt.back.as_mut())
        {
            back.level += 1;
        }
        machine.remember()?;
    }
}
