//! The EC2 client and `apply` against an emulator that is as strict as EC2, over the wire. Tests judge the world in the
//! end; where they count calls, the number of calls is the point.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetsheet::adapters::ec2::{Account, Ec2, Ec2Settings};
use fleetsheet::apply::pacing::Pacing;
use fleetsheet::apply::{Applied, Applier, Limits, Outcome, Patience, ServerChange, Silent};
use fleetsheet::calls::Calls;
use fleetsheet::fleet::{CloudErrorKind, Fleet, FleetReader as _, Source, TagWriter as _};
use fleetsheet::tag::{Change, Reason, ServerId, TagKey, TagSet};
use fleetsheet_mocks::cloud::{ACCESS_KEY, CloudEmulator, Fleet as World, Rate, SECRET_KEY, State, Tags};
use fleetsheet_mocks::faults::{Fault, When};

const ACCOUNT: &str = "111111111111";
const OTHER: &str = "222222222222";
const THIRD: &str = "333333333333";
const WEST: &str = "eu-west-1";
const EAST: &str = "us-east-1";

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/fleetsheet")
}

fn id(n: usize) -> String {
    format!("i-{n:017x}")
}

/// An emulator with the client that a program would have.
struct Bench {
    cloud: CloudEmulator,
    ec2: Ec2,
    pacing: Pacing,
    calls: Calls,
}

fn account(name: &str, role_arn: Option<String>, regions: &[&str]) -> Account {
    Account {
        name: name.to_owned(),
        role_arn,
        regions: regions.iter().map(|&region| region.to_owned()).collect(),
    }
}

fn patient() -> Limits {
    let ms = Duration::from_millis;
    Limits {
        patience: Patience {
            first_pause: ms(100),
            longest_pause: ms(500),
            first_delay: ms(20),
            longest_delay: ms(100),
            ..Patience::default()
        },
        ..Limits::default()
    }
}

async fn bench_of(world: World, accounts: Vec<Account>, limits: Limits) -> Bench {
    let cloud = CloudEmulator::start(world).await.unwrap();
    let (calls, pacing) = (Calls::default(), Pacing::new(limits));
    let settings = Ec2Settings {
        accounts,
        endpoint_url: Some(cloud.endpoint()),
        request_timeout: Duration::from_secs(2),
        pacing: pacing.clone(),
        static_credentials: Some((ACCESS_KEY.to_owned(), SECRET_KEY.to_owned().into())),
    };
    let ec2 = Ec2::connect(&settings, calls.clone()).await.unwrap();
    Bench {
        cloud,
        ec2,
        pacing,
        calls,
    }
}

/// One account with these many servers in the west.
async fn bench(servers: usize) -> Bench {
    let mut world = World::new(ACCOUNT);
    for n in 0..servers {
        world.add(ACCOUNT, WEST, &id(n), [("Name", "server"), ("V", "1")]);
    }
    bench_of(world, vec![account("prod", None, &[WEST])], patient()).await
}

impl Bench {
    /// What was counted on this side must be what arrived on the other, always.
    fn count(&self, method: &str) -> u64 {
        let here = self.calls.snapshot().get(method).copied().unwrap_or_default();
        assert_eq!(here, self.cloud.script().count(method), "{method} is miscounted");
        here
    }

    async fn apply(&self, changes: &[ServerChange]) -> Applied {
        let (_keep, stop) = tokio::sync::watch::channel(false);
        Applier {
            writer: &self.ec2,
            pacing: &self.pacing,
            deadline: tokio::time::Instant::now() + Duration::from_secs(300),
            stop,
            progress: &Silent,
        }
        .apply(changes)
        .await
    }

    async fn read_and_set(&self, value: impl Fn(usize) -> String) -> Applied {
        let fleet = self.ec2.read().await;
        assert!(fleet.complete(), "{:?}", fleet.sources);
        self.apply(&changes(&fleet, value)).await
    }

    fn values(&self) -> BTreeSet<String> {
        self.cloud.edit(|world| {
            let value = |tags: &Tags| tags.get("V").cloned().unwrap_or_default();
            world
                .instances()
                .map(|instance| value(&world.tags(&instance.id)))
                .collect()
        })
    }
}

fn source(account: &str, region: &str) -> Source {
    Source {
        account: account.into(),
        region: region.into(),
    }
}

fn tags(value: &str) -> TagSet {
    TagSet::from([("V".into(), value.into())])
}

/// Sets the tag `V` of the nth server of the fleet.
fn changes(fleet: &Fleet, value: impl Fn(usize) -> String) -> Vec<ServerChange> {
    let key = TagKey::from("V");
    let servers = fleet.servers.iter().enumerate();
    servers
        .map(|(n, (id, server))| ServerChange {
            server: id.clone(),
            source: server.source.clone(),
            user_tags: server
                .tags
                .keys()
                .filter(|key| !key.as_str().starts_with("aws:"))
                .count(),
            metadata_tags: server.metadata_tags,
            changes: vec![Change {
                tag: key.clone(),
                before: server.tag(&key).cloned(),
                after: value(n).into(),
                reason: Reason::Release,
            }],
        })
        .collect()
}

fn to_two(_: usize) -> String {
    "2".to_owned()
}

fn failures(applied: &Applied) -> Vec<(String, String)> {
    let failed = |(id, outcome): (&ServerId, &Outcome)| match outcome {
        Outcome::Done => None,
        Outcome::Failed { message, .. } => Some((id.to_string(), message.clone())),
        Outcome::NotSent { why } => Some((id.to_string(), why.clone())),
    };
    applied.outcomes.iter().filter_map(failed).collect()
}

fn failed_ids(applied: &Applied) -> Vec<String> {
    failures(applied).into_iter().map(|(id, _)| id).collect()
}

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

/// The whole of the slow case at true size: `cargo test --test ec2 -- --ignored`.
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
            "prod: the role arn:aws:iam::222222222222:role/fleetsheet cannot be assumed (AccessDenied): let its trust"
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

#[tokio::test]
async fn many_passes_share_one_client() {
    let bench = Arc::new(bench(50).await);
    for round in 2..6 {
        let applied = bench.read_and_set(|_| round.to_string()).await;
        assert_eq!(failures(&applied), []);
    }
    assert_eq!(bench.values(), BTreeSet::from(["5".to_owned()]));
    assert_eq!(bench.count("ec2.CreateTags"), 4);
}
