//! Refusals that name nobody, or one server of many.

use super::*;
use crate::fleet::Reach;

fn unclear(ids: impl IntoIterator<Item = usize>) -> Cloud {
    Cloud {
        unclear: ids.into_iter().map(id).collect(),
        ..Cloud::default()
    }
}

#[tokio::test]
async fn a_refusal_that_is_the_same_for_all_costs_a_few_calls() {
    let cloud = unclear(0..300);
    let applied = apply(&cloud, &uniform(300)).await;
    assert_eq!((failed_ids(&applied).len(), applied.stats.calls), (300, 7));
    let refused = refused(&applied);
    assert!(refused.len() == 300 && refused.values().all(|reach| *reach == Reach::Alike));
    for servers in 1..9 {
        let applied = apply(&cloud, &uniform(servers)).await;
        assert_eq!(failed_ids(&applied).len(), servers);
        assert!(applied.stats.calls <= 7, "{servers}: {}", applied.stats.calls);
    }
}

#[tokio::test]
async fn the_next_call_with_the_same_tags_is_not_halved_again() {
    let cloud = unclear(0..1500);
    let one = Limits {
        concurrency: 1,
        ..limits()
    };
    let applied = apply_with(&cloud, one, &uniform(1500), Duration::from_secs(60)).await;
    assert_eq!((failed_ids(&applied).len(), applied.stats.calls), (1500, 9));
}

#[tokio::test]
async fn servers_that_are_refused_among_others_are_found_whatever_the_words() {
    for bad in [
        vec![0],
        vec![0, 499],
        vec![3, 77, 120, 290],
        (0..500).step_by(9).collect(),
    ] {
        let applied = apply(&unclear(bad.clone()), &uniform(500)).await;
        assert_eq!(failed_ids(&applied), bad.iter().map(|n| id(*n)).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn servers_that_a_policy_denies_fail_alone_and_two_that_none_allows_end_it() {
    for (explicit, calls, failed) in [(true, 2, 1), (false, 2, 1)] {
        let ids = vec![id(5)];
        let cloud = Cloud {
            faults: [(("a", 0), CloudErrorKind::DeniedServers { ids, explicit })].into(),
            ..Cloud::default()
        };
        let applied = apply(&cloud, &uniform(12)).await;
        assert_eq!((applied.stats.calls, failed_ids(&applied).len()), (calls, failed));
        assert_eq!(refused(&applied), BTreeMap::from([(id(5), Reach::Alone)]));
    }
    for (explicit, more, calls, failed) in [
        (true, &[][..], 3, 2),
        // The first of the others that is tried alone is taken: so are the rest.
        (false, &[], 4, 2),
        (false, &[8, 9, 10], 5, 12),
    ] {
        let denied = |n| CloudErrorKind::DeniedServers {
            ids: vec![id(n)],
            explicit,
        };
        let cloud = Cloud {
            faults: [5, 7]
                .iter()
                .chain(more)
                .enumerate()
                .map(|(call, n)| (("a", call), denied(*n)))
                .collect(),
            ..Cloud::default()
        };
        let applied = apply(&cloud, &uniform(12)).await;
        assert_eq!((applied.stats.calls, failed_ids(&applied).len()), (calls, failed));
    }
}

/// Servers that were refused, and whom that is about.
fn refused(applied: &Applied) -> BTreeMap<ServerId, Reach> {
    let reach = |outcome: &Outcome| match outcome {
        Outcome::Failed { refused, .. } => *refused,
        _ => None,
    };
    let all = applied.outcomes.iter();
    all.filter_map(|(id, outcome)| Some((id.clone(), reach(outcome)?)))
        .collect()
}
