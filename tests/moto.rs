//! The EC2 client and `apply` against moto, whose authors read the same documents and came to their own conclusions.
//!
//! moto is kinder than EC2 (missing ids, long values and any rate are fine with it), so it checks the protocol only:
//! signatures, XML, pages, tokens, roles, and the two refusals that it knows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod server;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Builder, Credentials};
use fleetsheet::adapters::ec2::{Account, Ec2, Ec2Settings, Role};
use fleetsheet::apply::{Applied, Applier, Silent};
use fleetsheet::calls::Calls;
use fleetsheet::fleet::{
    CloudErrorKind, Fleet, FleetReader as _, Outcome, ServerChange, Source, State, TagWriter as _,
};
use fleetsheet::pacing::{Limits, Pacing};
use fleetsheet::tag::{Change, Reason, ServerId, TagKey, TagSet};

use crate::stage::{ACCOUNT, Stage};
use server::Moto;

const EAST: &str = "us-east-1";
const WEST: &str = "eu-west-1";
const ROLE: &str = "arn:aws:iam::222222222222:role/fleetsheet";

/// A client to build the world with. It shares nothing with the one under test but the SDK.
fn builder(moto: &Moto, region: &'static str) -> Client {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region))
        .endpoint_url(moto.endpoint())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    Client::from_conf(config.build())
}

async fn launch(client: &Client, launches: usize, of: i32) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..launches {
        let call = client
            .run_instances()
            .image_id("ami-12345678")
            .min_count(of)
            .max_count(of);
        let launched = call.send().await.unwrap();
        ids.extend(
            launched
                .instances()
                .iter()
                .filter_map(|it| it.instance_id())
                .map(str::to_owned),
        );
    }
    ids
}

struct Bench {
    ec2: Ec2,
    pacing: Pacing,
    calls: Calls,
}

impl Bench {
    async fn new(moto: &Moto, accounts: &[(&str, Option<&str>, &[&str])]) -> Self {
        let account = |(name, role, regions): &(&str, Option<&str>, &[&str])| Account {
            name: (*name).to_owned(),
            role: role.map(|arn| Role {
                arn: arn.to_owned(),
                external_id: None,
            }),
            regions: regions.iter().map(|&region| region.to_owned()).collect(),
        };
        let (calls, pacing) = (Calls::default(), Pacing::new(Limits::default()));
        let settings = Ec2Settings {
            accounts: accounts.iter().map(account).collect(),
            endpoint_url: Some(moto.endpoint().parse().unwrap()),
            // moto takes ten seconds for a listing of 1,000, on a busy machine many more.
            request_timeout: Duration::from_secs(120),
            pacing: pacing.clone(),
            static_credentials: Some(("test".to_owned(), "test".to_owned().into())),
        };
        let ec2 = Ec2::connect(&settings, calls.clone()).await;
        Self { ec2, pacing, calls }
    }

    async fn read(&self) -> Fleet {
        let fleet = self.ec2.read().await;
        assert!(fleet.complete(), "{:?}", fleet.sources);
        fleet
    }

    async fn apply(&self, changes: &[ServerChange]) -> Applied {
        let (_keep, stop) = tokio::sync::watch::channel(false);
        Applier {
            writer: &self.ec2,
            pacing: &self.pacing,
            deadline: tokio::time::Instant::now() + Duration::from_secs(120),
            stop,
            progress: &Silent,
        }
        .apply(changes)
        .await
    }

    fn count(&self, method: &str) -> u64 {
        self.calls.snapshot().get(method).copied().unwrap_or_default()
    }
}

/// Gives each server of the fleet the tags that `wanted` names.
fn changes(fleet: &Fleet, wanted: impl Fn(usize) -> Vec<(&'static str, String)>) -> Vec<ServerChange> {
    let change = |(n, (id, server)): (usize, (&ServerId, &fleetsheet::fleet::Server))| ServerChange {
        stage: fleetsheet::fleet::Stage::First(None),
        server: id.clone(),
        source: server.source.clone(),
        user_tags: server.tags.len(),
        metadata_tags: server.metadata_tags,
        changes: wanted(n)
            .into_iter()
            .map(|(key, value)| Change {
                tag: key.into(),
                before: server.tag(&key.into()).cloned(),
                after: value.into(),
                reason: Reason::Release,
            })
            .collect(),
    };
    fleet.servers.iter().enumerate().map(change).collect()
}

fn all_done(applied: &Applied) -> bool {
    applied.outcomes.values().all(|outcome| *outcome == Outcome::Done)
}

fn values(fleet: &Fleet, key: &str) -> BTreeMap<String, usize> {
    let mut values = BTreeMap::new();
    for server in fleet.servers.values() {
        let value = server
            .tag(&TagKey::from(key))
            .map(ToString::to_string)
            .unwrap_or_default();
        *values.entry(value).or_default() += 1;
    }
    values
}

#[tokio::test]
async fn a_fleet_of_1600_is_read_and_tagged_as_moto_understands_it() {
    let moto = Moto::start();
    let east = launch(&builder(&moto, EAST), 2, 500).await;
    launch(&builder(&moto, WEST), 30, 20).await;
    let bench = Bench::new(&moto, &[("own", None, &[EAST, WEST])]).await;

    let begun = Instant::now();
    let fleet = bench.read().await;
    println!("read {} servers in {:?}", fleet.servers.len(), begun.elapsed());
    assert_eq!(fleet.servers.len(), 1600);
    assert!(fleet.servers.values().all(|server| server.state == State::Running));
    let in_east = fleet.servers.values().filter(|server| &*server.source.region == EAST);
    assert_eq!(in_east.count(), 1000);

    let uniform = |_| {
        vec![
            ("ReleaseVersion", "2.4.0".to_owned()),
            ("ReleaseChannel", "web".to_owned()),
        ]
    };
    let begun = Instant::now();
    assert!(all_done(&bench.apply(&changes(&fleet, uniform)).await));
    println!("{} calls in {:?}", bench.count("ec2.CreateTags"), begun.elapsed());
    assert_eq!(
        bench.count("ec2.CreateTags"),
        4,
        "two of 500 here, one of 500 and one of 100 there"
    );
    let fleet = bench.read().await;
    assert_eq!(
        values(&fleet, "ReleaseVersion"),
        BTreeMap::from([("2.4.0".to_owned(), 1600)])
    );
    assert_eq!(
        values(&fleet, "ReleaseChannel"),
        BTreeMap::from([("web".to_owned(), 1600)])
    );

    // Values that the query protocol and XML must carry unharmed.
    let odd = ["2.5.0+build=7", "a&b <c> \"d\"", "Zoë – 漢字", " spaced  out "];
    let mixed = |n: usize| vec![("Owner", odd[n % odd.len()].to_owned())];
    assert!(all_done(&bench.apply(&changes(&fleet, mixed)).await));
    let terminated = builder(&moto, EAST)
        .terminate_instances()
        .instance_ids(&east[0])
        .send()
        .await;
    assert!(terminated.is_ok());
    let fleet = bench.read().await;
    let wanted: BTreeMap<_, _> = odd.map(|value| (value.to_owned(), 400)).into();
    assert_eq!(values(&fleet, "Owner"), wanted);
    assert_eq!(values(&fleet, "ReleaseVersion").len(), 1, "other tags stay");
    let gone = &fleet.servers[&ServerId::from(east[0].as_str())];
    assert_eq!(gone.state, State::Terminated);
}

#[tokio::test]
async fn roles_refusals_and_dry_runs_are_understood() {
    let moto = Moto::start();
    launch(&builder(&moto, EAST), 1, 10).await;
    let bench = Bench::new(&moto, &[("own", None, &[EAST]), ("other", Some(ROLE), &[EAST, WEST])]).await;

    let fleet = bench.read().await;
    assert_eq!(fleet.servers.len(), 10, "the role's account has none");
    assert_eq!(bench.count("sts.AssumeRole"), 1);

    let source = Source {
        account: "own".into(),
        region: EAST.into(),
    };
    let id = fleet.servers.keys().next().unwrap();
    let tags = TagSet::from([("ReleaseVersion".into(), "1".into())]);
    assert_eq!(bench.ec2.check_describe(&source).await, Ok(()));
    assert_eq!(bench.ec2.check_create_tags(&source, id, &tags).await, Ok(()));
    assert_eq!(
        values(&bench.read().await, "ReleaseVersion"),
        BTreeMap::from([(String::new(), 10)])
    );

    let ids = [id.clone(), "nonsense".into()];
    let error = bench.ec2.create_tags(&source, &ids, &tags).await.unwrap_err();
    assert_eq!(
        error.kind,
        CloudErrorKind::BadServers(vec!["nonsense".into()]),
        "{}",
        error.message
    );

    let full: TagSet = (0..50).map(|n| (format!("k{n}").as_str().into(), "x".into())).collect();
    bench
        .ec2
        .create_tags(&source, std::slice::from_ref(id), &full)
        .await
        .unwrap();
    // Not read again, so that nobody knows it is full.
    let applied = bench
        .apply(&changes(&fleet, |_| vec![("ReleaseVersion", "1".to_owned())]))
        .await;
    let failed: Vec<_> = applied
        .outcomes
        .iter()
        .filter(|(_, outcome)| **outcome != Outcome::Done)
        .collect();
    assert!(
        matches!(failed[..], [(bad, Outcome::Failed { .. })] if bad == id),
        "{failed:?}"
    );
}

/// The program itself: both keys turned in the emulated sheet, with moto as the cloud.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_pass_promotes_servers_of_moto() {
    let moto = Moto::start();
    let client = builder(&moto, WEST);
    let ids = launch(&client, 2, 60).await;
    let tag = |key: &str, value: &str| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build();
    let tagging = client.create_tags().set_resources(Some(ids.clone()));
    let tagging = tagging
        .tags(tag("ReleaseChannel", "web-prod"))
        .tags(tag("ReleaseVersion", "2.3.9"));
    tagging.send().await.unwrap();

    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let nobody = fleetsheet_mocks::cloud::Fleet::new(ACCOUNT);
    let channels = [("web-prod", "2.3.9", "2.3.9", true)];
    let mut stage = Stage::new(&channels, &servers, nobody).await;
    stage.setting("FLEETSHEET_AWS__ENDPOINT_URL", &moto.endpoint());
    let first = stage.once().await;
    assert_eq!((first.code, first.release("web-prod")), (0, "2.3.9"), "{first:?}");

    stage.turn_keys("web-prod", "2.4.0");
    let promoted = stage.once().await;
    assert_eq!(
        (promoted.code, promoted.release("web-prod")),
        (0, "2.4.0"),
        "{promoted:?}"
    );
    assert_eq!(
        (promoted.json["changed"].as_u64(), promoted.calls("ec2.CreateTags")),
        (Some(120), 1)
    );
    let silent = stage.once().await;
    assert_eq!(
        (silent.code, silent.json["changed"].as_u64()),
        (0, Some(0)),
        "{silent:?}"
    );
    assert_eq!(stage.server_cell(&ids[7], "releaseVersion"), "2.4.0");

    let bench = Bench::new(&moto, &[("main", None, &[WEST])]).await;
    assert_eq!(
        values(&bench.read().await, "ReleaseVersion"),
        BTreeMap::from([("2.4.0".to_owned(), 120)])
    );
}
