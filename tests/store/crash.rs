//! Killed at any instant: the store opens and holds all of a commit or nothing of it, and no commit that was answered is lost.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use super::*;

const ROUNDS: u32 = 40;
const SERVERS: u32 = 150;

#[tokio::test]
async fn a_killed_writer_leaves_whole_commits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleetsheet.db");
    let (mut id, mut last, mut hot) = (None, 0, 0);
    for round in 0..ROUNDS {
        // The first rounds kill it while it makes the store, the others at another point of a commit each.
        let commits = if round < 10 { 0 } else { 1 + round % 2 };
        let answered = run_and_kill(&path, commits, f64::from(round % 10) / 10.0);
        last = answered.unwrap_or(last);
        if !path.exists() {
            continue;
        }
        hot += u32::from(path.with_extension("db-journal").exists());
        let before = files(directory.path());
        let read = load(&path, Access::Read).await.unwrap();
        assert_eq!(
            files(directory.path()),
            before,
            "reading changed something in round {round}"
        );

        let memory = load(&path, Access::Write).await.unwrap();
        if !read.store.is_empty() {
            assert!(read == memory, "round {round}");
        }
        assert_eq!(id.get_or_insert_with(|| memory.store.clone()), &memory.store);
        last = whole(&memory, last);
    }
    println!("{last} commits, {hot} of {ROUNDS} kills left a journal");
    assert!(last > 0);
}

/// The generation that the store holds, all of it; at least `answered`, at most one more.
fn whole(memory: &Memory, answered: u32) -> u32 {
    let Some(channel) = memory.channels.get("web-prod") else {
        assert_eq!(answered, 0);
        assert!(memory.servers.is_empty());
        return 0;
    };
    let number: u32 = channel.release.as_ref().unwrap().as_str().parse().unwrap();
    assert!(
        (answered..=answered + 1).contains(&number),
        "{answered} answered, {number} found"
    );
    assert!(
        memory == &remembered(&memory.store, number, SERVERS),
        "{number} is not whole"
    );
    number
}

/// Runs the writer until it has reported some commits and then for a part of the time that one takes, kills it, and answers
/// with the last commit that it reported.
fn run_and_kill(path: &Path, commits: u32, part: f64) -> Option<u32> {
    let mut writer = helper("crash::commit_until_killed", path).spawn().unwrap();
    let mut said = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut next = |word: &str| {
        let line = said.by_ref().map(Result::unwrap).find(|line| line.contains(word));
        line.expect("the writer ended")
    };
    next("opening");
    let (mut last, mut start, mut took) = (None, Instant::now(), Duration::from_millis(30));
    for _ in 0..commits {
        last = Some(next("committed "));
        took = start.elapsed();
        start = Instant::now();
    }
    std::thread::sleep(took.mul_f64(part));
    writer.kill().unwrap();
    writer.wait().unwrap();
    let last = said.map(Result::unwrap).last().or(last)?;
    last.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
#[ignore = "a helper process of a_killed_writer_leaves_whole_commits"]
async fn commit_until_killed() {
    let Some(path) = helper_store() else { return };
    println!("opening");
    let store = open(&path, Access::Write).await.unwrap();
    let memory = store.load().await.unwrap();
    let release = memory
        .channels
        .get("web-prod")
        .and_then(|channel| channel.release.clone());
    let done: u32 = release.map_or(0, |release| release.as_str().parse().unwrap());
    for number in done + 1.. {
        commit(&store, number, SERVERS).await;
        println!("committed {number}");
    }
}
