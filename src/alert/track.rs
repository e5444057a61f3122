//! Follows problems from pass to pass: since when each is open, whether people know, and when they are to be told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::happened;
use super::input::{Audience, MailInput, Rules};
use super::links::Links;
use crate::mail::OpenProblem;
use crate::memory::Memory;
use crate::pass_end::PassEnd;
use crate::plan::ChannelPlan;
use crate::problem::{Code, Kind, Problem};

/// How often the coming and going of one problem is told within `repeat_after`: there, gone, and there again.
const TELLINGS: u32 = 3;

/// Problems that cannot be seen while a source does not answer.
const OF_THE_FLEET: [Code; 4] = [Code::Missing, Code::Contested, Code::Tags, Code::FleetDrop];
/// Problems that cannot be seen unless the pass acts.
const OF_ACTING: [Code; 3] = [Code::Tags, Code::WriteBack, Code::Act];
/// What stops a pass once its sheet is understood.
const OF_IDENTITY: [Code; 3] = [Code::Store, Code::Tab, Code::History];

/// Problems that go by what people do: their end is no news, and their coming again in other words is.
const OF_PEOPLE: [Code; 1] = [Code::Advance];

/// All problems, by fingerprint.
pub(super) type Tracked = BTreeMap<String, OpenProblem>;

/// Problems as they stand after a pass.
pub(super) fn follow(
    memory: &Memory,
    input: &MailInput<'_>,
    rules: &Rules<'_>,
    links: &Links,
    now: DateTime<Utc>,
) -> Tracked {
    let mut tracked = memory.open.clone();
    let most = rules.audience.map_or(1, |audience| audience.failure_threshold);
    let mut seen: BTreeMap<String, Problem> = BTreeMap::new();
    let lasting = input
        .report
        .problems
        .iter()
        .filter(|p| happened::lasts(p, input.plan()));
    for problem in lasting.cloned().chain(would(input, rules)) {
        seen.entry(problem.fingerprint()).or_insert(problem);
    }
    for (fingerprint, problem) in &seen {
        let link = links.to(&problem.place);
        let entry = tracked
            .entry(fingerprint.clone())
            .or_insert_with(|| OpenProblem::new(problem, link.clone(), now));
        if entry.closed.take().is_some() {
            (entry.since, entry.passes) = (now, 0);
            if is_of_people(entry) && entry.message != problem.message {
                (entry.window, entry.changes) = (None, 0);
            }
        }
        entry.passes = (entry.passes + 1).min(most);
        entry.message.clone_from(&problem.message);
        if !link.is_empty() {
            entry.link = link;
        }
    }
    let repeat_after = rules
        .audience
        .map_or(TimeDelta::zero(), |audience| audience.repeat_after);
    tracked.retain(|fingerprint, entry| {
        // The clock was put back: what was told in a time to come was told now, or nobody would be told again until then.
        for at in [&mut entry.told, &mut entry.window].into_iter().flatten() {
            *at = (*at).min(now);
        }
        if !seen.contains_key(fingerprint) && !may_last(entry, input) {
            entry.closed.get_or_insert(now);
            entry.told_open &= !is_of_people(entry);
        }
        if entry.window.is_some_and(|from| now - from >= repeat_after) {
            (entry.window, entry.changes) = (None, 0);
        }
        // One that nobody knows of goes without a word; one that was told stays until its coming back would be news.
        entry.closed.is_none() || entry.told_open || entry.window.is_some()
    });
    tracked
}

fn is_of_people(entry: &OpenProblem) -> bool {
    OF_PEOPLE.iter().any(|code| code.word() == entry.code)
}

/// What a pass that only observes would do, as problems: they are told once, repeated, and go when they no longer hold.
fn would(input: &MailInput<'_>, rules: &Rules<'_>) -> Vec<Problem> {
    let Some(plan) = input.plan().filter(|_| rules.observe) else {
        return Vec::new();
    };
    let of_channel = |channel: &ChannelPlan| {
        let words = channel.would.as_ref()?;
        let message = format!("{}: {words}; set mode = \"enforce\" to let it happen", channel.name);
        let place = channel.name.as_str();
        Some(Problem::new(Kind::Release, Code::Observe, place, message))
    };
    let mut would: Vec<Problem> = plan.channels.iter().filter_map(of_channel).collect();
    let servers = plan.servers.iter().filter(|s| !s.withheld.is_empty()).count();
    if servers > 0 {
        let message = format!(
            "would change tags of {servers} server{}, besides those that releases and rollbacks would move; fleetsheet plan shows \
             them",
            if servers == 1 { "" } else { "s" }
        );
        would.push(Problem::new(
            Kind::Release,
            Code::Observe,
            &*rules.names.server_tab,
            message,
        ));
    }
    would
}

/// Whether a problem that was not seen may be there all the same, because the pass did not get to see it.
fn may_last(entry: &OpenProblem, input: &MailInput<'_>) -> bool {
    // One that another version of the program opened is among none of these.
    let among = |codes: &[Code]| codes.iter().any(|code| code.word() == entry.code);
    let of_reading = among(&[Code::Observe, Code::Structure]);
    match input.end {
        PassEnd::Cut(..) if among(&OF_ACTING) => true,
        PassEnd::Whole(..) | PassEnd::Shown(..) | PassEnd::Cut(..) => {
            let down = input.report.problems.iter().any(|problem| problem.code == Code::Source);
            down && among(&OF_THE_FLEET)
        }
        PassEnd::Stopped(..) | PassEnd::Faulty(..) => !of_reading && !among(&OF_IDENTITY),
        PassEnd::Unread(_) => !of_reading,
        PassEnd::Busy(_)
        | PassEnd::Interrupted(_)
        | PassEnd::GaveWay(_)
        | PassEnd::Blind(_)
        | PassEnd::Ordered(..)
        | PassEnd::Watched(..) => true,
    }
}

/// Whether a problem has lasted long enough to be told: failures, and what makes a pass fail as a whole, only after some passes
/// running, since one failure is weather; what a belt holds back of a pass that goes on, like all else, at once.
fn is_due(entry: &OpenProblem, failing: u32, audience: Audience<'_>) -> bool {
    let mut stopping = OF_IDENTITY.iter().chain(&[Code::Structure]);
    let patient = entry.kind == Kind::ApiFailure || stopping.any(|code| code.word() == entry.code);
    // Passes that fail one after the other are one failure, even if each fails elsewhere.
    !patient || entry.passes >= audience.failure_threshold || failing >= audience.failure_threshold
}

/// What a letter would say of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// Nothing: nobody knows of it, nor needs to yet.
    Nothing,
    /// That it is there.
    New,
    /// That it is still there.
    Open,
    /// That it is gone.
    Resolved,
}

/// What the next letter says of this problem, and whether that is reason enough for a letter.
pub(super) fn tell(entry: &OpenProblem, failing: u32, audience: Audience<'_>, now: DateTime<Utc>) -> (Tell, bool) {
    let steady = entry.changes < TELLINGS;
    match (entry.told_open, entry.closed) {
        (false, None) if is_due(entry, failing, audience) => (Tell::New, steady),
        (true, Some(_)) => (Tell::Resolved, steady),
        (true, None) => {
            let due = entry.told.is_none_or(|told| now - told >= audience.repeat_after);
            (Tell::Open, due)
        }
        (false, _) => (Tell::Nothing, false),
    }
}

/// Notes that a letter says it.
pub(super) fn told(entry: &mut OpenProblem, what: Tell, now: DateTime<Utc>) {
    match what {
        Tell::Nothing => return,
        Tell::Open => {}
        Tell::New | Tell::Resolved => {
            entry.told_open = what == Tell::New;
            entry.changes = entry.changes.saturating_add(1);
            entry.window.get_or_insert(now);
        }
    }
    entry.told = Some(now);
}

/// Whether a problem keeps coming and going.
pub(super) fn unsteady(entry: &OpenProblem) -> bool {
    entry.changes >= TELLINGS
}
