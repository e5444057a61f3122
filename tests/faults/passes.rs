//! Passes that meet a fault, and the pass after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::verdict::{assert_told, codes};
use super::{WORKERS, script};
use crate::aftermath::{Row, SERVICE_COLUMNS, World};
use crate::crew;
use crate::matrix::{Trial, trials};
use crate::scene::{Moment, Scene, Work};
use crate::stage::Ran;
use crate::wanted::Wanted;

/// A pass may take the time that it is given, and its mail 20 seconds more; the rest is for a busy machine.
const IN_TIME: Duration = Duration::from_secs(90);

/// What a pass that meets no fault starts from and ends in.
struct Course {
    work: Work,
    before: World,
    /// What waits for people before it, as mails list it.
    waited: Vec<String>,
    end: Wanted,
}

impl Course {
    /// What it makes of the moment, and its requests by method.
    async fn find(work: Work, scene: &Scene, moment: &Moment) -> (Self, BTreeMap<String, u64>) {
        scene.go_back(moment);
        let before = scene.essence();
        let status = scene.stage.run(&["status", "--format", "json"]).await;
        let waited = waits(&status);
        let ran = scene.pass().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let (sheets, cloud) = (scene.stage.sheets.script(), scene.stage.cloud.script());
        let gates = scene.prometheus.as_ref().map(|gates| gates.script().calls());
        let calls = [sheets.calls(), cloud.calls(), scene.smtp.script().calls()];
        let calls = calls.into_iter().chain(gates).flatten().collect();
        if work.is_in_waves() {
            scene.rest().await;
        }
        scene.stage.assert_silent().await;
        let end = Wanted::find(scene);
        let course = Self {
            work,
            before,
            waited,
            end,
        };
        (course, calls)
    }
}

/// The channels that wait for a tick of `advance`.
fn waits(status: &Ran) -> Vec<String> {
    let open = status.json["problems"].as_array().expect("the open problems");
    let waits = |words: &str| words.contains("waits for advance");
    let open = open
        .iter()
        .filter(|problem| problem["message"].as_str().is_some_and(waits));
    open.map(|problem| format!("{} (waits for advance", problem["where"].as_str().expect("a place")))
        .collect()
}

/// Tries all faults of the methods whose names begin so.
async fn matrix(work: Work, methods: &str) -> usize {
    let scene = Scene::ready(work).await;
    let moment = Arc::new(scene.moment());
    let (course, mut calls) = Course::find(work, &scene, &moment).await;
    calls.retain(|method, _| method.starts_with(methods));
    let course = Arc::new(course);
    let start = move || Scene::start_for(work);
    crew::all(trials(&calls), WORKERS, start, move |scene, trial| {
        let (moment, course) = (Arc::clone(&moment), Arc::clone(&course));
        async move {
            scene.go_back(&moment);
            go_through(&scene, &trial, &course).await;
        }
    })
    .await
}

async fn go_through(scene: &Scene, trial: &Trial, course: &Course) {
    let script = script(scene, trial);
    trial.strike(&script);
    let began = Instant::now();
    let ran = scene.pass().await;
    assert!(began.elapsed() < IN_TIME, "took {:?}", began.elapsed());
    script.clear();
    assert!(
        codes(trial).contains(&ran.code),
        "ends with {}: {:?}",
        ran.code,
        ran.problems()
    );
    assert_told(trial, &ran);
    assert_between(&scene.essence(), course);
    let next = next_pass(scene, trial).await;
    assert_eq!(next.code, 0, "the next pass: {:?}", next.problems());
    if course.work.is_in_waves() {
        scene.rest().await;
    }
    course.end.assert_world(scene);
    if course.work.is_in_colours() {
        scene.assert_traffic();
    }
    scene.stage.assert_silent().await;
    // A pass that does not read the sheet does not know of boxes that were ticked.
    let waited = if trial.method.starts_with("sheets.get") {
        &course.waited[..]
    } else {
        &[]
    };
    course.end.assert_told_beside(scene, waited);
}

/// The pass after, which meets no fault.
async fn next_pass(scene: &Scene, trial: &Trial) -> Ran {
    if !trial.method.starts_with("smtp.") {
        return scene.pass().await;
    }
    // A mail server that failed is left alone for a while; under another name it is tried at once.
    let url = scene.smtp.url().replace("127.0.0.1", "localhost");
    let another = [("FLEETSHEET_EMAIL__SMTP_URL", url.as_str())];
    scene.stage.run_with(&["--once", "--format", "json"], &another).await
}

/// What is half done holds nothing but what was there before and what is to be there after.
fn assert_between(now: &World, course: &Course) {
    let (before, after) = (&course.before, &course.end.world);
    for (id, tags) in &now.tags {
        for (key, value) in tags {
            let known = [before, after].map(|world| world.tags[id].get(key));
            assert!(known.contains(&Some(value)), "{id} carries {key}={value}");
        }
    }
    let rows = [
        (&now.releases, &before.releases, &after.releases, "channel"),
        (&now.servers, &before.servers, &after.servers, "serverId"),
    ];
    for (now, before, after, key) in rows {
        assert!(now.len() >= before.len(), "a row is gone: {now:?}");
        for row in now {
            let same = |other: &&Row| other.get(key) == row.get(key);
            let known = [before, after].map(|rows| rows.iter().find(same));
            for (header, cell) in row {
                let mut known = Vec::from(known.map(|row| row.and_then(|row| row.get(header))));
                // A server that was not corrected shows what it carries.
                let carried = row
                    .get("serverId")
                    .and_then(|id| course.before.tags[id].get("ReleaseVersion"));
                known.extend((header == "releaseVersion").then_some(carried));
                let in_words = header == "status";
                assert!(
                    in_words || known.contains(&Some(cell)),
                    "{header} of {:?}: {cell}",
                    row.get(key)
                );
            }
        }
        for was in before {
            let row = now
                .iter()
                .find(|row| row.get(key) == was.get(key))
                .expect("the row is there");
            let human = |header: &&String| !SERVICE_COLUMNS.contains(&header.as_str());
            for header in was.keys().filter(human) {
                assert_eq!(row.get(header), was.get(header), "{header} of {was:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_to_do() {
    let count = matrix(Work::Everything, "").await;
    println!("fault matrix: {count} faults of a pass that promotes, rolls back, discovers, corrects and restores");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass() {
    // To the other services it makes the same calls as any pass.
    let count = matrix(Work::First, "sheets.").await;
    println!("fault matrix: {count} faults of a first pass and its marks");
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_under_way() {
    // Logging in, mail and the look at the fleet are those of any pass.
    let mut count = matrix(Work::Wave, "ec2.CreateTags").await;
    for methods in ["prometheus.", "ec2.CreateTags", "sheets."] {
        count += matrix(Work::Gate, methods).await;
    }
    println!("fault matrix: {count} faults of passes in which rollouts start a wave, grow, and are taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_that_switch_and_go_back() {
    let mut count = 0;
    for work in [Work::Switch, Work::Handover, Work::Return] {
        count += matrix(work, "ec2.CreateTags").await;
    }
    println!("fault matrix: {count} faults of passes in which colours take traffic, give it up, and take it back");
}
