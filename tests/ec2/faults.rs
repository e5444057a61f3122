//! What goes wrong on the way, and what must come of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleetsheet::fleet::{CloudErrorKind, FleetReader as _, TagWriter as _};
use fleetsheet::tag::ServerId;
use fleetsheet_mocks::cloud::Fleet as World;
use fleetsheet_mocks::faults::{Fault, When};

use super::bench::*;

/// A world with servers in two regions.
async fn two_regions() -> Bench {
    let mut world = World::new(ACCOUNT);
    for n in 0..20 {
        world.add(ACCOUNT, if n < 10 { WEST } else { EAST }, &id(n), [("V", "1")]);
    }
    bench_of(world, vec![account("prod", None, &[WEST, EAST])], patient()).await
}

#[tokio::test]
async fn a_forbidden_region_is_asked_once_and_the_other_is_served() {
    let bench = two_regions().await;
    bench
        .cloud
        .fail_in(ACCOUNT, EAST, "ec2.CreateTags", When::Every, Fault::Forbidden);
    let applied = bench.read_and_set(to_two).await;
    let failed = failures(&applied);
    assert_eq!(failed.len(), 10);
    assert!(
        failed
            .iter()
            .all(|(_, why)| why.starts_with("prod/us-east-1: ec2:CreateTags failed")
                && why.contains("allow ec2:CreateTags in the policy")),
        "{failed:?}"
    );
    assert_eq!(bench.count("ec2.CreateTags"), 2);
}

#[tokio::test]
async fn a_region_that_is_down_does_not_hide_the_others() {
    for (fault, code) in [
        (Fault::Hang, "timeout"),
        (Fault::Status(503), "Unavailable"),
        (Fault::Html503, "HTTP 503"),
    ] {
        let bench = two_regions().await;
        bench.cloud.switch_off(ACCOUNT, EAST, fault);
        let begun = Instant::now();
        let fleet = bench.ec2.read().await;
        assert_eq!(fleet.servers.len(), 10);
        assert!(fleet.answered(&source("prod", WEST)));
        let error = fleet.sources[&source("prod", EAST)].clone().unwrap();
        assert_eq!(
            (error.kind, error.code.as_str()),
            (CloudErrorKind::Transient, code),
            "{}",
            error.message
        );
        assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
        let applied = bench.apply(&changes(&fleet, to_two)).await;
        assert_eq!(failures(&applied), []);
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_asked_for_again() {
    for fault in [
        Fault::Truncate,
        Fault::ResetAfter,
        Fault::ResetBefore,
        Fault::Empty200,
        Fault::Nonsense,
        Fault::Throttle,
    ] {
        let bench = bench(1200).await;
        bench.cloud.script().fail("ec2.DescribeInstances", When::Nth(2), fault);
        let fleet = bench.ec2.read().await;
        assert!(fleet.complete(), "{fault:?}: {:?}", fleet.sources);
        assert_eq!(fleet.servers.len(), 1200, "{fault:?}");
        assert_eq!(bench.count("ec2.DescribeInstances"), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_repeated() {
    for fault in [
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Empty200,
        Fault::Nonsense,
        Fault::Status(500),
        Fault::Hang,
    ] {
        let bench = bench(30).await;
        bench.cloud.script().fail("ec2.CreateTags", When::First, fault);
        let applied = bench.read_and_set(to_two).await;
        assert_eq!(failures(&applied), [], "{fault:?}");
        assert_eq!(bench.count("ec2.CreateTags"), 2, "{fault:?}");
        assert_eq!(bench.values(), BTreeSet::from(["2".to_owned()]), "{fault:?}");
    }
}

#[tokio::test]
async fn the_writer_itself_never_repeats_a_request() {
    let bench = bench(1).await;
    bench
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Every, Fault::Status(500));
    let ids = [ServerId::from(id(0).as_str())];
    let error = bench.ec2.create_tags(&source("prod", WEST), &ids, &tags("2")).await;
    assert!(error.is_err_and(|error| error.is_transient()));
    assert_eq!(bench.count("ec2.CreateTags"), 1);
    let elsewhere = bench.ec2.create_tags(&source("prod", "mars"), &ids, &tags("2")).await;
    assert!(elsewhere.is_err_and(|error| error.kind == CloudErrorKind::Denied));
}
