//! `fleetsheet state copy`: a store goes from a file into PostgreSQL and back, whole, wherever the program is killed; the old one is
//! closed last.

mod used;

use std::time::{Duration, Instant};

use fleetsheet::adapters::stores::Place;
use fleetsheet::memory::{Event, Memory};

use super::{Database, now};
use crate::preload;
use crate::stage::{Ran, Stage};

/// Settings by which the program runs over another store.
fn over(url: &str) -> [(&'static str, &str); 3] {
    [
        ("FLEETSHEET_STATE__URL", url),
        ("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s"),
        ("FLEETSHEET_REPLICAS__LEASE", "4s"),
    ]
}

async fn copy(stage: &Stage, from: &str, to: &str) -> Ran {
    let arguments = ["state", "copy", "--to", to, "--format", "json"];
    stage.run_with(&arguments, &over(from)).await
}

/// A stage after some passes over a file, and the file's address.
async fn moved_soon(servers: usize) -> (Stage, Vec<String>, String) {
    let (stage, ids) = Stage::known(servers).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    let url = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    (stage, ids, url)
}

/// Runs a line of Python over a file.
fn python(line: &str, path: &std::path::Path) {
    let ran = std::process::Command::new("python3")
        .args(["-c", &format!("import sqlite3,sys;{line}")])
        .arg(path)
        .status();
    assert!(ran.expect("python3 runs").success());
}

/// Everything that a store holds.
async fn everything(place: &Place) -> (Memory, Vec<Event>) {
    let store = place.to_read(now()).await.unwrap();
    (
        store.load().await.unwrap(),
        store.history(None, u32::MAX).await.unwrap(),
    )
}

fn file(url: &str) -> Place {
    Place::File(url.to_owned())
}

#[tokio::test]
async fn a_store_moves_to_postgres_and_back_and_the_sheet_stays_served() {
    let Some(database) = Database::ready("copy") else {
        return;
    };
    let (stage, ids, old) = moved_soon(5).await;
    let before = everything(&file(&old)).await;
    let there = copy(&stage, &old, &database.url()).await;
    assert_eq!(there.code, 0, "{there:?}");
    let (rows, seal) = (
        there.json["rows"].as_i64().unwrap(),
        there.json["seal"].as_str().unwrap(),
    );
    assert_eq!(
        (&there.json["from"], &there.json["to"]),
        (&old.as_str().into(), &database.url().into()),
        "{there:?}"
    );
    assert!(rows > 6 && seal.starts_with(&format!("{rows} rows, ")), "{there:?}");
    assert_eq!(there.json.as_object().unwrap().len(), 4, "{there:?}");
    assert!(everything(&database.place()).await == before, "it differs there");
    assert_eq!(
        database.sql("SELECT value FROM fleetsheet.meta WHERE key = 'seal'"),
        seal
    );
    // The old one says where it went, whatever is asked of it, and nothing is asked of anybody else.
    for command in [
        &["status"][..],
        &["plan"],
        &["--once"],
        &["run"],
        &["check"],
        &["init", "--dry-run"],
        &["history"],
        &["explain", ids[0].as_str()],
        &["add", "--filter", "Owner=a", "--dry-run"],
        &["rollback", "web-prod", "--reason", "a test", "--yes"],
        &["state", "copy", "--to", "sqlite:elsewhere.db"],
    ] {
        let ran = stage.run_with(command, &over(&old)).await;
        assert_eq!(ran.code, 5, "{command:?}: {ran:?}");
        assert!(
            ran.stderr.contains("it was moved to postgres://fleetsheet@"),
            "{command:?}: {ran:?}"
        );
    }
    // The new one serves the same sheet: nothing is taken over, written or tagged.
    stage.sheets.desk().forget_writes();
    stage.cloud.script().forget_calls();
    let status = stage
        .run_with(&["status", "--format", "json"], &over(&database.url()))
        .await;
    assert_eq!(
        (status.code, &status.json["outcome"], &status.json["store"]["id"]),
        (0, &"done".into(), &before.0.store.as_str().into()),
        "{status:?}"
    );
    let quiet = stage
        .run_with(&["--once", "--format", "json"], &over(&database.url()))
        .await;
    assert_eq!((quiet.code, &quiet.json["changed"]), (0, &0.into()), "{quiet:?}");
    assert_eq!(stage.sheets.desk().writes().len(), 0, "{quiet:?}");
    assert_eq!(stage.cloud.script().count("ec2.CreateTags"), 0);
    // And back, after an event of its own, whose number follows those of before.
    stage.turn_keys("web-prod", "2.5.0");
    let ran = stage
        .run_with(&["--once", "--format", "json"], &over(&database.url()))
        .await;
    assert_eq!((ran.code, stage.version(&ids[0])), (0, "2.5.0".into()), "{ran:?}");
    let numbers = "SELECT COUNT(*) = COUNT(DISTINCT seq) AND MAX(seq) >= COUNT(*) FROM fleetsheet.events";
    assert_eq!(database.sql(numbers), "t");
    let after = everything(&database.place()).await;
    assert!(after.1.len() > before.1.len());
    let back_url = format!("sqlite:{}", stage.path("back/store.db").display());
    let back = copy(&stage, &database.url(), &back_url).await;
    assert_eq!(back.code, 0, "{back:?}");
    assert!(everything(&file(&back_url)).await == after, "it differs");
    let closed = stage.run_with(&["status"], &over(&database.url())).await;
    assert!(closed.code == 5 && closed.stderr.contains(&back_url), "{closed:?}");
    let quiet = stage.run_with(&["--once", "--format", "json"], &over(&back_url)).await;
    assert_eq!((quiet.code, &quiet.json["changed"]), (0, &0.into()), "{quiet:?}");
}

#[tokio::test]
async fn what_cannot_be_moved_is_refused_and_stays_as_it_is() {
    let Some(database) = Database::ready("copy_refused") else {
        return;
    };
    let (stage, _, old) = moved_soon(2).await;
    let before = everything(&file(&old)).await;
    let elsewhere = |name: &str| format!("sqlite:{}", stage.path(name).display());
    // A store is there: another one, or another program's tables.
    std::fs::copy(stage.path("state/fleetsheet.db"), stage.path("other.db")).unwrap();
    let other = Database::ready("copy_others").unwrap();
    other.sql("CREATE SCHEMA fleetsheet; CREATE TABLE fleetsheet.orders (id int)");
    let used = Database::ready("copy_used").unwrap();
    used.hold("a", None, Duration::from_secs(60))
        .await
        .unwrap()
        .end(None, false, None)
        .await;
    let port = crate::venv::free_port().port();
    for (to, code, says) in [
        (
            elsewhere("other.db"),
            1,
            "a store is there already; name an empty place",
        ),
        (used.url(), 1, "a store is there already; name an empty place"),
        (other.url(), 1, "belongs to another program"),
        (database.url_at(port), 1, "cannot be reached"),
        (old.clone(), 2, "names the place where the state store is"),
        (
            "postgres://fleetsheet:secret@127.0.0.1/x?sslmode=disable".into(),
            2,
            "holds a password",
        ),
        (
            "postgres://fleetsheet@db.example/x?sslmode=disable".into(),
            2,
            "sslmode=verify-full",
        ),
        ("mysql://x".into(), 2, "is not an address of a store"),
        ("sqlite:".into(), 2, "names no file"),
    ] {
        let ran = copy(&stage, &old, &to).await;
        assert_eq!(ran.code, code, "{to}: {ran:?}");
        assert!(
            ran.stderr.contains(says) && !ran.stderr.contains("secret"),
            "{to}: {ran:?}"
        );
        assert!(everything(&file(&old)).await == before, "{to}");
    }
    // No store to move.
    let ran = copy(&stage, &elsewhere("nothing.db"), &database.url()).await;
    assert!(
        ran.code == 2 && ran.stderr.contains("there is no state store"),
        "{ran:?}"
    );
    assert!(!database.place().is_there().await.unwrap());
    // A pass is under way.
    let held = file(&old)
        .hold("pass", None, &super::terms(Duration::from_secs(60)), now())
        .await
        .unwrap();
    let ran = copy(&stage, &old, &database.url()).await;
    assert_eq!((ran.code, &ran.json["outcome"]), (6, &"busy".into()), "{ran:?}");
    held.end(None, false, None).await;
    // A store that is damaged is not moved.
    let path = stage.path("state/fleetsheet.db");
    let whole = std::fs::read(&path).unwrap();
    python(
        "c=sqlite3.connect(sys.argv[1]);c.execute(\"UPDATE channels SET body = replace(body, '2.4.0', '7.4.0')\");c.commit()",
        &path,
    );
    let ran = copy(&stage, &old, &database.url()).await;
    assert!(ran.code == 1 && ran.stderr.contains("is damaged"), "{ran:?}");
    assert!(!database.place().is_there().await.unwrap(), "half of it is there");
    std::fs::write(&path, whole).unwrap();
    assert_eq!(copy(&stage, &old, &database.url()).await.code, 0);
}

/// The state of both ends after a copy was killed.
async fn after_kill(
    stage: &Stage,
    old: &str,
    new: &Place,
    new_url: &str,
    before: &(Memory, Vec<Event>),
) -> &'static str {
    let status = stage.run_with(&["status", "--format", "json"], &over(old)).await;
    let there = match new.is_there().await {
        // A file that a journal empties again holds nothing.
        Ok(true) => Some(everything(new).await).filter(|(memory, _)| !memory.store.is_empty()),
        Ok(false) => None,
        Err(error) => panic!("{new_url}: {error}"),
    };
    assert!(
        there.as_ref().is_none_or(|there| there == before),
        "half of it is there"
    );
    match (status.code, there.is_some()) {
        (0, false) => "before",
        (0, true) => "between",
        (5, true) => "after",
        _ => panic!("{status:?}"),
    }
}

/// Kills a copy from or into a file at each step of it that touches a file.
#[expect(clippy::print_stdout, reason = "it says what it tried")]
async fn killed_at_each_step(stage: &Stage, ends: impl Fn(usize) -> (String, String, Place, Place)) {
    let library = preload::library("kill_at_write").display().to_string();
    let log = stage.path("kill.log").display().to_string();
    let (old, new_url, ..) = ends(0);
    let env = |old: &str, at: &str, log: &str| -> Vec<(&'static str, String)> {
        over(old)
            .map(|(name, value)| (name, value.to_owned()))
            .into_iter()
            .chain([
                ("LD_PRELOAD", library.clone()),
                ("KILL_AT", at.to_owned()),
                ("KILL_LOG", log.to_owned()),
            ])
            .collect()
    };
    let run = async |old: &str, new: &str, at: &str, log: &str| {
        let env = env(old, at, log);
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        stage
            .run_with(&["state", "copy", "--to", new, "--format", "json"], &env)
            .await
    };
    let ran = run(&old, &new_url, "", &log).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut points = Vec::new();
    let (mut steps, mut writes) = (0, 0);
    for call in std::fs::read(&log).unwrap() {
        if call == b'w' {
            writes += 1;
            // Of a long row of writes the first and each eighth.
            if writes == 1 || writes % 8 == 0 {
                points.push(format!("{steps}.{writes}"));
            }
        } else {
            points.push(format!("{steps}.0"));
            (steps, writes) = (steps + 1, 0);
        }
    }
    // Each costs a lease: of many steps the last ones and some of the others.
    let (many, late) = (points.len(), points.len().saturating_sub(6));
    let points: Vec<String> = points
        .into_iter()
        .enumerate()
        .filter(|(nth, _)| *nth >= late || nth % many.div_ceil(8) == 0)
        .map(|(_, point)| point)
        .collect();
    let mut tally = std::collections::BTreeMap::new();
    for (nth, point) in points.iter().enumerate() {
        let (old, new_url, old_place, new) = ends(nth + 1);
        let before = everything(&old_place).await;
        let ran = run(&old, &new_url, point, "").await;
        assert_eq!(ran.code, -1, "{point}: it was not killed: {ran:?}");
        // The lease of a killed one runs out.
        let state = after_kill(stage, &old, &new, &new_url, &before).await;
        *tally.entry(state).or_insert(0) += 1;
        if state != "after" {
            let began = Instant::now();
            let again = loop {
                let again = copy(stage, &old, &new_url).await;
                if again.code != 6 || began.elapsed() > Duration::from_secs(30) {
                    break again;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            };
            assert_eq!(again.code, 0, "{point}: {again:?}");
        }
        assert!(everything(&new).await == before, "{point}");
        let closed = stage.run_with(&["status"], &over(&old)).await;
        assert_eq!(closed.code, 5, "{point}: {closed:?}");
    }
    println!("killed at {} steps: {tally:?}", points.len());
    // The mark that closes a database is no step of a file: between the two there is none to die at then.
    assert!(tally.contains_key("before") && tally.len() > 1, "{tally:?}");
}

#[tokio::test]
async fn a_copy_into_postgres_that_is_killed_anywhere_leaves_the_old_store_serving_and_is_finished_by_a_repeat() {
    let Some(database) = Database::ready("copy_kill") else {
        return;
    };
    let (stage, ..) = moved_soon(3).await;
    let bytes = std::fs::read(stage.path("state/fleetsheet.db")).unwrap();
    std::fs::create_dir(stage.path("kills")).unwrap();
    killed_at_each_step(&stage, |nth| {
        database.sql("DROP SCHEMA IF EXISTS fleetsheet CASCADE");
        let path = stage.path(&format!("kills/{nth}.db"));
        std::fs::write(&path, &bytes).unwrap();
        let old = format!("sqlite:{}", path.display());
        (old.clone(), database.url(), Place::File(old), database.place())
    })
    .await;
}

#[tokio::test]
async fn a_copy_out_of_postgres_that_is_killed_anywhere_leaves_the_old_store_serving_and_is_finished_by_a_repeat() {
    let Some(database) = Database::ready("copy_back") else {
        return;
    };
    let (stage, _, old) = moved_soon(3).await;
    assert_eq!(copy(&stage, &old, &database.url()).await.code, 0);
    killed_at_each_step(&stage, |nth| {
        // What was closed is opened again for the next one.
        database.sql("DELETE FROM fleetsheet.meta WHERE key = 'moved'; UPDATE fleetsheet.lease SET released = true");
        let new = format!("sqlite:{}", stage.path(&format!("kills/{nth}.db")).display());
        (database.url(), new.clone(), database.place(), Place::File(new))
    })
    .await;
}
