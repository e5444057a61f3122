//! Attempts: the way from good to another release, its watch, and the way back.

use chrono::TimeDelta;

use crate::action::{Act, Reason};
use crate::adapters::machine::now;
use crate::check::{Bounds, approve};
use crate::converge::{self, Planned};
use crate::facts::Facts;
use crate::machine::{Machine, Stop};
use crate::memory::{Attempt, Back, Backoff, Broken, Named};
use crate::observe::{self, Scope};
use crate::release::Release;
use crate::snapshot::{self, Snapshot, Way};

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
    TakenBack(String),
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
pub fn begin(
    machine: &mut Machine<'_>,
    release: &Release,
    planned: &Planned,
    packages: std::collections::BTreeSet<String>,
) -> Result<(), Stop> {
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
            kept
        }
    };
    machine.store.put(&path, &snapshot)?;
    machine
        .store
        .keep("snapshots", machine.config.state.snapshots.max(1), &[&name]);
    machine.store.put("desired/attempt.json", release)?;
    let mut packages = packages;
    packages.extend(open.iter().flat_map(|open| open.packages.iter().cloned()));
    machine.memory.attempt = Some(Attempt {
        to: named(release),
        snapshot: name.clone(),
        watching: None,
        fails: 0,
        sick,
        touched: open.is_some_and(|open| open.touched),
        packages,
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
    machine.memory.last = machine.memory.attempt.take().map(|attempt| (attempt, former));
    machine.memory.unhealthy = None;
    machine.memory.ran.retain(|digest, _| *digest == release.digest);
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
        let ended = one_level(machine, &attempt, back.level);
        let healed = ended.is_ok();
        machine.backs.push((back.level, healed));
        if healed {
            let named: Vec<String> = machine.memory.good.iter().map(|good| good.digest.clone()).collect();
            machine.memory.attempt = None;
            machine.memory.ran.retain(|digest, _| named.contains(digest));
            machine.memory.owed.retain(|_, _| false);
            machine.remember()?;
            return Ok(Stands::TakenBack(back.why));
        }
        let why = ended.err().unwrap_or_default();
        machine.tell("way back", &format!("level {}", back.level), &why);
        if back.level >= 3 {
            machine.memory.broken = Some(Broken {
                tag: attempt.to.version.clone(),
                digest: attempt.to.digest.clone(),
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

fn one_level(machine: &mut Machine<'_>, attempt: &Attempt, level: u8) -> Result<(), String> {
    let snapshot: Snapshot = machine
        .store
        .get(&format!("snapshots/{}.json", attempt.snapshot))
        .ok_or("the snapshot is gone")?;
    let facts = look(&snapshot)?;
    let owed = machine.memory.owed.keys().cloned().collect();
    let touched = machine.memory.attempt.as_ref().is_none_or(|attempt| attempt.touched);
    let nothing = std::collections::BTreeSet::new();
    let way = Way {
        level,
        snapshot: &snapshot,
        facts: &facts,
        changed: &attempt.packages,
        // No service has read what goes back now.
        owed: if touched { &owed } else { &nothing },
        touched,
    };
    let actions = snapshot::plan(&way);
    let removable = facts
        .packages
        .keys()
        .filter(|name| !snapshot.packages.contains_key(*name))
        .cloned();
    let bounds = Bounds {
        paths: snapshot.files.keys().cloned().collect(),
        removable: removable.collect(),
        protected: std::collections::BTreeSet::new(),
        units: snapshot.known.keys().cloned().collect(),
    };
    if !touched {
        machine.memory.owed.clear();
    }
    let actions = actions
        .into_iter()
        .filter(|action| touched || !matches!(&action.act, Act::Command(_)))
        .collect();
    let approved = approve(actions, &bounds)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    crate::act::act(machine, approved, "").map_err(|stop| stop.why().to_owned())?;
    if level >= 2 {
        differs(&snapshot, &look(&snapshot)?, attempt, level)?;
    }
    let good = machine.good();
    match good {
        Some(good) => converge::health(machine, &converge::checks(&good), true),
        None => Ok(()),
    }
}

fn look(snapshot: &Snapshot) -> Result<Facts, String> {
    observe::facts(&Scope {
        paths: snapshot.files.keys().cloned().collect(),
        units: snapshot.known.keys().cloned().collect(),
    })
}

fn differs(snapshot: &Snapshot, facts: &Facts, attempt: &Attempt, level: u8) -> Result<(), String> {
    let names = snapshot.packages.keys().chain(facts.packages.keys());
    let looked = names.filter(|name| level == 3 || attempt.packages.contains(*name));
    let wrong: Vec<&str> = looked
        .filter(|name| {
            let version = |facts: &std::collections::BTreeMap<String, crate::facts::PackageFact>| {
                facts.get(*name).map(|fact| (fact.version.clone(), fact.whole))
            };
            version(&snapshot.packages) != version(&facts.packages)
        })
        .map(String::as_str)
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("packages {} are not as they were", wrong.join(" ")))
    }
}
