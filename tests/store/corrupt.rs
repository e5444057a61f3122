//! Damaged files: the old state or a clear refusal, never a panic and never a part of the memory.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const PAGE: usize = 4096;

/// A store of several pages a table, and its bytes.
async fn sample(directory: &Path) -> (Memory, Vec<u8>) {
    let path = directory.join("sample.db");
    let store = open(&path, Access::Write).await.unwrap();
    commit(&store, 1, 60).await;
    (store.load().await.unwrap(), fs::read(&path).unwrap())
}

/// Opens a file with these bytes in both ways; each must refuse, or find the old state. Says whether one was refused.
async fn survives(directory: &Path, bytes: &[u8], whole: &Memory, what: &str) -> bool {
    let path = directory.join("damaged.db");
    let mut refused = false;
    for access in [Access::Read, Access::Write] {
        fs::write(&path, bytes).unwrap();
        match load(&path, access).await {
            Ok(memory) => assert!(&memory == whole, "{what}, {access:?}: something else was believed"),
            Err(StoreError::Broken { message, .. }) => {
                refused = true;
                assert!(message.contains("damaged.db: "), "{message}");
                assert!(message.contains("; "), "{message}");
            }
            Err(other) => panic!("{what}, {access:?}: {other}"),
        }
    }
    refused
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, bytes) = sample(directory.path()).await;
    let pages = bytes.len() / PAGE;
    assert!(pages > 10);
    // Nothing at all is what making a store leaves when it is interrupted, so that is a new one, with an id of its own.
    for length in (1..pages)
        .map(|page| page * PAGE)
        .chain([1, 99, 100, 511, PAGE + 1, bytes.len() - 1])
    {
        let refused = survives(directory.path(), &bytes[..length], &whole, &format!("{length} bytes")).await;
        assert!(refused, "{length} of {} bytes", bytes.len());
    }
}

#[tokio::test]
async fn a_zeroed_or_repeated_page_is_never_half_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, bytes) = sample(directory.path()).await;
    for page in 0..bytes.len() / PAGE {
        let range = page * PAGE..(page + 1) * PAGE;
        let mut zeroed = bytes.clone();
        zeroed[range.clone()].fill(0);
        survives(directory.path(), &zeroed, &whole, &format!("page {page} zeroed")).await;
        let mut repeated = bytes.clone();
        repeated.copy_within(range, (page + 1) % (bytes.len() / PAGE) * PAGE);
        survives(directory.path(), &repeated, &whole, &format!("page {page} repeated")).await;
    }
}

#[tokio::test]
async fn random_damage_is_never_half_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, bytes) = sample(directory.path()).await;
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut refused = 0;
    for round in 0..400 {
        let mut damaged = bytes.clone();
        for _ in 0..1 << (round % 8) {
            let at = random.next_u64() as usize % damaged.len();
            damaged[at] = random.next_u32() as u8;
        }
        refused += u32::from(survives(directory.path(), &damaged, &whole, &format!("round {round}")).await);
    }
    for length in [1, 100, PAGE, 10 * PAGE] {
        let mut noise = vec![0; length];
        random.fill_bytes(&mut noise);
        assert!(survives(directory.path(), &noise, &whole, "noise").await);
        // Noise behind a good header.
        let kept = length.min(100);
        noise[..kept].copy_from_slice(&bytes[..kept]);
        assert!(survives(directory.path(), &noise, &whole, "noise with a header").await);
    }
    println!("{refused} of 400 damaged files were refused");
    assert!(refused > 100);
}

#[tokio::test]
async fn rows_changed_by_hand_are_refused_with_their_name() {
    let directory = tempfile::tempdir().unwrap();
    sample(directory.path()).await;
    for (statement, said) in [
        ("DELETE FROM servers WHERE id LIKE '%7'", "rows were lost or added"),
        ("DELETE FROM problems", "rows were lost or added"),
        ("DELETE FROM meta WHERE key = 'last_stamp'", "rows were lost or added"),
        ("DELETE FROM meta WHERE key = 'seal'", "rows were lost or added"),
        ("DELETE FROM meta WHERE key = 'store'", "its id is gone"),
        (
            "UPDATE channels SET body = replace(body, '\"release\":\"1\"', '\"release\":\"2\"')",
            "row \"web-prod\" does not match its checksum",
        ),
        (
            "UPDATE channels SET name = 'web-test'",
            "\"web-test\" does not match its checksum",
        ),
        ("UPDATE channels SET body = X'ff'", "it is damaged"),
        ("UPDATE servers SET crc = 'x' WHERE id LIKE '%7'", "it is damaged"),
        (
            "ALTER TABLE channels ADD COLUMN note TEXT",
            "its tables are not those of layout 2",
        ),
        ("DROP INDEX events_by_time", "its tables are not those of layout 2"),
    ] {
        let path = directory.path().join("changed.db");
        fs::copy(directory.path().join("sample.db"), &path).unwrap();
        sql(&path, statement).await;
        for access in [Access::Read, Access::Write] {
            let message = broken(load(&path, access).await);
            assert!(
                message.contains(said) && message.contains("--takeover"),
                "{statement}: {message}"
            );
        }
    }
}

#[tokio::test]
async fn a_commit_does_not_bless_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    sample(directory.path()).await;
    let path = directory.path().join("sample.db");
    let store = open(&path, Access::Write).await.unwrap();
    sql(&path, "DELETE FROM servers WHERE id LIKE '%7'").await;
    assert!(broken(store.load().await).contains("rows were lost or added"));
    // A commit adds to the seal what it adds to the rows, so that what was lost stays lost however much is written after.
    for number in 2..5 {
        store.commit(&generation(number, 60)).await.unwrap();
        assert!(
            broken(store.load().await).contains("rows were lost or added"),
            "{number}"
        );
    }
}
