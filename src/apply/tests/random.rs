//! Random worlds: every server ends once, and only bad ones fail, however calls go wrong.

use proptest::prelude::*;

use super::super::batch::pack;
use super::*;

/// A server of a random world: its region, its version, and whether it is missing or full.
fn server() -> impl Strategy<Value = (bool, u8, u8)> {
    (any::<bool>(), 0_u8..4, 0_u8..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_server_ends_once_and_only_bad_ones_fail(
        servers in prop::collection::vec(server(), 0..80),
        batch_size in 1_usize..40,
        concurrency in 1_usize..9,
        faults in prop::collection::btree_map((prop::sample::select(vec!["a", "b"]), 0_usize..20), any::<bool>(), 0..4),
    ) {
        let mut cloud = Cloud::default();
        let mut changes = Vec::new();
        for (n, (east, version, fate)) in servers.iter().enumerate() {
            let region = if *east { "a" } else { "b" };
            changes.push(change(n, region, &[("V", version.to_string().as_str())]));
            match fate {
                0 => { cloud.missing.insert(id(n)); }
                1 => { cloud.full.insert(id(n)); }
                _ => {}
            }
        }
        for (at, throttle) in faults {
            let kind = if throttle { CloudErrorKind::Throttled } else { CloudErrorKind::Transient };
            cloud.faults.insert(at, kind);
        }
        let limits = Limits { batch_size, concurrency, ..limits() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let applied = runtime.block_on(apply_with(&cloud, limits, &changes, Duration::from_secs(60)));

        let bad: BTreeSet<_> = cloud.missing.union(&cloud.full).cloned().collect();
        prop_assert_eq!(applied.outcomes.len(), servers.len());
        let failed: BTreeSet<_> = failed_ids(&applied).into_iter().collect();
        prop_assert_eq!(&failed, &bad);
        let tagged: BTreeSet<_> = cloud.tags.lock().unwrap().keys().cloned().collect();
        prop_assert!(tagged.is_disjoint(&bad));
        prop_assert_eq!(tagged.len() + bad.len(), servers.len());
        // Each call splits off a good half, singles out a bad server, or was to be made anyway.
        let batches = pack(&changes, batch_size).len();
        let halvings = (batch_size.ilog2() as usize + 1) * 2;
        let most = batches + cloud.missing.len() + cloud.full.len() * halvings + cloud.faults.len();
        prop_assert!(applied.stats.calls as usize <= most, "{} calls, {most} expected at most", applied.stats.calls);
    }
}
