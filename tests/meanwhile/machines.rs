//! A pass of another machine in the middle of ours: one that is not meant stops by itself; after one that takes the sheet over,
//! we stop and fight nobody.

use std::sync::mpsc;

use fleetsheet_mocks::sheets::Spreadsheet;

use super::arena::{Arena, Pass};
use super::law;
use crate::stage::Ran;

/// One emulator's nth request, whatever it asks.
#[derive(Clone, Copy, Debug)]
enum Point {
    Sheets(u64),
    Cloud(u64),
}

fn points() -> impl Iterator<Item = fn(u64) -> Point> {
    [Point::Sheets as fn(u64) -> Point, Point::Cloud].into_iter()
}

/// Our pass with a pass of the other machine just before one of its requests; `None` if there is no such request. Gives what
/// the other's report says, and the request.
async fn disturbed(arena: &Arena, at: Point, arguments: &[&str]) -> Option<(Pass, Ran, String)> {
    arena.reset();
    joined(arena, at, arguments).await
}

/// The same in the world as it is.
async fn joined(arena: &Arena, at: Point, arguments: &[&str]) -> Option<(Pass, Ran, String)> {
    let other = arena.stage.path("other");
    if other.exists() {
        std::fs::remove_dir_all(&other).unwrap();
    }
    let mut command = arena.other(arguments);
    let (tell, told) = mpsc::channel::<(Spreadsheet, std::process::Output)>();
    let desk = arena.stage.sheets.desk();
    let (script, nth) = match at {
        Point::Sheets(nth) => (arena.stage.sheets.script().clone(), nth),
        Point::Cloud(nth) => (arena.stage.cloud.script(), nth),
    };
    script.forget_calls();
    script.before("*", nth, move || {
        // A worker that just blocked would stall the emulators with it.
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        tell.send((desk.book(), output)).unwrap();
    });
    let mut pass = arena.pass().await;
    let (left, output) = told.try_recv().ok()?;
    let method = script
        .log()
        .get(usize::try_from(nth - 1).unwrap())
        .map(|call| call.method.clone());
    pass.left = left;
    Some((pass, Ran::of(output), method.unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_store_that_is_not_meant_stops_and_leaves_no_trace() {
    let arena = Arena::new().await;
    let mut tried = 0;
    for point in points() {
        for nth in 1.. {
            let Some((ours, theirs, _)) = disturbed(&arena, point(nth), &["--once", "--format", "json"]).await else {
                break;
            };
            tried += 1;
            let context = format!("{:?}: {theirs:?}\n{ours:?}", point(nth));
            assert_eq!(theirs.code, 5, "{context}");
            assert!(theirs.problems_of("belt")[0].starts_with("belt store: "), "{context}");
            assert_eq!(
                theirs.calls("sheets.batchUpdate") + theirs.calls("ec2.CreateTags"),
                0,
                "{context}"
            );
            assert_eq!(ours.ran.code, 0, "{context}");
            assert_eq!(ours.tags, arena.settled.control.tags, "{context}");
            assert_eq!(law::as_decided(&ours, arena.settled), [""; 0], "{context}");
            assert_eq!(ours.ran.problems(), arena.settled.control.ran.problems(), "{context}");
        }
    }
    println!("another machine's pass: {tried} interleavings");
    assert!(tried >= 10, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_in_the_middle_we_stop_and_fight_nobody() {
    let arena = Arena::new().await;
    let (mut tried, mut fell) = (0, Vec::new());
    for point in points() {
        for nth in 1.. {
            let takeover = ["--once", "--takeover", "--format", "json"];
            let Some((ours, theirs, method)) = disturbed(&arena, point(nth), &takeover).await else {
                break;
            };
            tried += 1;
            let mut faults = law::human(&ours, &method, &ours.left);
            if theirs.code != 0 {
                faults.push(format!(
                    "the takeover ended with {}: {:?}",
                    theirs.code,
                    theirs.problems()
                ));
            }
            if ![0, 1, 5].contains(&ours.ran.code) {
                faults.push(format!("our pass ended with {}", ours.ran.code));
            }
            for what in ["the next", "the one after"] {
                let next = arena.pass().await;
                let belts = next.ran.problems_of("belt");
                if next.ran.code != 5 || !next.is_silent() || !belts.iter().any(|b| b.starts_with("belt store: ")) {
                    faults.push(format!(
                        "{what} pass of ours: {} {belts:?} {:?}",
                        next.ran.code, next.writes
                    ));
                }
            }
            // What we still did when they took over is drift to them, perhaps more than a belt lets pass, but nobody's edit:
            // unless our write was on its way already.
            for last in [false, true] {
                let pass = arena.pass_of(arena.other(&["--once", "--format", "json"])).await;
                faults.extend(law::human(&pass, "", &pass.left));
                if ![0, 5].contains(&pass.ran.code)
                    || (last && !pass.is_silent())
                    || (pass.accuses() && (last || method != law::WRITE))
                {
                    faults.push(format!(
                        "their pass: {} {:?} {:?}",
                        pass.ran.code,
                        pass.ran.problems(),
                        pass.writes
                    ));
                }
                for (id, tags) in &pass.tags {
                    let allowed: &[&str] = match &*tags["ReleaseChannel"] {
                        "web" => &["2.3.9", "2.4.0"],
                        "db" => &["5.0.0", "4.9.0"],
                        _ => &["1.0.0"],
                    };
                    let version = tags.get("ReleaseVersion").map_or("", String::as_str);
                    if !allowed.contains(&version) {
                        faults.push(format!("{id} carries {version:?}"));
                    }
                }
            }
            if !faults.is_empty() {
                fell.push(format!("{:?}, {method}:\n    {}", point(nth), faults.join("\n    ")));
            }
        }
    }
    println!("another machine's takeover: {tried} interleavings");
    assert!(tried >= 10, "{tried}");
    assert!(fell.is_empty(), "{} fell:\n{}", fell.len(), fell.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_new_stores_that_meet_a_free_sheet_one_serves_it() {
    let arena = Arena::new().await;
    let (mut tried, mut served, mut fell) = (0, [0, 0], Vec::new());
    for point in points() {
        for nth in 1.. {
            arena.reset_to_free();
            let Some((ours, theirs, method)) = joined(&arena, point(nth), &["--once", "--format", "json"]).await else {
                break;
            };
            tried += 1;
            let mut faults = law::human(&ours, &method, &ours.left);
            let next = arena.pass().await;
            let other = arena.pass_of(arena.other(&["--once", "--format", "json"])).await;
            for (who, first, later) in [("we", &ours.ran, &next.ran), ("they", &theirs, &other.ran)] {
                if first.code != later.code || ![0, 5].contains(&first.code) {
                    faults.push(format!(
                        "{who} ended with {} and then {}: {first:?}",
                        first.code, later.code
                    ));
                }
            }
            if ours.ran.code == theirs.code {
                faults.push(format!("both ended with {}", theirs.code));
            }
            served[usize::from(theirs.code == 0)] += 1;
            if ours.ran.code == 5 && ours.ran.calls("ec2.CreateTags") > 0 {
                faults.push("we tagged, and they serve the sheet".into());
            }
            if !faults.is_empty() {
                fell.push(format!("{:?}, {method}:\n    {}", point(nth), faults.join("\n    ")));
            }
        }
    }
    println!("two new stores: {tried} interleavings, {served:?} served by us and by them");
    assert!(served.iter().all(|count| *count > 2), "{served:?}");
    assert!(fell.is_empty(), "{} fell:\n{}", fell.len(), fell.join("\n"));
}
