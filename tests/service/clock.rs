//! The clock of the machine while the program runs: wrong, set forward and back, in other time zones, and standing still
//! because the program does.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::daemon::{Daemon, signal};
use crate::preload;
use crate::stage::Stage;

/// A clock that can be set while the program runs.
struct Clock {
    library: String,
    file: PathBuf,
}

impl Clock {
    fn of(stage: &Stage) -> Self {
        let clock = Self {
            library: preload::library("clock").display().to_string(),
            file: stage.path("clock"),
        };
        clock.set(0);
        clock
    }

    /// Sets it so many seconds off.
    fn set(&self, seconds: i64) {
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, seconds.to_string()).unwrap();
        std::fs::rename(fresh, &self.file).unwrap();
    }

    /// Sets it to a time.
    fn set_to(&self, time: &str) {
        let time: DateTime<Utc> = time.parse().unwrap();
        self.set((time - fleetsheet::clock::now()).num_seconds());
    }

    fn env(&self) -> [(&str, &str); 2] {
        [
            ("LD_PRELOAD", &self.library),
            ("CLOCK_FILE", self.file.to_str().unwrap()),
        ]
    }
}

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_with_a_wrong_clock_works_or_names_the_clock_and_the_next_one_ends_right() {
    for seconds in [-240, 240, -3600, 3600, -DAY, DAY, -3652 * DAY, 3652 * DAY] {
        let (stage, ids) = Stage::known(3).await;
        let clock = Clock::of(&stage);
        clock.set(seconds);
        stage.turn_keys("web-prod", "2.4.0");
        let ran = stage.run_with(&["--once", "--format", "json"], &clock.env()).await;
        if seconds.abs() < 300 {
            assert_eq!((ran.code, ran.release("web-prod")), (0, "2.4.0"), "{seconds}: {ran:?}");
        } else {
            assert!([1, 4].contains(&ran.code), "{seconds}: {ran:?}");
            let failures = ran.problems_of("api_failure");
            assert!(failures.iter().any(|f| f.contains("clock")), "{seconds}: {failures:?}");
            assert_eq!(stage.version(&ids[0]), "2.3.9", "{seconds}");
        }
        let next = stage.settle().await;
        assert_eq!(next.release("web-prod"), "2.4.0", "{seconds}: {next:?}");
        assert_eq!(next.problems(), [""; 0], "{seconds}");
        stage.assert_rows_show_their_own("2.4.0");
        stage.assert_rows_are_single();
        stage.assert_silent().await;
        assert_eq!(moves(&stage, "promotion").await, 1, "{seconds}");
    }
}

async fn moves(stage: &Stage, event: &str) -> usize {
    let history = stage.run(&["history", "--limit", "1000", "--format", "json"]).await;
    let events = history.json["events"].as_array().unwrap();
    events.iter().filter(|e| e["event"] == event).count()
}

/// How many passes end in so many seconds.
async fn passes_in(service: &Daemon, seconds: u64) -> usize {
    let before = service.lines("pass ended");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    service.lines("pass ended") - before
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_go_on_when_the_clock_is_set_and_no_passes_are_made_up_for() {
    let (stage, ids) = Stage::known(3).await;
    let clock = Clock::of(&stage);
    let service = stage.start(&clock.env()).await;
    service.answers("/readyz", 200).await;
    // Within five minutes the other sides take a clock for right.
    for (nth, seconds) in [-240, 200, -200, 0].into_iter().enumerate() {
        clock.set(seconds);
        service.says_again("the clock was set", nth).await;
        let made = passes_in(&service, 6).await;
        assert!(
            (2..=9).contains(&made),
            "{made} passes in 6 s at {seconds}: {}",
            service.log()
        );
        service.answers("/readyz", 200).await;
        assert_eq!(service.get("/healthz").await.status, 200);
    }
    // Hours: the other sides refuse, and ticks go on.
    for (nth, seconds) in [-3600, 0, 3600, 0].into_iter().enumerate() {
        clock.set(seconds);
        service.says_again("the clock was set", nth + 4).await;
        let made = passes_in(&service, 6).await;
        assert!(
            (2..=9).contains(&made),
            "{made} passes in 6 s at {seconds}: {}",
            service.log()
        );
        assert_eq!(service.get("/healthz").await.status, 200);
    }
    stage.turn_keys("web-prod", "2.4.0");
    service.passes(2).await;
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    service.answers("/readyz", 200).await;
    let log = service.stop().await;
    assert!(
        !log.contains("panicked") && !log.contains("holds the state store"),
        "{log}"
    );
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_rows_are_single();
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_not_kept_by_a_clock_that_is_put_back() {
    let (stage, _) = Stage::known(1).await;
    let clock = Clock::of(&stage);
    let service = stage.start(&clock.env()).await;
    service.answers("/readyz", 200).await;
    stage.sheets.script().fail(
        "*",
        fleetsheet_mocks::faults::When::Every,
        fleetsheet_mocks::faults::Fault::Forbidden,
    );
    clock.set(-3600);
    let answer = service.answers("/readyz", 503).await;
    assert!(answer.body.contains("for three intervals"), "{answer:?}");
    service.stop().await;
}

/// Berlin, New York and Lord Howe, by their rules, and a second before a day on which their clocks change.
const ZONES: [(&str, &str); 6] = [
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2027-03-28T00:59:57Z"),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2027-10-31T00:59:57Z"),
    ("EST5EDT,M3.2.0,M11.1.0", "2027-03-14T06:59:57Z"),
    ("EST5EDT,M3.2.0,M11.1.0", "2027-11-07T05:59:57Z"),
    ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2027-10-02T15:29:57Z"),
    ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2027-04-03T14:59:57Z"),
];

async fn ticks_by_utc(zone: &str, change: &str) {
    let (stage, _) = Stage::known(1).await;
    let clock = Clock::of(&stage);
    clock.set_to(change);
    let second = TimeDelta::seconds(1);
    let change = change.parse::<DateTime<Utc>>().unwrap() + second * 3;
    // At the change, and at half an hour, an hour and two hours from it, by the clock that changes and by the one that does not.
    let cron = "0 0,30 * * * *";
    let mut settings = vec![
        ("TZ", zone),
        ("FLEETSHEET_SCHEDULE__CRON", cron),
        ("FLEETSHEET_SCHEDULE__RUN_AT_START", "false"),
    ];
    settings.extend(clock.env());
    let service = stage.start(&settings).await;
    let started = service.log();
    assert!(
        started.contains(&change.format("%Y-%m-%dT%H:%M:").to_string()),
        "{started}"
    );
    for half_hours in 0..3 {
        if half_hours > 0 {
            let next = change + TimeDelta::minutes(30) * half_hours - second * 3;
            clock.set_to(&next.to_rfc3339());
        }
        service
            .says_again("pass ended", usize::try_from(half_hours).unwrap())
            .await;
    }
    // None is doubled: the longest delay of an installation has passed by now, or not; no further tick is due.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(service.lines("pass ended"), 3, "{zone}: {}", service.log());
    // Every line has the time of the clock in UTC.
    let end = change + TimeDelta::hours(1);
    let last = service.log().lines().last().unwrap().to_owned();
    let at: DateTime<Utc> = last.split_whitespace().next().unwrap().parse().unwrap();
    assert!((at - end).abs() < TimeDelta::minutes(2), "{zone}: {last}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_are_of_utc_in_every_time_zone_when_its_clocks_change() {
    let runs = ZONES.map(|(zone, change)| tokio::spawn(ticks_by_utc(zone, change)));
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_read_is_utc_in_every_time_zone() {
    for (zone, _) in ZONES {
        let (stage, ids) = Stage::known(2).await;
        stage.turn_keys("web-prod", "2.4.0");
        let before = fleetsheet::clock::now() - TimeDelta::seconds(1);
        let ran = stage.run_with(&["--once", "--format", "json"], &[("TZ", zone)]).await;
        let is_now = |text: &str| {
            let at: DateTime<Utc> = text.parse().unwrap_or_else(|_| panic!("{zone}: {text}"));
            assert!(
                text.ends_with('Z') && at >= before && at <= fleetsheet::clock::now(),
                "{zone}: {text}"
            );
        };
        is_now(&stage.release_cell("web-prod", "updatedAt"));
        is_now(&stage.server_cell(&ids[0], "updatedAt"));
        let logged = ran.stderr.lines().find(|line| line.contains("pass ended")).unwrap();
        is_now(logged.split_whitespace().next().unwrap());
        let run = ran.json["run"].as_str().unwrap();
        let run_at = format!("{}Z", &run[..run.find('Z').unwrap()]);
        let at = chrono::NaiveDateTime::parse_from_str(&run_at, "%Y%m%dT%H%M%SZ")
            .unwrap()
            .and_utc();
        assert!(at >= before, "{zone}: {run}");
        let history = stage.run_with(&["history", "--format", "json"], &[("TZ", zone)]).await;
        let events = history.json["events"].as_array().unwrap();
        is_now(events.last().unwrap()["time"].as_str().unwrap());
    }
}

/// Stops the service while the nth such call is under way, longer than requests may take and for several ticks.
async fn sleeps_through(calls: &str, nth: u64, of_cloud: bool, ahead: i64) {
    let what = format!("{calls} {nth}, {ahead} s ahead");
    let (mut stage, ids) = Stage::known(6).await;
    stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "2");
    stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "1");
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s");
    stage.turn_keys("web-prod", "2.4.0");
    let clock = Clock::of(&stage);
    let script = if of_cloud {
        stage.cloud.script()
    } else {
        stage.sheets.script().clone()
    };
    let (came, begun) = std::sync::mpsc::channel::<()>();
    let pid = std::sync::Arc::new(std::sync::OnceLock::new());
    let victim = std::sync::Arc::clone(&pid);
    script.before(calls, nth, move || {
        // A worker that just blocked would stall the runtime's sockets with it.
        tokio::task::block_in_place(|| signal(*victim.wait(), "STOP"));
        let _ = came.send(());
    });
    let mut settings = vec![("FLEETSHEET_SCHEDULE__RUN_AT_START", "false")];
    settings.extend(clock.env());
    let service = stage.start(&settings).await;
    pid.set(service.pid()).unwrap();
    let begun = tokio::task::block_in_place(|| begun.recv_timeout(Duration::from_secs(60)));
    begun.unwrap_or_else(|_| panic!("{what}: no such call\n{}", service.log()));
    let ended = service.lines("pass ended");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(service.lines("pass ended"), ended, "{what}: it stands still");
    clock.set(ahead);
    service.signal("CONT");
    let began = Instant::now();
    service.passes(3).await;
    // One pass that was under way, at most one that is made up for, and those of the ticks since.
    let most = 3 + usize::try_from(began.elapsed().as_secs()).unwrap();
    let made = service.lines("pass ended") - ended;
    assert!(
        made <= most,
        "{what}: {made} passes in {:?}: {}",
        began.elapsed(),
        service.log()
    );
    service.answers("/readyz", 200).await;
    let log = service.stop().await;
    for never in ["unauthorised", "panicked", "belt", "holds the state store"] {
        assert!(!log.contains(never), "{what}: {never}: {log}");
    }
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_rows_are_single();
    assert!(ids.iter().all(|id| stage.version(id) == "2.4.0"), "{what}");
    assert_eq!(moves(&stage, "promotion").await, 1, "{what}");
    assert_eq!(moves(&stage, "unauthorised_edit").await, 0, "{what}");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_sleeps_in_mid_pass_goes_on_where_it_was() {
    let cases = [
        ("ec2.DescribeInstances", 1, true, 0),
        ("ec2.CreateTags", 1, true, 0),
        ("ec2.CreateTags", 2, true, 200),
        ("sheets.get", 1, false, 200),
        (WRITE, 1, false, 0),
        (WRITE, 1, false, 200),
    ];
    let runs = cases.map(|(calls, nth, of_cloud, ahead)| tokio::spawn(sleeps_through(calls, nth, of_cloud, ahead)));
    for run in runs {
        run.await.unwrap();
    }
}

/// The call that writes service cells.
const WRITE: &str = "sheets.values.batchUpdateByDataFilter";
