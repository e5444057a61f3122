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
        error
            .message
            .starts_with("prod: the role arn:aws:iam::222222222222:role/fleetsheet cannot be assumed (AccessDenied): ")
            && error.message.contains("; one of three is missing")
            && error.message.contains("set external_id"),
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
async fn a_role_is_assumed_through_the_sts_of_whichever_region_answers() {
    for fault in [
        Fault::Status(503),
        Fault::Hang,
        Fault::ResetBefore,
        Fault::Html503,
        Fault::Nonsense,
    ] {
        let mut world = World::new(ACCOUNT);
        world.add_role(&role(OTHER));
        for (n, region) in [WEST, EAST].into_iter().enumerate() {
            world.add(OTHER, region, &id(n), [("V", "1")]);
        }
        let accounts = vec![account("prod", Some(role(OTHER)), &[WEST, EAST])];
        let bench = bench_of(world, accounts, patient()).await;
        bench.cloud.fail_in(ACCOUNT, WEST, "sts.AssumeRole", When::Every, fault);
        let fleet = bench.ec2.read().await;
        assert!(fleet.complete(), "{fault:?}: {:?}", fleet.sources);
        assert_eq!(fleet.servers.len(), 2, "{fault:?}");
        assert_eq!(bench.cloud.script().count("sts.AssumeRole"), 2, "{fault:?}");
        // The region that answered is asked first from then on.
        bench.cloud.edit(World::expire_sessions);
        assert!(bench.ec2.read().await.complete(), "{fault:?}");
        assert_eq!(bench.cloud.script().count("sts.AssumeRole"), 3, "{fault:?}");
    }
}

/// STS can be switched off by region. Where it is off everywhere, the message says where it is switched on.
#[tokio::test]
async fn a_region_whose_sts_is_switched_off_costs_the_account_no_other() {
    let mut world = World::new(ACCOUNT);
    world.add_role(&role(OTHER));
    for (n, region) in [WEST, EAST].into_iter().enumerate() {
        world.add(OTHER, region, &id(n), [("V", "1")]);
    }
    let accounts = vec![account("prod", Some(role(OTHER)), &[WEST, EAST])];
    let bench = bench_of(world, accounts, patient()).await;
    let off = |region: &str| format!("sts in {region}");
    bench.cloud.edit(|fleet| fleet.deny(ACCOUNT, &off(WEST)));
    assert!(bench.ec2.read().await.complete());
    assert_eq!(bench.cloud.script().count("sts.AssumeRole"), 2);
    bench.cloud.edit(|fleet| {
        fleet.deny(ACCOUNT, &off(EAST));
        fleet.expire_sessions();
    });
    let fleet = bench.ec2.read().await;
    let error = fleet.sources[&source("prod", EAST)].clone().unwrap();
    assert_eq!(error.kind, CloudErrorKind::Denied);
    assert!(
        error
            .message
            .contains("cannot be assumed (RegionDisabledException): STS is not activated")
            && error.message.ends_with("activate it in IAM, Account settings"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_throttled_sts_is_not_answered_with_a_call_to_each_region() {
    let mut world = World::new(ACCOUNT);
    world.add_role(&role(OTHER));
    let accounts = vec![account("prod", Some(role(OTHER)), &[WEST, EAST])];
    let bench = bench_of(world, accounts, patient()).await;
    bench
        .cloud
        .fail_in(ACCOUNT, WEST, "sts.AssumeRole", When::First, Fault::Throttle);
    assert!(bench.ec2.read().await.complete());
    let log = bench.cloud.scoped_script().log();
    let regions: Vec<&str> = log
        .iter()
        .filter(|call| call.method.starts_with("sts."))
        .map(|call| call.method.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(regions, [WEST, WEST]);
}

#[tokio::test]
async fn a_role_that_asks_for_an_external_id_gets_the_configured_one() {
    for (configured, taken) in [(None, false), (Some("other-1"), false), (Some("acme:fleet/7"), true)] {
        let mut world = World::new(ACCOUNT);
        world.add_role(&role(OTHER));
        world.require_external_id(&role(OTHER), "acme:fleet/7");
        let mut prod = account("prod", Some(role(OTHER)), &[WEST]);
        prod.role.as_mut().unwrap().external_id = configured.map(str::to_owned);
        let bench = bench_of(world, vec![prod], patient()).await;
        let fleet = bench.ec2.read().await;
        assert_eq!(fleet.complete(), taken, "{configured:?}: {:?}", fleet.sources);
        if let Some(error) = &fleet.sources[&source("prod", WEST)] {
            assert!(error.message.contains("external"), "{}", error.message);
        }
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
