//! An emulator with the client that a program would have, and how to look at both.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetsheet::adapters::ec2::{Account, Ec2, Ec2Settings, Role};
use fleetsheet::apply::{Applied, Applier, Silent};
use fleetsheet::calls::Calls;
use fleetsheet::fleet::{Fleet, FleetReader as _, Outcome, ServerChange, Source};
use fleetsheet::pacing::{Limits, Pacing, Patience};
use fleetsheet::tag::{Change, Reason, ServerId, TagKey, TagSet};
use fleetsheet_mocks::cloud::{ACCESS_KEY, CloudEmulator, Fleet as World, SECRET_KEY, Tags};

pub(crate) const ACCOUNT: &str = "111111111111";
pub(crate) const OTHER: &str = "222222222222";
pub(crate) const THIRD: &str = "333333333333";
pub(crate) const WEST: &str = "eu-west-1";
pub(crate) const EAST: &str = "us-east-1";

pub(crate) fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/fleetsheet")
}

pub(crate) fn id(n: usize) -> String {
    format!("i-{n:017x}")
}

/// An emulator with the client that a program would have.
pub(crate) struct Bench {
    pub(crate) cloud: CloudEmulator,
    pub(crate) ec2: Ec2,
    pub(crate) pacing: Pacing,
    pub(crate) calls: Calls,
}

pub(crate) fn account(name: &str, role_arn: Option<String>, regions: &[&str]) -> Account {
    Account {
        name: name.to_owned(),
        role: role_arn.map(|arn| Role { arn, external_id: None }),
        regions: regions.iter().map(|&region| region.to_owned()).collect(),
    }
}

pub(crate) fn patient() -> Limits {
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

pub(crate) async fn bench_of(world: World, accounts: Vec<Account>, limits: Limits) -> Bench {
    let cloud = CloudEmulator::start(world).await.unwrap();
    let (calls, pacing) = (Calls::default(), Pacing::new(limits));
    let settings = Ec2Settings {
        accounts,
        endpoint_url: Some(cloud.endpoint().parse().unwrap()),
        request_timeout: Duration::from_secs(2),
        pacing: pacing.clone(),
        static_credentials: Some((ACCESS_KEY.to_owned(), SECRET_KEY.to_owned().into())),
    };
    let ec2 = Ec2::connect(&settings, calls.clone()).await;
    Bench {
        cloud,
        ec2,
        pacing,
        calls,
    }
}

/// One account with these many servers in the west.
pub(crate) async fn bench(servers: usize) -> Bench {
    let mut world = World::new(ACCOUNT);
    for n in 0..servers {
        world.add(ACCOUNT, WEST, &id(n), [("Name", "server"), ("V", "1")]);
    }
    bench_of(world, vec![account("prod", None, &[WEST])], patient()).await
}

impl Bench {
    /// What was counted on this side must be what arrived on the other, always.
    pub(crate) fn count(&self, method: &str) -> u64 {
        let here = self.calls.snapshot().get(method).copied().unwrap_or_default();
        assert_eq!(here, self.cloud.script().count(method), "{method} is miscounted");
        here
    }

    pub(crate) async fn apply(&self, changes: &[ServerChange]) -> Applied {
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

    pub(crate) async fn read_and_set(&self, value: impl Fn(usize) -> String) -> Applied {
        let fleet = self.ec2.read().await;
        assert!(fleet.complete(), "{:?}", fleet.sources);
        self.apply(&changes(&fleet, value)).await
    }

    pub(crate) fn values(&self) -> BTreeSet<String> {
        self.cloud.edit(|world| {
            let value = |tags: &Tags| tags.get("V").cloned().unwrap_or_default();
            world
                .instances()
                .map(|instance| value(&world.tags(&instance.id)))
                .collect()
        })
    }
}

pub(crate) fn source(account: &str, region: &str) -> Source {
    Source {
        account: account.into(),
        region: region.into(),
    }
}

pub(crate) fn tags(value: &str) -> TagSet {
    TagSet::from([("V".into(), value.into())])
}

/// Sets the tag `V` of the nth server of the fleet.
pub(crate) fn changes(fleet: &Fleet, value: impl Fn(usize) -> String) -> Vec<ServerChange> {
    let key = TagKey::from("V");
    let servers = fleet.servers.iter().enumerate();
    servers
        .map(|(n, (id, server))| ServerChange {
            stage: fleetsheet::fleet::Stage::First(None),
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

pub(crate) fn to_two(_: usize) -> String {
    "2".to_owned()
}

pub(crate) fn failures(applied: &Applied) -> Vec<(String, String)> {
    let failed = |(id, outcome): (&ServerId, &Outcome)| match outcome {
        Outcome::Done => None,
        Outcome::Failed { message, .. } => Some((id.to_string(), message.clone())),
        Outcome::NotSent { why } => Some((id.to_string(), why.clone())),
    };
    applied.outcomes.iter().filter_map(failed).collect()
}

pub(crate) fn failed_ids(applied: &Applied) -> Vec<String> {
    failures(applied).into_iter().map(|(id, _)| id).collect()
}
