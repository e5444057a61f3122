//! Reports of a whole fleet, and of one server whose calls are refused, as a simulation of time: case 17 of what the agent must do.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet_agent::digest::share;
use fleetsheet_agent::memory::Reported;
use fleetsheet_agent::report::{News, Pace, due, refused, written};
use fleetsheet_words::report::State;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn news(running: &str, state: State) -> News {
    News {
        running: running.into(),
        state,
        detail: running.into(),
    }
}

fn pace(id: &str) -> Pace {
    let thousand = share(&format!("report {id}"), Duration::from_millis(1000));
    Pace {
        spread: Duration::from_secs(300),
        heartbeat: Duration::from_secs(6 * 3600),
        share: u32::try_from(thousand.as_millis()).unwrap(),
        at_once: false,
    }
}

/// The seconds of an hour in which one server calls, after a promotion at its beginning.
fn calls(n: u32) -> Vec<i64> {
    let id = format!("i-{n:017x}");
    let seconds =
        |what: &str, of: u64| i64::try_from(share(&format!("{what} {id}"), Duration::from_secs(of)).as_secs()).unwrap();
    let tick = seconds("tick", 60);
    let splay = i64::try_from(share(&id, Duration::from_secs(120)).as_secs()).unwrap();
    let mut memory = Reported::default();
    let before = news("2.3.9", State::Ok);
    let report = due(
        &mut memory,
        &before,
        Pace {
            at_once: true,
            ..pace(&id)
        },
        at(-600),
    )
    .unwrap();
    written(&mut memory, &before, &report);
    let mut applied = None;
    let mut made = Vec::new();
    for now in (tick..3600).step_by(60) {
        if applied.is_none() && now >= splay {
            applied = Some(now);
        }
        let said = match applied {
            None => news("2.3.9", State::Due),
            Some(since) if now < since + 300 => news("2.3.9", State::Watching),
            Some(_) => news("2.4.0", State::Ok),
        };
        if let Some(report) = due(&mut memory, &said, pace(&id), at(now)) {
            assert_eq!(said.running, "2.4.0");
            written(&mut memory, &said, &report);
            made.push(now);
        }
    }
    made
}

#[test]
fn case_17_a_promotion_of_1500_servers_is_one_call_each_and_never_empties_the_bucket_of_ec2() {
    let mut of_second = vec![0_u32; 3600];
    for n in 0..1500 {
        let made = calls(n);
        assert_eq!(made.len(), 1, "{n}: {made:?}");
        of_second[usize::try_from(made[0]).unwrap()] += 1;
    }
    // 100 calls, 10 more each second. fleetsheet itself takes 8 a second until it has promoted all, be it one call a server.
    let (mut bucket, mut least) = (100_i64, 100_i64);
    for (second, made) in of_second.iter().enumerate() {
        let service = if second < 1500 / 8 { 8 } else { 0 };
        bucket = (bucket + 10).min(100) - service - i64::from(*made);
        least = least.min(bucket);
        assert!(bucket > 0, "the bucket is empty");
    }
    let busy: Vec<u32> = of_second.iter().copied().skip_while(|made| *made == 0).collect();
    let span = busy.iter().rposition(|made| *made > 0).unwrap();
    assert!((280..=500).contains(&span), "{span} s");
    assert!(least < 100, "{least}");
}

#[test]
fn case_17_refused_for_an_hour_the_newest_report_arrives_once() {
    let pace = pace("i-1");
    let mut memory = Reported::default();
    let (mut tried, mut arrived) = (0, Vec::new());
    for now in (0..2 * 3600).step_by(60) {
        let said = match now {
            0..1200 => news("2.3.9", State::Ok),
            1200..2400 => news("2.3.9", State::Failed),
            _ => news("2.4.0", State::Ok),
        };
        if let Some(report) = due(&mut memory, &said, pace, at(now)) {
            if now < 3600 {
                refused(&mut memory, at(now));
                tried += 1;
            } else {
                written(&mut memory, &said, &report);
                arrived.push((now, said.running));
            }
        }
    }
    assert!((5..=10).contains(&tried), "{tried} calls in the hour");
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    let (when, version) = &arrived[0];
    assert!(*when <= 3600 + 900 && version == "2.4.0", "{arrived:?}");
    assert!(at(*when) - at(0) < TimeDelta::hours(2));
}

/// No second of the splay has more than twice the mean of fetches.
#[test]
fn fetches_of_10000_servers_are_spread_over_the_splay() {
    let mut of_second = [0_u32; 120];
    for n in 0..10_000 {
        let splay = share(&format!("i-{n:017x}"), Duration::from_secs(120));
        of_second[usize::try_from(splay.as_secs()).unwrap()] += 1;
    }
    let mean = 10_000 / 120;
    assert!(
        of_second.iter().all(|made| *made <= 2 * mean && *made > 0),
        "{of_second:?}"
    );
}
