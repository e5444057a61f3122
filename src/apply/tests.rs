//! `apply` against a writer in memory: one that knows which servers are bad and misbehaves as it is told.

mod random;
mod refusals;
mod staged;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::fleet::{CloudError, CloudErrorKind, ServerChange, Source};
use crate::pacing::{Limits, Patience};
use crate::tag::{Change, Reason, TagSet};

pub(super) fn id(n: usize) -> ServerId {
    ServerId::from(format!("i-{n:08}").as_str())
}

pub(super) fn source(region: &str) -> Source {
    Source {
        account: "prod".into(),
        region: region.into(),
    }
}

pub(super) fn change(n: usize, region: &str, tags: &[(&str, &str)]) -> ServerChange {
    let change = |(key, value): &(&str, &str)| Change {
        tag: (*key).into(),
        before: None,
        after: (*value).into(),
        reason: Reason::Release,
    };
    ServerChange {
        server: id(n),
        source: source(region),
        user_tags: 0,
        metadata_tags: false,
        changes: tags.iter().map(change).collect(),
        stage: crate::fleet::Stage::First(None),
    }
}

/// The cloud in memory.
#[derive(Default)]
struct Cloud {
    /// Named by the API when a call holds one of them.
    missing: BTreeSet<ServerId>,
    /// Refused without a name when a call holds one of them.
    full: BTreeSet<ServerId>,
    /// Refused, without a name and for a reason that may hold for all, when a call holds one of them.
    unclear: BTreeSet<ServerId>,
    /// What the nth call to a region (from zero) comes to instead.
    faults: BTreeMap<(&'static str, usize), CloudErrorKind>,
    /// What every call to a region comes to instead.
    always: BTreeMap<&'static str, CloudErrorKind>,
    /// How long a call takes.
    slow: Duration,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    calls: Mutex<Vec<(String, usize)>>,
    tags: Mutex<BTreeMap<ServerId, TagSet>>,
}

impl Cloud {
    fn calls_to(&self, region: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(r, _)| r == region).count()
    }

    fn answer(&self, source: &Source, ids: &[ServerId], nth: usize) -> Option<CloudErrorKind> {
        let region = &*source.region;
        let at = |(r, n): &(&str, usize)| *r == region && *n == nth;
        if let Some((_, kind)) = self.faults.iter().find(|(key, _)| at(key)) {
            return Some(kind.clone());
        }
        if let Some(kind) = self.always.get(region) {
            return Some(kind.clone());
        }
        let missing: Vec<_> = ids.iter().filter(|id| self.missing.contains(*id)).cloned().collect();
        if !missing.is_empty() {
            return Some(CloudErrorKind::BadServers(missing));
        }
        if ids.iter().any(|id| self.unclear.contains(id)) {
            return Some(CloudErrorKind::Unclear);
        }
        ids.iter()
            .any(|id| self.full.contains(id))
            .then_some(CloudErrorKind::BadBatch)
    }
}

#[async_trait]
impl TagWriter for Cloud {
    async fn create_tags(&self, source: &Source, ids: &[ServerId], tags: &TagSet) -> Result<(), CloudError> {
        let nth = self.calls_to(&source.region);
        self.calls.lock().unwrap().push((source.region.to_string(), ids.len()));
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(self.slow).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        if let Some(kind) = self.answer(source, ids, nth) {
            let message = format!("{kind:?}");
            let code = "Code".to_owned();
            return Err(CloudError { kind, code, message });
        }
        let mut all = self.tags.lock().unwrap();
        for id in ids {
            all.entry(id.clone())
                .or_default()
                .extend(tags.iter().map(|(tag, text)| (tag.clone(), text.clone())));
        }
        Ok(())
    }
}

/// Limits that never make a test wait.
fn limits() -> Limits {
    Limits {
        batch_size: 500,
        create_tags_per_second: 1_000_000,
        create_tags_burst: 1_000_000,
        patience: Patience {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
            first_spacing: Duration::from_millis(1),
            longest_spacing: Duration::from_millis(2),
            first_delay: Duration::from_millis(1),
            longest_delay: Duration::from_millis(2),
            ..Patience::default()
        },
        ..Limits::default()
    }
}

async fn apply_with(cloud: &Cloud, limits: Limits, changes: &[ServerChange], within: Duration) -> Applied {
    let (_keep, stop) = watch::channel(false);
    Applier {
        writer: cloud,
        pacing: &Pacing::new(limits),
        deadline: Instant::now() + within,
        stop,
        progress: &Silent,
    }
    .apply(changes)
    .await
}

async fn apply(cloud: &Cloud, changes: &[ServerChange]) -> Applied {
    apply_with(cloud, limits(), changes, Duration::from_secs(60)).await
}

fn uniform(servers: usize) -> Vec<ServerChange> {
    (0..servers).map(|n| change(n, "a", &[("V", "2")])).collect()
}

fn failed_ids(applied: &Applied) -> Vec<ServerId> {
    let failed = applied.outcomes.iter().filter(|(_, o)| **o != Outcome::Done);
    failed.map(|(id, _)| id.clone()).collect()
}

fn is_transient(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { transient: true, .. })
}

#[tokio::test]
async fn nothing_to_do_makes_no_call() {
    let cloud = Cloud::default();
    assert_eq!(apply(&cloud, &[]).await, Applied::default());
    let applied = apply(&cloud, &[change(1, "a", &[])]).await;
    assert_eq!(applied.outcomes, BTreeMap::from([(id(1), Outcome::Done)]));
    assert_eq!(applied.stats.calls, 0);
}

#[tokio::test]
async fn the_servers_that_the_api_names_fail_alone() {
    let cloud = Cloud {
        missing: [id(3), id(77), id(1200)].into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &uniform(1500)).await;
    assert_eq!(failed_ids(&applied), [id(3), id(77), id(1200)]);
    assert_eq!(applied.stats.calls, 5, "three batches, two of them once more");
    assert_eq!(cloud.tags.lock().unwrap().len(), 1497);
}

#[tokio::test]
async fn a_server_that_nobody_names_is_found_by_halving() {
    let cloud = Cloud {
        full: [id(321)].into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &uniform(500)).await;
    assert_eq!(failed_ids(&applied), [id(321)]);
    assert!(applied.stats.calls <= 19, "{} calls", applied.stats.calls);
}

#[tokio::test]
async fn names_that_are_not_in_the_call_do_not_make_it_go_round() {
    let cloud = Cloud {
        always: [("a", CloudErrorKind::BadServers(vec![id(999)]))].into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &uniform(4)).await;
    assert_eq!(failed_ids(&applied).len(), 4);
    assert_eq!(applied.stats.calls, 7);
}

#[tokio::test]
async fn a_full_server_costs_no_call() {
    let mut changes = uniform(2);
    changes[0].user_tags = 50;
    let cloud = Cloud::default();
    let applied = apply(&cloud, &changes).await;
    assert_eq!(failed_ids(&applied), [id(0)]);
    assert_eq!(applied.stats.calls, 1);
}

#[tokio::test]
async fn a_denied_source_gets_no_second_call_and_others_go_on() {
    let cloud = Cloud {
        always: [("a", CloudErrorKind::Denied)].into(),
        ..Cloud::default()
    };
    let one = Limits {
        concurrency: 1,
        ..limits()
    };
    let mut changes: Vec<_> = (0..40)
        .map(|n| change(n, "a", &[("V", n.to_string().as_str())]))
        .collect();
    changes.push(change(100, "b", &[("V", "2")]));
    let applied = apply_with(&cloud, one, &changes, Duration::from_secs(60)).await;
    assert_eq!(failed_ids(&applied).len(), 40);
    assert_eq!((cloud.calls_to("a"), cloud.calls_to("b")), (1, 1));
    assert!(!applied.outcomes.values().any(is_transient));
}

#[tokio::test]
async fn faults_that_pass_are_repeated() {
    let cloud = Cloud {
        faults: [
            (("a", 0), CloudErrorKind::Transient),
            (("a", 1), CloudErrorKind::Throttled),
            (("a", 2), CloudErrorKind::Transient),
        ]
        .into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &uniform(10)).await;
    assert_eq!(failed_ids(&applied), []);
    let stats = applied.stats;
    assert_eq!((stats.calls, stats.retries, stats.throttles), (4, 3, 1));
}

#[tokio::test]
async fn a_source_that_is_down_is_given_up_as_a_whole() {
    let cloud = Cloud {
        always: [("a", CloudErrorKind::Transient)].into(),
        ..Cloud::default()
    };
    let changes: Vec<_> = (0..200)
        .map(|n| change(n, "a", &[("V", n.to_string().as_str())]))
        .collect();
    let applied = apply(&cloud, &changes).await;
    assert!(applied.outcomes.values().all(is_transient));
    let calls = applied.stats.calls;
    assert!(
        calls <= 8 * 5,
        "{calls} calls: no more than eight workers' five attempts"
    );
}

#[tokio::test]
async fn throttles_without_end_come_to_an_end() {
    let cloud = Cloud {
        always: [("a", CloudErrorKind::Throttled)].into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &uniform(10)).await;
    assert!(applied.outcomes.values().all(is_transient));
    assert_eq!(applied.stats.throttles, 60);
}
