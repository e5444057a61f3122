//! Stages: changes of the later one are sent once all that they wait for has succeeded, and nothing else waits for anything.

use super::*;
use crate::fleet::Stage;

fn role(n: usize, region: &str, value: &str, stage: Stage) -> ServerChange {
    ServerChange {
        stage,
        ..change(n, region, &[("Role", value)])
    }
}

fn comes(n: usize, region: &str, channel: &str) -> ServerChange {
    role(n, region, "active", Stage::First(Some(channel.into())))
}

fn leaves(n: usize, region: &str, channel: &str) -> ServerChange {
    role(n, region, "preview", Stage::After(channel.into()))
}

fn waits(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotSent { why } if why.starts_with("waits: "))
}

/// Two take over in `web`, in two regions, two give up; the same in `api`; another server gets a version.
fn two_channels() -> Vec<ServerChange> {
    vec![
        leaves(11, "a", "web"),
        leaves(12, "b", "web"),
        comes(1, "a", "web"),
        comes(2, "b", "web"),
        leaves(31, "a", "api"),
        comes(21, "a", "api"),
        change(40, "a", &[("V", "2")]),
    ]
}

#[tokio::test]
async fn the_later_stage_is_sent_after_all_of_the_first() {
    let cloud = Cloud::default();
    let applied = apply(&cloud, &two_channels()).await;
    assert_eq!(failed_ids(&applied), []);
    let sent: Vec<TagSet> = two_channels()
        .iter()
        .map(|c| cloud.tags.lock().unwrap()[&c.server].clone())
        .collect();
    assert_eq!(sent.len(), 7);
    // Whoever comes and whoever leaves stand in calls of their own, the former first.
    let calls = cloud.calls.lock().unwrap().clone();
    let first: usize = calls.iter().take(calls.len() - 2).map(|(_, servers)| servers).sum();
    assert_eq!(first, 4, "{calls:?}");
}

#[tokio::test]
async fn one_that_fails_holds_the_later_stage_of_its_own_channel_alone() {
    let cloud = Cloud {
        missing: [id(2)].into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &two_channels()).await;
    assert_eq!(failed_ids(&applied), [id(2), id(11), id(12)]);
    assert!(waits(&applied.outcomes[&id(11)]) && waits(&applied.outcomes[&id(12)]));
    let tags = cloud.tags.lock().unwrap();
    assert!(!tags.contains_key(&id(11)) && !tags.contains_key(&id(12)));
    assert!(tags.contains_key(&id(1)) && tags.contains_key(&id(31)) && tags.contains_key(&id(40)));
}

#[tokio::test]
async fn a_source_that_takes_no_calls_holds_the_later_stage_in_all_sources() {
    for kind in [
        CloudErrorKind::Transient,
        CloudErrorKind::Denied,
        CloudErrorKind::Throttled,
    ] {
        let cloud = Cloud {
            always: [("b", kind.clone())].into(),
            ..Cloud::default()
        };
        let applied = apply(&cloud, &two_channels()).await;
        assert_eq!(failed_ids(&applied), [id(2), id(11), id(12)], "{kind:?}");
        assert!(waits(&applied.outcomes[&id(11)]), "{kind:?}");
    }
}

#[tokio::test]
async fn what_no_call_was_made_for_is_no_success() {
    let cloud = Cloud::default();
    let applied = apply_with(&cloud, limits(), &two_channels(), Duration::ZERO).await;
    assert_eq!((applied.stats.calls, failed_ids(&applied).len()), (0, 7));
    // One that EC2 is certain to refuse is not asked for, and holds those that wait for it.
    let mut changes = two_channels();
    changes[2].user_tags = 50;
    let applied = apply(&cloud, &changes).await;
    assert_eq!(failed_ids(&applied), [id(1), id(11), id(12)]);
}

#[tokio::test]
async fn what_fails_in_the_first_stage_without_being_waited_for_holds_nothing() {
    let cloud = Cloud {
        missing: [id(40)].into(),
        ..Cloud::default()
    };
    let applied = apply(&cloud, &two_channels()).await;
    assert_eq!(failed_ids(&applied), [id(40)]);
}

#[tokio::test]
async fn without_anybody_who_comes_the_later_stage_goes_at_once() {
    let cloud = Cloud::default();
    let applied = apply(&cloud, &[leaves(11, "a", "web"), leaves(12, "b", "web")]).await;
    assert_eq!((failed_ids(&applied).len(), applied.stats.calls), (0, 2));
}
