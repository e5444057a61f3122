//! The EC2 client and `apply` against an emulator that is as strict as EC2, over the wire. Tests judge the world in the
//! end; where they count calls, the number of calls is the point.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod bench;
mod faults;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleetsheet::fleet::FleetReader as _;
use fleetsheet::pacing::Limits;
use fleetsheet::tag::ServerId;
use fleetsheet_mocks::cloud::{Fleet as World, Rate, State};

use bench::*;

#[tokio::test]
async fn a_fleet_is_read_whole_in_pages() {
    let bench = bench(2500).await;
    bench.cloud.edit(|world| {
        world.set_state(&id(3), State::Terminated);
        world.set_metadata_tags(&id(4), true);
    });
    let fleet = bench.ec2.read().await;
    assert_eq!(fleet.servers.len(), 2500);
    assert!(fleet.complete() && fleet.seen_twice.is_empty());
    assert_eq!(bench.count("ec2.DescribeInstances"), 3);
    let of = |n: usize| &fleet.servers[&ServerId::from(id(n).as_str())];
    assert_eq!(of(3).state.word(), "terminated");
    assert!(of(4).metadata_tags && !of(5).metadata_tags);
    assert_eq!(of(5).tag(&"Name".into()).map(|name| &**name), Some("server"));
}

#[tokio::test]
async fn a_uniform_change_of_1500_servers_is_three_calls() {
    let bench = bench(1500).await;
    let applied = bench.read_and_set(to_two).await;
    assert_eq!(failures(&applied), []);
    assert_eq!(bench.count("ec2.CreateTags"), 3);
    assert_eq!(bench.values(), BTreeSet::from(["2".to_owned()]));
    assert_eq!(bench.count("sts.AssumeRole"), 0);
}

#[tokio::test]
async fn each_role_is_assumed_once_for_all_its_regions() {
    let mut world = World::new(ACCOUNT);
    let mut n = 0;
    for account in [OTHER, THIRD] {
        world.add_role(&role(account));
        for region in [WEST, EAST] {
            for _ in 0..20 {
                world.add(account, region, &id(n), [("V", "1")]);
                n += 1;
            }
        }
    }
    let accounts = vec![
        account("prod", Some(role(OTHER)), &[WEST, EAST]),
        account("test", Some(role(THIRD)), &[WEST, EAST]),
    ];
    let bench = bench_of(world, accounts, patient()).await;
    let applied = bench.read_and_set(to_two).await;
    assert_eq!(failures(&applied), []);
    assert_eq!(bench.count("sts.AssumeRole"), 2);
    assert_eq!(
        (bench.count("ec2.DescribeInstances"), bench.count("ec2.CreateTags")),
        (4, 4)
    );
    let places: BTreeSet<_> = bench
        .cloud
        .audit()
        .iter()
        .filter(|write| write.request.is_some())
        .map(|write| (write.account.clone(), write.region.clone()))
        .collect();
    assert_eq!(places.len(), 4, "{places:?}");
}

#[tokio::test]
async fn missing_servers_fail_alone() {
    for missing in [vec![250], vec![0, 7, 250, 499]] {
        let bench = bench(500).await;
        let fleet = bench.ec2.read().await;
        for &n in &missing {
            bench.cloud.edit(|world| world.vanish(&id(n)));
        }
        let applied = bench.apply(&changes(&fleet, to_two)).await;
        assert_eq!(failed_ids(&applied), missing.iter().map(|&n| id(n)).collect::<Vec<_>>());
        assert!(failures(&applied)[0].1.contains("EC2 does not know the instance"));
        assert_eq!(bench.count("ec2.CreateTags"), 2, "all of them are named at once");
        assert_eq!(bench.values(), BTreeSet::from(["2".to_owned()]));
    }
}

#[tokio::test]
async fn a_server_that_fills_up_meanwhile_is_found_by_halving() {
    let bench = bench(500).await;
    bench.cloud.edit(|world| world.delete_tag(&id(123), "V"));
    let fleet = bench.ec2.read().await;
    bench.cloud.edit(|world| {
        for n in 0..49 {
            world.set_tag(&id(123), &format!("extra{n}"), "x");
        }
    });
    let applied = bench.apply(&changes(&fleet, to_two)).await;
    let failed = failures(&applied);
    assert_eq!(failed.len(), 1);
    assert!(failed[0].0 == id(123) && failed[0].1.contains("50 tags"), "{failed:?}");
    let calls = bench.count("ec2.CreateTags");
    assert!(calls <= 19, "{calls} calls for one full server in 500");
}

#[tokio::test]
async fn a_key_that_one_server_cannot_show_fails_that_server_only() {
    let bench = bench(50).await;
    let fleet = bench.ec2.read().await;
    bench.cloud.edit(|world| world.set_metadata_tags(&id(20), true));
    let mut changes = changes(&fleet, to_two);
    for change in &mut changes {
        change.changes[0].tag = "team/version".into();
    }
    let applied = bench.apply(&changes).await;
    assert_eq!(failed_ids(&applied), [id(20)]);
    assert!(failures(&applied)[0].1.contains("InvalidParameterValue"));
}

#[tokio::test]
async fn a_throttle_storm_is_weathered() {
    const SERVERS: usize = 300;
    let mut world = World::new(ACCOUNT);
    for n in 0..SERVERS {
        world.add(ACCOUNT, WEST, &id(n), [("V", "1")]);
    }
    // EC2's bucket, filling somewhat faster so that the test is short, and a client that knows nothing of it.
    world.settings.limits.create_tags = Some(Rate::new(100.0, 25.0));
    let reckless = Limits {
        create_tags_per_second: 1000,
        create_tags_burst: 1000,
        ..patient()
    };
    let bench = bench_of(world, vec![account("prod", None, &[WEST])], reckless).await;
    let begun = Instant::now();
    let applied = bench.read_and_set(|n| format!("{n}")).await;
    assert_eq!(failures(&applied), []);
    assert_eq!(bench.values().len(), SERVERS);
    let (calls, throttles) = (bench.count("ec2.CreateTags"), applied.stats.throttles);
    println!("{calls} calls, {throttles} throttled, {:?}", begun.elapsed());
    assert_eq!(calls, SERVERS as u64 + throttles);
    assert!(throttles * 10 < calls, "{throttles} of {calls} calls were throttled");
}

/// The whole of the slow case at true size: `cargo test --test wire ec2:: -- --ignored`.
#[tokio::test]
#[ignore = "takes three minutes"]
async fn at_default_limits_1500_single_servers_are_never_throttled() {
    let mut world = World::new(ACCOUNT);
    for n in 0..1500 {
        world.add(ACCOUNT, WEST, &id(n), [("V", "1")]);
    }
    let bench = bench_of(world, vec![account("prod", None, &[WEST])], Limits::default()).await;
    let begun = Instant::now();
    let applied = bench.read_and_set(|n| format!("{n}")).await;
    println!("{:?} in {:?}", applied.stats, begun.elapsed());
    assert_eq!(failures(&applied), []);
    assert_eq!((applied.stats.calls, applied.stats.throttles), (1500, 0));
    assert!(begun.elapsed() < Duration::from_secs(200));
}

#[tokio::test]
async fn many_passes_share_one_client() {
    let bench = bench(50).await;
    for round in 2..6 {
        let applied = bench.read_and_set(|_| round.to_string()).await;
        assert_eq!(failures(&applied), []);
    }
    assert_eq!(bench.values(), BTreeSet::from(["5".to_owned()]));
    assert_eq!(bench.count("ec2.CreateTags"), 4);
}
