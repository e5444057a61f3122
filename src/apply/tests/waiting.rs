//! What ends a wait: the deadline, and a pass that is stopped; and how many calls may be under way.

use super::*;

#[tokio::test]
async fn after_the_deadline_nothing_is_sent() {
    let cloud = Cloud::default();
    let applied = apply_with(&cloud, limits(), &uniform(10), Duration::ZERO).await;
    assert_eq!(applied.stats.calls, 0);
    let unsent = |outcome: &Outcome| matches!(outcome, Outcome::NotSent { why } if why.contains("time"));
    assert!(applied.outcomes.values().all(unsent));
}

#[tokio::test]
async fn the_deadline_ends_a_wait_for_the_rate_limit() {
    let cloud = Cloud::default();
    let changes: Vec<_> = (0..5)
        .map(|n| change(n, "a", &[("V", n.to_string().as_str())]))
        .collect();
    let slow = Limits {
        create_tags_per_second: 1,
        create_tags_burst: 1,
        ..limits()
    };
    let begun = Instant::now();
    let applied = apply_with(&cloud, slow, &changes, Duration::from_millis(100)).await;
    assert!(begun.elapsed() < Duration::from_millis(900));
    assert_eq!((applied.stats.calls, failed_ids(&applied).len()), (1, 4));
}

#[tokio::test]
async fn a_stopped_pass_waits_for_the_call_under_way_only() {
    let cloud = Cloud {
        slow: Duration::from_millis(100),
        ..Cloud::default()
    };
    let limits = Limits {
        concurrency: 1,
        batch_size: 1,
        ..limits()
    };
    let (stopper, stop) = watch::channel(false);
    let pacing = Pacing::new(limits);
    let applier = Applier {
        writer: &cloud,
        pacing: &pacing,
        deadline: Instant::now() + Duration::from_secs(60),
        stop,
        progress: &Silent,
    };
    let changes = uniform(10);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stopper.send(true).unwrap();
    };
    let (applied, ()) = tokio::join!(applier.apply(&changes), stopping);
    assert_eq!(applied.stats.calls, 1);
    assert_eq!(applied.outcomes[&id(0)], Outcome::Done);
    let why = "the pass was stopped".to_owned();
    assert_eq!(applied.outcomes[&id(9)], Outcome::NotSent { why });
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed_over_all_sources() {
    let cloud = Cloud {
        slow: Duration::from_millis(5),
        ..Cloud::default()
    };
    let limits = Limits {
        concurrency: 3,
        batch_size: 1,
        ..limits()
    };
    let changes: Vec<_> = (0..40)
        .map(|n| change(n, if n % 2 == 0 { "a" } else { "b" }, &[("V", "2")]))
        .collect();
    let applied = apply_with(&cloud, limits, &changes, Duration::from_secs(60)).await;
    assert_eq!(failed_ids(&applied), []);
    assert_eq!(cloud.most_under_way.load(Ordering::SeqCst), 3);
}
