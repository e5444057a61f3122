//! Keys, roles and permissions.

use std::collections::BTreeSet;

use fleetsheet::fleet::{CloudErrorKind, FleetReader as _};
use fleetsheet::tag::ServerId;
use fleetsheet_mocks::cloud::{ACCESS_KEY, Fleet as World, SECRET_KEY};
use fleetsheet_mocks::faults::{Fault, When};

use super::bench::*;

#[tokio::test]
async fn keys_that_expire_are_renewed_once() {
    let mut world = World::new(ACCOUNT);
    world.add_role(&role(OTHER));
    for region in [WEST, EAST] {
        world.add(OTHER, region, &format!("i-{:017x}", region.len()), [("V", "1")]);
    }
    let accounts = vec![account("prod", Some(role(OTHER)), &[WEST, EAST])];
    let bench = bench_of(world, accounts, patient()).await;
    let fleet = bench.ec2.read().await;
    bench.cloud.edit(World::expire_sessions);
    assert_eq!(failures(&bench.apply(&changes(&fleet, to_two)).await), []);
    assert_eq!(bench.count("sts.AssumeRole"), 2);
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_one_source_down_and_says_how_to_repair_it() {
    let mut world = World::new(ACCOUNT);
    world.add(ACCOUNT, WEST, &id(1), [("V", "1")]);
    let accounts = vec![
        account("own", None, &[WEST]),
        account("prod", Some(role(OTHER)), &[WEST, EAST]),
    ];
    let bench = bench_of(world, accounts, patient()).await;
    let fleet = bench.ec2.read().await;
    assert_eq!(fleet.servers.len(), 1);
    let error = fleet.sources[&source("prod", EAST)].clone().unwrap();
    assert_eq!(error.kind, CloudErrorKind::Denied);
    assert!(
        error.message.starts_with(
            "prod: the role arn:aws:iam::222222222222:role/fleetsheet cannot be assumed (AccessDenied): name the identity"
        ),
        "{}",
        error.message
    );
    assert_eq!(bench.count("sts.AssumeRole"), 1, "the regions share the answer");
}

#[tokio::test]
async fn faults_of_sts_that_pass_are_weathered() {
    for fault in [Fault::Throttle, Fault::Status(503), Fault::ResetAfter] {
        let mut world = World::new(ACCOUNT);
        world.add_role(&role(OTHER));
        world.add(OTHER, WEST, &id(1), [("V", "1")]);
        let bench = bench_of(world, vec![account("prod", Some(role(OTHER)), &[WEST])], patient()).await;
        bench.cloud.script().fail("sts.AssumeRole", When::First, fault);
        let fleet = bench.ec2.read().await;
        assert!(fleet.complete(), "{fault:?}: {:?}", fleet.sources);
        assert_eq!(bench.count("sts.AssumeRole"), 2);
    }
}

#[tokio::test]
async fn wrong_keys_are_said_to_be_wrong_and_never_shown() {
    let bench = bench(1).await;
    bench.cloud.script().fail("ec2.*", When::Every, Fault::Unauthorized);
    let fleet = bench.ec2.read().await;
    let error = fleet.sources[&source("prod", WEST)].clone().unwrap();
    assert_eq!(
        (error.kind, error.code.as_str()),
        (CloudErrorKind::Denied, "AuthFailure")
    );
    assert!(!error.message.contains(ACCESS_KEY) && !error.message.contains(SECRET_KEY));
    assert_eq!(bench.count("ec2.DescribeInstances"), 1);
    let shown = format!("{:?}", bench.ec2);
    assert!(!shown.contains(ACCESS_KEY) && !shown.contains(SECRET_KEY), "{shown}");
}

#[tokio::test]
async fn an_account_that_is_configured_twice_is_noticed() {
    let mut world = World::new(ACCOUNT);
    world.add(ACCOUNT, WEST, &id(1), [("V", "1")]);
    let accounts = vec![account("a", None, &[WEST]), account("b", None, &[WEST])];
    let bench = bench_of(world, accounts, patient()).await;
    let fleet = bench.ec2.read().await;
    let server = ServerId::from(id(1).as_str());
    assert_eq!(fleet.servers[&server].source, source("a", WEST));
    assert_eq!(fleet.seen_twice[&server], (source("a", WEST), source("b", WEST)));
}

#[tokio::test]
async fn permissions_can_be_checked_without_an_effect() {
    let bench = bench(1).await;
    let (west, server) = (source("prod", WEST), ServerId::from(id(0).as_str()));
    assert_eq!(bench.ec2.check_describe(&west).await, Ok(()));
    assert_eq!(bench.ec2.check_create_tags(&west, &server, &tags("2")).await, Ok(()));
    assert_eq!(bench.values(), BTreeSet::from(["1".to_owned()]));
    bench.cloud.edit(|world| {
        world.deny(ACCOUNT, "ec2:CreateTags");
        world.deny(ACCOUNT, "ec2:DescribeInstances");
    });
    let denied = bench
        .ec2
        .check_create_tags(&west, &server, &tags("2"))
        .await
        .unwrap_err();
    assert_eq!(denied.kind, CloudErrorKind::Denied);
    assert!(denied.message.contains("allow ec2:CreateTags"), "{}", denied.message);
    let denied = bench.ec2.check_describe(&west).await.unwrap_err();
    assert!(
        denied.message.contains("allow ec2:DescribeInstances"),
        "{}",
        denied.message
    );
}

#[tokio::test]
async fn a_region_that_is_not_enabled_costs_no_new_session() {
    let mut world = World::new(ACCOUNT);
    world.add_role(&role(OTHER));
    world.add(OTHER, WEST, &id(1), [("V", "1")]);
    world.close_region(OTHER, EAST);
    let accounts = vec![account("prod", Some(role(OTHER)), &[WEST, EAST])];
    let bench = bench_of(world, accounts, patient()).await;
    for _ in 0..2 {
        let fleet = bench.ec2.read().await;
        assert_eq!(fleet.servers.len(), 1);
        let error = fleet.sources[&source("prod", EAST)].clone().unwrap();
        assert_eq!(error.kind, CloudErrorKind::Denied);
        assert!(error.message.contains("the region is enabled"), "{}", error.message);
    }
    assert_eq!(bench.count("sts.AssumeRole"), 1);
    assert_eq!(bench.count("ec2.DescribeInstances"), 4);
}
