//! The world of the sandbox: what it begins with, and what the story does to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::cloud::State;
use crate::sheets::{CellValue, SERVICE_ACCOUNT, Spreadsheet};

async fn sandbox(servers: u32, seed: u64) -> Sandbox {
    Sandbox::start(servers, seed, Duration::ZERO).await.unwrap()
}

fn column(book: &Spreadsheet, tab: &str, header: &str) -> Vec<CellValue> {
    let tab = book.tab(tab).unwrap();
    let column = tab.column(header).unwrap();
    (1..tab.data_rows()).map(|row| tab.value(row, column).clone()).collect()
}

fn texts(book: &Spreadsheet, tab: &str, header: &str) -> Vec<String> {
    let text = |value| match value {
        CellValue::Text(text) => text,
        CellValue::Empty => String::new(),
        other => panic!("{tab} {header} holds {other:?}"),
    };
    column(book, tab, header).into_iter().map(text).collect()
}

fn instances(sandbox: &Sandbox) -> BTreeMap<String, BTreeMap<String, String>> {
    sandbox
        .cloud()
        .edit(|fleet| fleet.instances().map(|i| (i.id.clone(), i.tags.clone())).collect())
}

#[tokio::test]
async fn rows_and_servers_belong_together() {
    for servers in [1, 8, 9, 100, 1600] {
        let sandbox = sandbox(servers, 7).await;
        let book = sandbox.sheets().book();
        let ids = texts(&book, SERVER_TAB, "serverId");
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!((ids.len(), unique.len()), (servers as usize, servers as usize));
        let channels: BTreeSet<String> = texts(&book, RELEASE_TAB, "channel").into_iter().collect();
        assert_eq!(channels.len(), 9);
        let instances = instances(&sandbox);
        assert_eq!(instances.len(), servers as usize + 12 + 25);
        for (id, channel) in ids.iter().zip(texts(&book, SERVER_TAB, "channel")) {
            assert!(channels.contains(&channel));
            assert_eq!(instances[id].get(CHANNEL_TAG), Some(&channel));
        }
    }
}

#[tokio::test]
async fn the_seed_makes_the_world() {
    let (one, two, other) = (sandbox(50, 7).await, sandbox(50, 7).await, sandbox(50, 8).await);
    assert_eq!(instances(&one), instances(&two));
    assert_eq!(one.sheets().book(), two.sheets().book());
    assert_ne!(instances(&one), instances(&other));
}

#[tokio::test]
async fn channels_carry_what_the_keys_name_and_the_service_has_written_nothing() {
    let sandbox = sandbox(1600, 7).await;
    let book = sandbox.sheets().book();
    for header in ["releaseVersion", "previousVersion", "status", "updatedAt"] {
        assert!(texts(&book, RELEASE_TAB, header).iter().all(String::is_empty));
    }
    let mut carried: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for tags in instances(&sandbox).into_values() {
        if let (Some(channel), Some(version)) = (tags.get(CHANNEL_TAG), tags.get(VERSION_TAG)) {
            *carried
                .entry(channel.clone())
                .or_default()
                .entry(version.clone())
                .or_default() += 1;
        }
    }
    let (a, b) = (
        texts(&book, RELEASE_TAB, "desiredVersionA"),
        texts(&book, RELEASE_TAB, "desiredVersionB"),
    );
    for (channel, (a, b)) in texts(&book, RELEASE_TAB, "channel").iter().zip(a.iter().zip(&b)) {
        let versions = &carried[channel];
        let all: usize = versions.values().sum();
        let majority = versions
            .iter()
            .find(|(_, count)| **count * 2 > all)
            .map(|(version, _)| version);
        if channel == roster::UNRELEASED {
            assert_eq!(majority, None, "{versions:?}");
            assert_ne!(a, b);
        } else {
            assert_eq!((majority, a), (Some(b), b), "{channel}: {versions:?}");
        }
    }
    assert!((590..=610).contains(&carried["web-prod"].values().sum::<usize>()));
}

#[tokio::test]
async fn each_key_is_its_groups_alone() {
    let book = sandbox(20, 7).await.sheets().book();
    let tab = book.tab(RELEASE_TAB).unwrap();
    for (header, group) in [("desiredVersionA", A_EDITORS), ("desiredVersionB", B_EDITORS)] {
        let at = tab.column(header).unwrap();
        let own: Vec<_> = tab.protected.iter().filter(|p| p.range.covers(1, at)).collect();
        let [range] = own[..] else { panic!("{header}: {own:?}") };
        assert!(range.range.covers(100_000, at), "rows to come, too");
        assert_eq!((range.range.start_row_index, range.range.end_row_index), (None, None));
        assert_eq!(
            (&range.users[..], &range.groups[..]),
            (&[SERVICE_ACCOUNT.to_owned()][..], &[group.to_owned()][..])
        );
        assert!(!range.warning_only && !range.domain && range.unprotected.is_empty());
    }
    for (tab, headers) in [
        (
            RELEASE_TAB,
            &["channel", "releaseVersion", "previousVersion", "status", "updatedAt"][..],
        ),
        (
            SERVER_TAB,
            &[
                "name",
                "account",
                "region",
                "state",
                "releaseVersion",
                "status",
                "updatedAt",
            ],
        ),
    ] {
        let tab = book.tab(tab).unwrap();
        for header in headers {
            let at = tab.column(header).unwrap();
            let range = tab.protected.iter().find(|p| p.range.covers(1, at)).unwrap();
            let others = range
                .users
                .iter()
                .filter(|user| *user != OWNER && *user != SERVICE_ACCOUNT);
            assert_eq!(others.count() + range.groups.len(), 0, "{header}");
            assert_eq!(range.warning_only, tab.title == SERVER_TAB, "{header}");
        }
    }
}

#[tokio::test]
async fn the_story_can_be_told_in_a_world_of_any_size() {
    assert_eq!(Sandbox::story().iter().filter(|chapter| chapter.is_last()).count(), 1);
    assert!(Sandbox::story().is_sorted_by(|one, two| one.ago > two.ago));
    for servers in [1, 5, 30, 300] {
        let sandbox = sandbox(servers, 3).await;
        for chapter in Sandbox::story() {
            sandbox.tell(chapter);
        }
    }
}

#[tokio::test]
async fn the_last_chapter_sets_the_scene() {
    let sandbox = sandbox(1600, 7).await;
    for chapter in Sandbox::story() {
        sandbox.tell(chapter);
    }
    let book = sandbox.sheets().book();
    let key = column(&book, RELEASE_TAB, "desiredVersionA");
    assert_eq!(key.iter().filter(|value| **value == CellValue::Number(1.1)).count(), 1);
    let ids = texts(&book, SERVER_TAB, "serverId");
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(ids.len() - unique.len(), 1, "one stands in two rows");
    let instances = instances(&sandbox);
    let ours = |tags: &BTreeMap<String, String>| tags.get(CHANNEL_TAG).is_some_and(|channel| channel == "web-prod");
    let discovered = instances.iter().filter(|(id, tags)| ours(tags) && !unique.contains(id));
    assert_eq!(discovered.count(), 4);
    assert_eq!(
        ids.iter().filter(|id| !instances.contains_key(*id)).count(),
        1,
        "missing"
    );
    let full = |id: &&String| instances.get(*id).is_some_and(|tags| tags.len() == 48);
    assert_eq!(ids.iter().filter(full).count(), 1);
    let gone = |fleet: &mut Fleet| fleet.instances().filter(|i| i.state != State::Running).count();
    assert_eq!(sandbox.cloud().edit(gone), 1);
    let held = column(&book, SERVER_TAB, "hold")
        .into_iter()
        .filter(|cell| *cell == CellValue::Bool(true));
    assert_eq!(held.count(), 1);
}
