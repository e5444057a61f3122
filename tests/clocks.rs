//! The clock of the machine is set forward and back between passes: nothing is decided otherwise than if it had been right.
//!
//! Pure: stories of a simulated world, once with a good clock and then with every jump before every pass, for one pass, for
//! three, and for good. What the service does when its clock is set while it runs is in `service/clock.rs`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod ages;
mod story;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::plan::{Plan, ServerStatus};
use fleetsheet::sheet::Cell;

use crate::world::{Row, World};
use story::{STEPS, beginning};

/// Seconds of 3,652 days.
const TEN_YEARS: i64 = 3652 * 86_400;

/// What may happen to a clock.
#[derive(Clone, Copy, Debug)]
enum Jump {
    By(i64),
    To1970,
}

const JUMPS: [Jump; 11] = [
    Jump::By(1),
    Jump::By(-1),
    Jump::By(600),
    Jump::By(-600),
    Jump::By(3600),
    Jump::By(-3600),
    Jump::By(86_400),
    Jump::By(-86_400),
    Jump::By(TEN_YEARS),
    Jump::By(-TEN_YEARS),
    Jump::To1970,
];

impl Jump {
    fn from(self, now: DateTime<Utc>) -> TimeDelta {
        match self {
            Self::By(seconds) => TimeDelta::seconds(seconds),
            Self::To1970 => DateTime::UNIX_EPOCH - now,
        }
    }

    /// Whether a day is over by it, or by the step that takes it back: what waits for a day has then waited long enough.
    fn ends_days(self) -> bool {
        !matches!(self, Self::By(seconds) if seconds.abs() < 86_400)
    }
}

/// What a pass decided, without its times.
fn decided(plan: &Plan) -> String {
    let channels: Vec<_> = plan
        .channels
        .iter()
        .map(|c| (&c.name, &c.release, &c.previous, &c.status, c.rule))
        .collect();
    let servers: Vec<_> = plan
        .servers
        .iter()
        .filter(|s| s.status != ServerStatus::InSync || !s.changes.is_empty() || s.append)
        .map(|s| (&s.id, &s.status, &s.changes, &s.withheld, s.append))
        .collect();
    let belts: Vec<_> = plan.tripped.iter().map(|t| (&t.place, &t.message)).collect();
    let happened: Vec<_> = plan
        .happenings
        .iter()
        .map(|h| (h.event, &h.channel, &h.from, &h.to))
        .collect();
    format!("{:?}\n{channels:?}\n{servers:?}\n{belts:?}\n{happened:?}", plan.stop)
}

/// What moved, and who is said to have typed.
fn moved(plan: &Plan) -> String {
    let channels: Vec<_> = plan
        .channels
        .iter()
        .map(|c| (&c.name, &c.release, &c.previous, c.rule))
        .collect();
    let events = ["promotion", "rollback", "unauthorised_edit", "key_spent"];
    let happened = plan.happenings.iter().filter(|h| events.contains(&h.event));
    let happened: Vec<_> = happened.map(|h| (h.event, &h.channel, &h.from, &h.to)).collect();
    format!("{:?}\n{channels:?}\n{happened:?}", plan.stop)
}

/// The stamps of all rows, by their keys.
fn stamps(world: &World) -> BTreeMap<String, String> {
    let text = |row: &Row, header: &str| match row.get(header) {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let releases = world.release.rows.iter().map(|row| (text(row, "channel"), row));
    let servers = world.servers.rows.iter().map(|row| (text(row, "serverId"), row));
    let all = releases.chain(servers).map(|(key, row)| (key, text(row, "updatedAt")));
    all.filter(|(_, stamp)| !stamp.is_empty()).collect()
}

/// Holds that each new stamp is later than all that ever stood there.
#[derive(Clone, Default)]
struct Stamps {
    last: BTreeMap<String, String>,
    newest: String,
}

impl Stamps {
    fn follow(&mut self, world: &World, what: &str) {
        let mut newest = self.newest.clone();
        let mut fresh = Vec::new();
        for (key, stamp) in stamps(world) {
            if self.last.insert(key, stamp.clone()).as_ref() != Some(&stamp) {
                assert!(stamp > self.newest, "{what}: {stamp} is not later than {}", self.newest);
                newest = newest.max(stamp.clone());
                fresh.push(stamp);
            }
        }
        fresh.sort();
        let all = fresh.len();
        fresh.dedup();
        assert_eq!(fresh.len(), all, "{what}: a stamp was given out twice");
        self.newest = newest;
    }
}

/// A story under way.
#[derive(Clone)]
struct Teller {
    world: World,
    stamps: Stamps,
    said: Vec<String>,
    moved: Vec<String>,
}

impl Teller {
    fn new() -> Self {
        Self {
            world: beginning(),
            stamps: Stamps::default(),
            said: Vec::new(),
            moved: Vec::new(),
        }
    }

    /// Makes the next step.
    fn go_on(&mut self, what: &str) {
        let (name, act) = STEPS[self.said.len()];
        let options = act(&mut self.world);
        let plan = self.world.pass(&options);
        self.said.push(format!("{name}: {}", decided(&plan)));
        self.moved.push(format!("{name}: {}", moved(&plan)));
        self.stamps.follow(&self.world, what);
        self.world.wait(TimeDelta::minutes(5));
    }
}

#[test]
fn a_clock_that_jumps_changes_no_decision() {
    let mut right = vec![Teller::new()];
    for nth in 0..STEPS.len() {
        let mut next = right[nth].clone();
        next.go_on("a clock that is right");
        right.push(next);
    }
    let (expected, moves) = (&right[STEPS.len()].said, &right[STEPS.len()].moved);
    // The story is one: what it is about does happen in it.
    for what in [
        "\"promotion\"",
        "\"rollback\"",
        "\"unauthorised_edit\"",
        "belt row_drop",
        "belt fleet_drop",
        "belt unapproved",
        "Drift",
        "Missing",
    ] {
        assert!(expected.iter().any(|said| said.contains(what)), "{what}");
    }
    let (mut stories, mut jumps, mut passes) = (0, 0, 0);
    for jump in JUMPS {
        for at in 1..STEPS.len() {
            for wrong in [Some(1), Some(3), None] {
                let what = format!("{jump:?} before pass {at} ({}), right after {wrong:?}", STEPS[at].0);
                let mut told = right[at].clone();
                let off = jump.from(told.world.now);
                told.world.wait(off);
                jumps += 1;
                // Some passes after the clock is right nothing is left of it; what a day would show is in `ages`.
                let last = wrong.map_or(at + 9, |wrong| at + wrong + 5).min(STEPS.len());
                for (nth, expected) in expected.iter().enumerate().take(last).skip(at) {
                    if wrong.is_some_and(|wrong| nth == at + wrong) {
                        told.world.wait(-off);
                        jumps += 1;
                    }
                    told.go_on(&what);
                    assert_eq!(told.moved[nth], moves[nth], "{what}");
                    assert!(
                        jump.ends_days() || told.said[nth] == *expected,
                        "{what}: {}\n{expected}",
                        told.said[nth]
                    );
                    passes += 1;
                }
                stories += 1;
            }
        }
    }
    println!("{stories} stories, {jumps} jumps of the clock, {passes} passes after them");
}
