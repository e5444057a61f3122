//! What a run would do: for `plan`, and where the mode is `observe`. Changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;

use crate::action::{Act, Action, Reason};
use crate::adapters::disk;
use crate::adapters::machine::Users;
use crate::converge;
use crate::machine::{Machine, Stop};
use crate::prepare::{self, Folder, Local};
use crate::problem::Problem;
use crate::release::{Release, Saved};
use crate::rules::{Then, Verdict};

/// Longer texts are not compared.
const LONGEST: usize = 256 << 10;

/// Notes what would be done as what was done, with no result.
///
/// # Errors
/// The facts cannot be read.
pub fn observe(machine: &mut Machine<'_>, verdict: &Verdict, release: Option<Release>) -> Result<(), Stop> {
    let stored = |place: &str| machine.store.get::<Release>(place);
    let (release, reason) = match verdict.then {
        Then::Attempt => (
            release,
            if machine.memory.good.is_some() {
                Reason::Release
            } else {
                Reason::Join
            },
        ),
        Then::GoOn => (stored("desired/attempt.json"), Reason::Release),
        Then::Enforce => (machine.good(), Reason::Drift),
        Then::FinishBack | Then::Nothing | Then::Leave => (None, Reason::Drift),
    };
    let Some(mut release) = release else { return Ok(()) };
    machine.done = actions(machine, &mut release, reason)?;
    Ok(())
}

/// The plan for a release as it stands.
///
/// # Errors
/// The facts cannot be read, or the plan does not pass its check.
pub fn actions(machine: &mut Machine<'_>, release: &mut Release, reason: Reason) -> Result<Vec<Action>, Stop> {
    let mut scope = crate::observe::Scope::default();
    scope.add(release);
    if release.latest.is_empty() {
        let facts = crate::observe::facts(&scope).map_err(Stop::Circumstances)?;
        prepare::packages::latest(machine, release, &facts)?;
    }
    let planned = converge::plan_for(machine, release, reason)?;
    let bounds = converge::bounds(machine, release, &planned);
    crate::check::approve(planned.actions.clone(), &bounds).map_err(|problems| {
        let why = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Stop::Refused(why)
    })?;
    let good = machine.good();
    let mut actions = planned.actions;
    for action in &mut actions {
        action.diff = diff(action, good.as_ref());
    }
    Ok(actions)
}

/// How a file's text changes. Nothing of one that is or was a secret's or its owner's alone, is
/// long, or is no text.
fn diff(action: &Action, good: Option<&Release>) -> String {
    let Act::File(path, wanted) = &action.act else {
        return String::new();
    };
    let of_good = good.and_then(|good| good.files().find(|file| file.path == *path));
    let Ok(stands) = disk::save(Path::new(path), &Users::read()) else {
        return String::new();
    };
    let private = wanted.fact.is_private() || stands.fact.is_private();
    if private || wanted.sensitive || stands.sensitive || of_good.is_some_and(|file| file.sensitive == Some(true)) {
        return String::new();
    }
    let text = |saved: &Saved| {
        let bytes = base64::prelude::BASE64_STANDARD.decode(&saved.content).ok()?;
        String::from_utf8(bytes).ok().filter(|text| text.len() < LONGEST)
    };
    match (text(&stands), text(wanted)) {
        (Some(before), Some(after)) if before != after => {
            let changes = similar::TextDiff::from_lines(&before, &after);
            changes.unified_diff().context_radius(2).to_string()
        }
        _ => String::new(),
    }
}

/// The release of a working copy.
///
/// # Errors
/// What is wrong with it.
pub fn working_copy(machine: &Machine<'_>, dir: &Path, channel: &str, local: &Local) -> Result<Release, Vec<Problem>> {
    let names = prepare::names(machine.config, channel);
    let cookbooks = prepare::cookbooks(&Folder(dir), &names, prepare::allowed(machine.config))?;
    let mut release = Release {
        channel: channel.to_owned(),
        version: "working-copy".into(),
        commit: String::new(),
        digest: "working-copy".into(),
        cookbooks,
        latest: BTreeMap::new(),
    };
    prepare::rendered(&mut release, local)?;
    Ok(release)
}
