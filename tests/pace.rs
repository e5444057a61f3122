//! The pace of calls to a bucket that others draw from too: EC2's bucket, a neighbour, and eight workers, second by second.
//!
//! `cargo test --test decide pace:: -- --nocapture` prints the calls of each second. Nothing here waits: all have one clock.
#![expect(clippy::expect_used, reason = "a test stops where it fails")]
#![expect(clippy::print_stdout, reason = "the calls of each second are for the reader")]

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use fleetsheet::pacing::{Gate, Limits};
use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

const TICK: Duration = Duration::from_millis(10);
/// EC2's bucket of `CreateTags`: what it holds and gains a second.
const HOLDS: f64 = 100.0;
const GAINS: f64 = 10.0;
/// From a worker to EC2, and as long back.
const WAY: Duration = Duration::from_millis(30);
const WORKERS: usize = 8;

/// Calls that a neighbour tries to make in the nth tick.
type Neighbour = fn(u32) -> u32;

struct Bucket(f64);

impl Bucket {
    fn take(&mut self) -> bool {
        let there = self.0 >= 1.0;
        if there {
            self.0 -= 1.0;
        }
        there
    }
}

/// What happened in a second.
#[derive(Clone, Copy, Default)]
struct Second {
    passed: u32,
    throttled: u32,
    neighbour: u32,
}

/// A call of ours.
enum Call {
    /// Waits for the gate; the configured limit let it through.
    Limited,
    Sent {
        arrives: Duration,
        epoch: u64,
    },
    Answered {
        at: Duration,
        epoch: u64,
        passed: bool,
    },
}

/// The program's side of one source, with work that never ends.
struct Lane {
    clock: FakeRelativeClock,
    limit: RateLimiter<
        NotKeyed,
        InMemoryState,
        FakeRelativeClock,
        NoOpMiddleware<<FakeRelativeClock as governor::clock::Clock>::Instant>,
    >,
    gate: Gate,
    calls: VecDeque<Call>,
}

impl Lane {
    fn new(limits: &Limits) -> Self {
        let number = |n: u32| NonZeroU32::new(n).expect("a limit");
        let quota =
            Quota::per_second(number(limits.create_tags_per_second)).allow_burst(number(limits.create_tags_burst));
        let clock = FakeRelativeClock::default();
        Self {
            limit: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            gate: Gate::new(
                limits.create_tags_per_second,
                limits.create_tags_burst,
                &limits.patience,
            ),
            calls: VecDeque::new(),
        }
    }

    /// Lets a tick pass. Workers take up new calls only while there is `work`.
    fn tick(&mut self, now: Duration, bucket: &mut Bucket, work: bool, second: &mut Second) {
        self.clock.advance(TICK);
        for _ in 0..self.calls.len() {
            let Some(call) = self.calls.pop_front() else { break };
            match call {
                Call::Limited => match self.gate.admit(now) {
                    Ok(epoch) => self.calls.push_back(Call::Sent {
                        arrives: now + WAY,
                        epoch,
                    }),
                    Err(_) => self.calls.push_back(Call::Limited),
                },
                Call::Sent { arrives, epoch } if arrives <= now => {
                    let passed = bucket.take();
                    second.passed += u32::from(passed);
                    second.throttled += u32::from(!passed);
                    let at = now + WAY;
                    self.calls.push_back(Call::Answered { at, epoch, passed });
                }
                Call::Answered { at, epoch, passed } if at <= now => {
                    if passed {
                        self.gate.passed(epoch);
                    } else {
                        self.gate.throttled(epoch, now);
                    }
                }
                under_way => self.calls.push_back(under_way),
            }
        }
        while work && self.calls.len() < WORKERS && self.limit.check().is_ok() {
            self.calls.push_back(Call::Limited);
        }
    }
}

/// So many seconds beside a neighbour; we have work when `work` says so.
fn seconds(count: u32, neighbour: Neighbour, work: impl Fn(u32) -> bool) -> Vec<Second> {
    let mut lane = Lane::new(&Limits::default());
    let mut bucket = Bucket(HOLDS);
    let ticks = 100;
    let mut all = Vec::new();
    for nth in 0..count {
        let mut second = Second::default();
        for tick in nth * ticks..(nth + 1) * ticks {
            bucket.0 = (bucket.0 + GAINS * TICK.as_secs_f64()).min(HOLDS);
            // Whoever comes first in a tick takes turns.
            let theirs = |bucket: &mut Bucket, second: &mut Second| {
                second.neighbour += (0..neighbour(tick)).map(|_| u32::from(bucket.take())).sum::<u32>();
            };
            if tick % 2 == 0 {
                theirs(&mut bucket, &mut second);
            }
            lane.tick(TICK * tick, &mut bucket, work(nth), &mut second);
            if tick % 2 == 1 {
                theirs(&mut bucket, &mut second);
            }
        }
        all.push(second);
    }
    all
}

fn sum(seconds: &[Second], of: fn(&Second) -> u32) -> u32 {
    seconds.iter().map(of).sum()
}

fn show(what: &str, seconds: &[Second]) {
    let row = |of: fn(&Second) -> u32| {
        let cells = seconds.iter().map(|second| format!("{:>2}", of(second)));
        cells.collect::<Vec<_>>().join(" ")
    };
    println!("{what}, calls a second:\n  passed    {}", row(|s| s.passed));
    println!("  throttled {}", row(|s| s.throttled));
    println!("  neighbour {}", row(|s| s.neighbour));
}

const NEIGHBOURS: [(&str, Neighbour); 5] = [
    ("nobody else", |_| 0),
    ("a neighbour that takes half", |tick| u32::from(tick % 20 == 0)),
    ("a neighbour that takes eight", |tick| u32::from(tick % 25 < 2)),
    ("a neighbour that takes 50 every ten seconds", |tick| {
        if tick % 1000 == 0 { 50 } else { 0 }
    }),
    ("a neighbour that comes for half a minute in two", |tick| {
        u32::from(tick % 6000 < 3000 && tick % 15 == 0)
    }),
];

#[test]
fn a_shared_bucket_is_used_up_without_a_storm() {
    for (what, neighbour) in NEIGHBOURS {
        // The delays have jitter, so one run is one of many.
        for run in 0..20 {
            let all = seconds(300, neighbour, |_| true);
            if run == 0 {
                show(what, &all[..120]);
            }
            let (passed, throttled) = (sum(&all, |s| s.passed), sum(&all, |s| s.throttled));
            let left = HOLDS + GAINS * 300.0 - f64::from(sum(&all, |s| s.neighbour));
            let allowed = 50.0 + 8.0 * 300.0;
            let share = f64::from(passed) / left.min(allowed);
            if run == 0 {
                println!(
                    "  {passed} passed, {throttled} throttled; {:.0} % of what was left",
                    share * 100.0
                );
            }
            assert!(share >= 0.8, "{what}: {passed} of {left}");
            // The first time all workers may be under way; later it is one call in a few seconds that finds the limit.
            assert!(
                throttled <= WORKERS as u32 + 300 / 4,
                "{what}: {throttled} throttled of {passed}"
            );
            let worst = all.iter().map(|second| second.throttled).max();
            assert!(worst <= Some(WORKERS as u32), "{what}: {worst:?}");
            let longest = all.split(|second| second.passed > 0).map(<[Second]>::len).max();
            assert!(longest <= Some(10), "{what}: nothing passed for {longest:?} s");
        }
    }
}

/// One that asks 50 times a second whatever the answer, and so takes nearly everything.
fn greedy(tick: u32) -> u32 {
    u32::from(tick.is_multiple_of(2) && tick < 6000)
}

/// Jitter decides which of our calls meets one that the bucket has just gained, so one minute says little: in 400 of them it
/// is some 560 calls, give or take 30.
#[test]
fn beside_a_neighbour_that_never_stops_asking_a_call_passes_now_and_then() {
    let minutes = 400;
    let mut passed = 0;
    for minute in 0..minutes {
        let all = seconds(60, greedy, |_| true);
        if minute == 0 {
            show("a neighbour that never stops asking", &all);
        }
        let ours = &all[10..];
        passed += sum(ours, |s| s.passed);
        assert!(sum(ours, |s| s.throttled) <= 60, "about one a second at most");
    }
    assert!(passed >= minutes, "{passed} calls in {minutes} minutes");
}

#[test]
fn when_the_neighbour_is_gone_the_lane_is_at_full_speed_within_twenty_seconds() {
    for run in 0..20 {
        let all = seconds(100, greedy, |_| true);
        if run == 0 {
            show("a neighbour that goes after a minute", &all[50..]);
        }
        assert!(sum(&all[80..], |s| s.passed) >= 150, "8 a second");
        assert_eq!(sum(&all[62..], |s| s.throttled).saturating_sub(8), 0);
    }
}

#[test]
fn twenty_quiet_seconds_are_as_good_for_the_lane_as_for_the_bucket() {
    let busy = |second: u32| !(60..80).contains(&second);
    for _ in 0..20 {
        let all = seconds(90, greedy, busy);
        assert!(sum(&all[..60], |s| s.throttled) >= 7);
        assert!(all[80].passed >= 30, "{} in the first second", all[80].passed);
    }
}
