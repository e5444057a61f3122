//! One run: observe → decide → prepare → plan → check → act → watch → say.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::action::Reason;
use crate::adapters::git::{Failure, Git};
use crate::adapters::imds::Imds;
use crate::adapters::machine::{codename, now, random, told};
use crate::adapters::store::Store;
use crate::attempt::{self, Stands};
use crate::config::{Config, Mode};
use crate::converge;
use crate::digest::{hex, share};
use crate::machine::{Machine, Stop};
use crate::memory::{Backoff, Memory};
use crate::outcome::{Ended, Outcome, brief, outcome};
use crate::prepare::packages::Prepared;
use crate::prepare::{self, Commit, Local};
use crate::problem::Problem;
use crate::release::Release;
use crate::rules::{self, Known, Tags, Then, Verdict};
use crate::tags;

/// Opens what a run needs.
///
/// # Errors
/// The agent's own folder cannot be used.
pub fn open(config: &Config) -> Result<Machine<'_>, Stop> {
    let imds = Imds::connect(&config.imds.endpoint).ok();
    let identity = imds.as_ref().and_then(|imds| imds.identity().ok()).unwrap_or_default();
    let store = Store::open(&config.state.dir)?;
    let mut memory = store.memory(&identity.instance_id);
    if memory.instance.is_empty() {
        memory.instance.clone_from(&identity.instance_id);
    }
    if memory.key.is_empty() {
        memory.key = hex(&random()?);
    }
    Ok(Machine {
        config,
        store,
        memory,
        identity,
        imds,
        asked: None,
        done: Vec::new(),
        restarted: Vec::new(),
        health: Vec::new(),
        problems: Vec::new(),
        deadline: Instant::now() + config.limits.run,
        fetches: Vec::new(),
        backs: Vec::new(),
        stages: BTreeMap::new(),
    })
}

/// Variables, secrets and facts for templates.
///
/// # Errors
/// One cannot be read.
pub fn local(machine: &Machine<'_>) -> Result<Local, String> {
    let identity = &machine.identity;
    let host = [
        ("id", identity.instance_id.clone()),
        ("name", hostname()),
        ("region", identity.region.clone()),
        ("zone", identity.availability_zone.clone()),
        ("arch", identity.architecture.clone()),
        ("codename", codename()),
    ];
    let host: BTreeMap<String, String> = host.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    prepare::local(machine.config, host)
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What is known of a release before Git is asked.
struct Looked {
    digest: Option<String>,
    refused: Option<String>,
    failed: Option<String>,
    not_due: bool,
}

impl Looked {
    fn known(&self) -> Known<'_> {
        Known {
            digest: self.digest.as_deref(),
            refused: self.refused.as_deref(),
            failed: self.failed.as_deref(),
            not_due: self.not_due,
        }
    }
}

fn look(machine: &mut Machine<'_>, tags: &Tags, local: &Result<Local, String>, at_once: bool) -> Looked {
    let mut looked = Looked {
        digest: None,
        refused: None,
        failed: None,
        not_due: false,
    };
    let Some((channel, version)) = rules::release_of(tags) else {
        return looked;
    };
    let at = now();
    let seen = match &machine.memory.first_seen {
        Some((known, since)) if known == version && *since <= at => *since,
        _ => {
            machine.memory.first_seen = Some((version.to_owned(), at));
            at
        }
    };
    let pinned = machine.memory.pins.get(version).cloned();
    let look_again = machine.memory.look_again.contains(version);
    match (&pinned, local) {
        (Some(commit), Ok(local)) if !look_again => {
            looked.digest = Some(prepare::digest(&machine.memory, machine.config, channel, commit, local));
        }
        (_, Err(why)) => looked.failed = Some(why.clone()),
        _ => {}
    }
    if at_once {
        return looked;
    }
    let backs_off = machine
        .memory
        .backoff
        .as_ref()
        .is_some_and(|backoff| backoff.version == version && backoff.goes_on(at));
    let fetches = pinned.is_none() || look_again;
    let splays = fetches && machine.memory.good.is_some() && machine.memory.attempt.is_none();
    let splay = share(&machine.identity.instance_id, machine.config.schedule.splay);
    let waits = splays && at - seen < TimeDelta::from_std(splay).unwrap_or(TimeDelta::zero());
    looked.not_due = backs_off || waits;
    looked
}

/// Fetches, verifies, renders and resolves the release that the tags name.
fn prepare_release(machine: &mut Machine<'_>, channel: &str, version: &str, local: &Local) -> Result<Release, Failure> {
    let git = Git {
        dir: machine.store.dir.join("git"),
        source: &machine.config.source,
    };
    let began = Instant::now();
    let commit = prepare::commit(&git, &machine.memory, version);
    machine.fetches.push((commit.is_ok(), began.elapsed()));
    let commit = commit?;
    machine.memory.pins.insert(version.to_owned(), commit.clone());
    machine.memory.look_again.remove(version);
    let names = prepare::names(machine.config, channel);
    let failed = |machine: &mut Machine<'_>, problems: Vec<Problem>| {
        let first = problems.first().map(Problem::placed).unwrap_or_default();
        machine.problems.extend(problems);
        Failure::Failed(first)
    };
    let books = prepare::cookbooks(
        &Commit {
            git: &git,
            commit: &commit,
        },
        &names,
        prepare::allowed(machine.config),
    );
    let cookbooks = books.map_err(|problems| failed(machine, problems))?;
    let digest = prepare::digest(&machine.memory, machine.config, channel, &commit, local);
    let mut release = Release {
        channel: channel.into(),
        version: version.into(),
        commit,
        digest,
        cookbooks,
        latest: BTreeMap::new(),
    };
    prepare::rendered(&mut release, local).map_err(|problems| failed(machine, problems))?;
    Ok(release)
}

/// Makes a run, under the lock that the caller holds.
///
/// # Errors
/// The agent's own folder cannot be written.
pub fn run(machine: &mut Machine<'_>, at_once: bool) -> Result<Outcome, Stop> {
    let before = machine.memory.clone();
    let tags = tags::read(machine, at_once);
    run_tags(machine, &tags, at_once, &before)
}

/// A run as if the tag named another version.
///
/// # Errors
/// As [`run`].
pub fn run_version(machine: &mut Machine<'_>, version: &str) -> Result<Outcome, Stop> {
    let before = machine.memory.clone();
    let mut asked = tags::read(machine, true);
    if let Tags::Read { version: named, .. } = &mut asked {
        *named = Some(version.to_owned());
    }
    run_tags(machine, &asked, true, &before)
}

fn run_tags(machine: &mut Machine<'_>, tags: &Tags, at_once: bool, before: &Memory) -> Result<Outcome, Stop> {
    let began = (now(), Instant::now());
    if let Tags::Read { version, .. } = tags {
        machine.asked = Some(version.clone().unwrap_or_default());
    }
    if let Some(lost) = machine.memory.lost.take() {
        machine.tell(
            "memory",
            "state.json",
            &format!("{lost}; good is unknown, quarantine is lost"),
        );
    }
    if machine.memory.hold.as_ref().is_some_and(|hold| !hold.goes_on(began.0)) {
        machine.memory.hold = None;
    }
    let local = local(machine);
    let mut looked = look(machine, tags, &local, at_once);
    let mut verdict = rules::decide(&machine.memory, tags, looked.known(), began.0);
    machine.took("observe", began.1);
    let mut release = None;
    let prepares = Instant::now();
    if verdict.then == Then::Attempt
        && let (Some((channel, version)), Ok(local)) = (rules::release_of(tags), &local)
    {
        match prepare_release(machine, channel, version, local) {
            Ok(found) => {
                looked.digest = Some(found.digest.clone());
                release = Some(found);
            }
            Err(Failure::Refused(why)) => looked.refused = Some(why),
            Err(Failure::Failed(why)) => looked.failed = Some(why),
        }
        verdict = rules::decide(&machine.memory, tags, looked.known(), began.0);
    }
    machine.took("prepare", prepares);
    let (verdict, ended) = carry_out(machine, tags, (&mut looked, before), verdict, release)?;
    Ok(outcome(machine, tags, &verdict, ended, began))
}

/// Writes a run into the history, unless it said what the one before said, and lets go what is older than `state.keep`.
///
/// # Errors
/// The agent's own folder cannot be written.
pub fn record(machine: &Machine<'_>, outcome: &Outcome) -> Result<(), Stop> {
    let store = &machine.store;
    let line = brief(outcome);
    let said = ["outcome", "desired", "running", "state", "detail"];
    let last = store.lines("history.jsonl", 1).pop().unwrap_or_default();
    if !outcome.actions.is_empty() || said.iter().any(|key| last.get(key) != line.get(key)) {
        store.append("history.jsonl", &line, false)?;
    }
    let keep = TimeDelta::from_std(machine.config.state.keep).unwrap_or(TimeDelta::MAX);
    if let Some(oldest) = now().checked_sub_signed(keep) {
        store.thin("history.jsonl", "run", oldest)?;
        store.thin("journal.jsonl", "at", oldest)?;
        store.thin_folder("drift", oldest);
    }
    store.cut("history.jsonl", 4 << 20)?;
    Ok(store.cut("journal.jsonl", 4 << 20)?)
}

fn carry_out(
    machine: &mut Machine<'_>,
    tags: &Tags,
    (looked, before): (&mut Looked, &Memory),
    verdict: Verdict,
    release: Option<Release>,
) -> Result<(Verdict, Ended), Stop> {
    if machine.config.mode == Mode::Observe {
        crate::preview::observe(machine, &verdict, release)?;
        return Ok((verdict, Ok(Stands::Good)));
    }
    if verdict.rule > 3 && machine.memory.broken.take().is_some() {
        machine.remember()?;
    }
    let mut verdict = verdict;
    if verdict.then == Then::Attempt {
        let prepares = Instant::now();
        let ready = release.map(|release| ready(machine, release));
        machine.took("prepare", prepares);
        match ready {
            Some(Ok((release, planned, packages))) => {
                attempt::begin(machine, &release, &planned, packages)?;
                return Ok((verdict, attempt::go_on(machine)));
            }
            Some(Err(Stop::Refused(why))) => looked.refused = Some(why),
            Some(Err(stop)) => looked.failed = Some(stop.why().to_owned()),
            None => looked.failed = Some("it cannot be prepared".into()),
        }
        verdict = rules::decide(&machine.memory, tags, looked.known(), now());
    }
    if verdict.rule == 11 || verdict.rule == 9 && looked.refused.is_some() {
        later(machine, tags, &verdict);
    }
    if verdict.take_back {
        attempt::begin_back(machine, "no longer asked for", false, false)?;
        if let Stands::Broken(why) = attempt::finish_back(machine)? {
            return Ok((verdict, Ok(Stands::Broken(why))));
        }
    }
    let ended = match verdict.then {
        Then::FinishBack => attempt::finish_back(machine),
        Then::Nothing => Ok(Stands::Good),
        Then::GoOn | Then::Attempt => attempt::go_on(machine),
        Then::Leave => crate::enforce::settle_owed(machine),
        Then::Enforce => crate::enforce::enforce(machine),
    };
    if machine.memory != *before {
        machine.remember()?;
    }
    Ok((verdict, ended))
}

/// Resolves packages, fetches archives, lets files be looked at: the last of what happens before the first change.
fn ready(machine: &mut Machine<'_>, mut release: Release) -> Result<(Release, converge::Planned, Prepared), Stop> {
    crate::enforce::repair(machine, &release)?;
    let mut scope = crate::observe::Scope::default();
    scope.add(&release);
    let facts = crate::observe::facts(&scope).map_err(Stop::Circumstances)?;
    prepare::packages::latest(machine, &mut release, &facts)?;
    let reason = if machine.memory.good.is_some() {
        Reason::Release
    } else {
        Reason::Join
    };
    let planned = converge::plan_for(machine, &release, reason)?;
    crate::enforce::validate(machine, &release)?;
    let prepared = prepare::packages::prepare(machine, &planned.actions, &planned.facts)?;
    prepare::room(machine, &release, prepared.bytes)?;
    Ok((release, planned, prepared))
}

/// Tried again later: 1 to 30 min.
fn later(machine: &mut Machine<'_>, tags: &Tags, verdict: &Verdict) {
    let Some((_, version)) = rules::release_of(tags) else {
        return;
    };
    let before = machine.memory.failures_of(version);
    let minutes = 1_i64 << before.min(5);
    machine.memory.backoff = Some(Backoff {
        version: version.to_owned(),
        failures: before + 1,
        until: now() + TimeDelta::minutes(minutes.min(30)),
        why: verdict
            .detail
            .split_once(": ")
            .map_or(verdict.detail.clone(), |(_, why)| why.to_owned()),
    });
}

/// Where the lock of all runs is.
#[must_use]
pub fn lock_path() -> &'static Path {
    Path::new("/run/fleetsheet-agent.lock")
}

/// The time until the next run. After the first it is a share of it, so that servers that began together do not run together.
#[must_use]
pub fn pause(config: &Config, is_first: bool) -> Duration {
    if let Some(tick) = told("TICK") {
        return Duration::from_millis(tick.unsigned_abs());
    }
    let by_chance = random().map_or(config.schedule.every, |bytes| {
        share(&hex(&bytes), config.schedule.every)
    });
    if is_first { by_chance } else { config.schedule.every }
}
