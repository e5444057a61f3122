//! The client of CloudWatch against the emulator, over the wire: which alarms it asks for and how, and what it makes of failures.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use fleetsheet::adapters::cloudwatch::CloudWatch;
use fleetsheet::adapters::ec2::{Account, Ec2, Ec2Settings, Role};
use fleetsheet::calls::Calls;
use fleetsheet::fleet::{FleetReader as _, Source};
use fleetsheet::gate::{Alarm, AlarmSource as _, AlarmState};
use fleetsheet::pacing::{Limits, Pacing};
use fleetsheet_mocks::cloud::{ACCESS_KEY, Alarm as Theirs, CloudEmulator, Fleet as World, SECRET_KEY};
use fleetsheet_mocks::faults::{Fault, When};

const ACCOUNT: &str = "111111111111";
const OTHER: &str = "222222222222";
const ROLE: &str = "arn:aws:iam::222222222222:role/fleetsheet";
const WEST: &str = "eu-west-1";
const EAST: &str = "us-east-1";
const DESCRIBE: &str = "cloudwatch.DescribeAlarms";

struct Bench {
    cloud: CloudEmulator,
    ec2: Ec2,
    alarms: CloudWatch,
    calls: Calls,
}

/// An account `main` of our own, and `other`, into which a role leads.
async fn bench(world: World) -> Bench {
    let cloud = CloudEmulator::start(world).await.unwrap();
    let account = |name: &str, role: Option<&str>| Account {
        name: name.to_owned(),
        role: role.map(|arn| Role {
            arn: arn.to_owned(),
            external_id: None,
        }),
        regions: vec![WEST.to_owned()],
    };
    let calls = Calls::default();
    let settings = Ec2Settings {
        accounts: vec![account("main", None), account("other", Some(ROLE))],
        endpoint_url: Some(cloud.endpoint().parse().unwrap()),
        request_timeout: Duration::from_secs(1),
        pacing: Pacing::new(Limits::default()),
        static_credentials: Some((ACCESS_KEY.to_owned(), SECRET_KEY.to_owned().into())),
    };
    let ec2 = Ec2::connect(&settings, calls.clone()).await;
    let alarms = CloudWatch::beside(&ec2, calls.clone());
    Bench {
        cloud,
        ec2,
        alarms,
        calls,
    }
}

impl Bench {
    async fn ask(&self, account: &str, region: &str, names: &[&str]) -> Result<Vec<Alarm>, String> {
        let source = Source {
            account: account.into(),
            region: region.into(),
        };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.alarms.alarms(&source, &names).await.map_err(|error| error.0)
    }

    /// What was counted on this side must be what arrived on the other, always.
    fn count(&self, method: &str) -> u64 {
        let here = self.calls.snapshot().get(method).copied().unwrap_or_default();
        assert_eq!(here, self.cloud.script().count(method), "{method} is miscounted");
        here
    }
}

fn world() -> World {
    let mut world = World::new(ACCOUNT);
    world.add_role(ROLE);
    world
}

fn alarm(name: &str, state: AlarmState) -> Alarm {
    Alarm {
        name: name.to_owned(),
        state,
        impaired: None,
        lenient: None,
    }
}

#[tokio::test]
async fn alarms_of_both_kinds_come_as_they_are() {
    let mut world = world();
    let odd = "web \"prod\" é & 5xx";
    let mut add = |name: &str, theirs| world.set_alarm(ACCOUNT, WEST, name, theirs);
    add("calm", Theirs::metric("OK"));
    let disabled = Theirs {
        actions: false,
        ..Theirs::metric("ALARM")
    };
    add(odd, disabled);
    let partial = Theirs {
        evaluation: Some("PARTIAL_DATA".to_owned()),
        ..Theirs::metric("OK")
    };
    add("partial", partial);
    let treats = |how: &str| Theirs {
        missing: Some(how.to_owned()),
        ..Theirs::metric("OK")
    };
    add("lenient", treats("ignore"));
    add("strict", treats("breaching"));
    add("sum", Theirs::composite("INSUFFICIENT_DATA"));
    add("not asked for", Theirs::metric("ALARM"));
    world.set_alarm(ACCOUNT, EAST, "elsewhere", Theirs::metric("OK"));
    let bench = bench(world).await;
    let names = [
        "calm",
        odd,
        "partial",
        "lenient",
        "strict",
        "sum",
        "elsewhere",
        "unknown",
    ];
    let mut found = bench.ask("main", WEST, &names).await.unwrap();
    found.sort_by_key(|alarm| names.iter().position(|name| *name == alarm.name));
    let wanted = [
        alarm("calm", AlarmState::Ok),
        alarm(odd, AlarmState::Alarm),
        Alarm {
            impaired: Some("PARTIAL_DATA".to_owned()),
            ..alarm("partial", AlarmState::Ok)
        },
        Alarm {
            lenient: Some("ignore".to_owned()),
            ..alarm("lenient", AlarmState::Ok)
        },
        alarm("strict", AlarmState::Ok),
        alarm("sum", AlarmState::Insufficient),
    ];
    assert_eq!(found, wanted);
    assert_eq!(
        bench.ask("main", EAST, &["elsewhere"]).await,
        Ok(vec![alarm("elsewhere", AlarmState::Ok)])
    );
    assert_eq!(bench.count(DESCRIBE), 2);
    assert_eq!(bench.ask("main", WEST, &[]).await, Ok(vec![]));
    assert_eq!(bench.count(DESCRIBE), 2, "nothing to ask, no request");
}

#[tokio::test]
async fn many_alarms_are_asked_for_by_the_hundred_and_read_to_the_last_page() {
    let mut world = world();
    let names: Vec<String> = (0..250).map(|n| format!("alarm-{n:03}")).collect();
    for name in &names {
        world.set_alarm(ACCOUNT, WEST, name, Theirs::metric("OK"));
    }
    let bench = bench(world).await;
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(bench.ask("main", WEST, &asked).await.unwrap().len(), 250);
    assert_eq!(bench.count(DESCRIBE), 3);
    let sizes: Vec<usize> = bench.cloud.requests().iter().map(|request| request.ids).collect();
    assert_eq!(sizes, [100, 100, 50]);
    bench.cloud.edit(|world| world.settings.alarms_page = 40);
    let mut found = bench.ask("main", WEST, &asked).await.unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.iter().map(|alarm| &alarm.name).eq(&names));
    assert_eq!(bench.count(DESCRIBE), 3 + 3 + 3 + 2);
}

#[tokio::test]
async fn the_keys_of_the_account_are_shared_with_ec2_and_renewed_once() {
    let mut world = world();
    world.set_alarm(OTHER, EAST, "there", Theirs::metric("ALARM"));
    let bench = bench(world).await;
    assert!(bench.ec2.read().await.complete());
    // A region where no servers are, too.
    let there = Ok(vec![alarm("there", AlarmState::Alarm)]);
    assert_eq!(bench.ask("other", EAST, &["there"]).await, there);
    assert_eq!(bench.count("sts.AssumeRole"), 1);
    bench.cloud.edit(World::expire_sessions);
    assert_eq!(bench.ask("other", EAST, &["there"]).await, there);
    assert_eq!((bench.count("sts.AssumeRole"), bench.count(DESCRIBE)), (2, 3));
    bench.cloud.edit(|world| world.set_assumable(ROLE, false));
    bench.cloud.edit(World::expire_sessions);
    let why = bench.ask("other", EAST, &["there"]).await.unwrap_err();
    assert!(why.contains("cannot be assumed"), "{why}");
}

#[tokio::test]
async fn every_failure_says_what_it_was_and_nothing_is_repeated() {
    let mut world = world();
    world.set_alarm(ACCOUNT, WEST, "calm", Theirs::metric("OK"));
    let bench = bench(world).await;
    let mut asked = 0;
    for (fault, said) in [
        (Fault::Throttle, "CloudWatch asks for fewer calls"),
        (Fault::Status(500), "cloudwatch:DescribeAlarms failed (InternalError)"),
        (Fault::Status(503), "(Unavailable)"),
        (Fault::Html503, "the answer did not come from CloudWatch"),
        (Fault::Unauthorized, "are not accepted"),
        (Fault::Forbidden, "allow cloudwatch:DescribeAlarms in the policy of"),
        (Fault::Nonsense, "the answer did not come from CloudWatch"),
        (Fault::Empty200, "the answer did not come from CloudWatch"),
        (Fault::Truncate, "main/eu-west-1: cloudwatch:DescribeAlarms"),
        (Fault::ResetBefore, "lost its connection"),
        (Fault::Hang, "no answer in time"),
    ] {
        bench.cloud.script().clear();
        bench.cloud.script().fail(DESCRIBE, When::Every, fault);
        let begun = Instant::now();
        let why = bench.ask("main", WEST, &["calm"]).await.unwrap_err();
        assert!(
            why.starts_with("main/eu-west-1: ") && why.contains(said),
            "{fault:?}: {why}"
        );
        assert!(begun.elapsed() < Duration::from_secs(10), "{fault:?}");
        asked += 1;
        assert_eq!(bench.count(DESCRIBE), asked, "{fault:?}");
    }
    bench.cloud.script().clear();
    assert_eq!(
        bench.ask("main", WEST, &["calm"]).await,
        Ok(vec![alarm("calm", AlarmState::Ok)])
    );
    bench
        .cloud
        .edit(|world| world.deny(ACCOUNT, "cloudwatch:DescribeAlarms"));
    let why = bench.ask("main", WEST, &["calm"]).await.unwrap_err();
    assert!(
        why.contains("(AccessDenied)")
            && why.contains("; allow cloudwatch:DescribeAlarms in the identity-based policy of"),
        "{why}"
    );
    let why = bench.ask("nobody", WEST, &["calm"]).await.unwrap_err();
    assert_eq!(why, "nobody/eu-west-1: no such account in the configuration");
    let shown = format!("{:?}", bench.alarms);
    assert!(!shown.contains(ACCESS_KEY) && !shown.contains(SECRET_KEY), "{shown}");
}

#[tokio::test]
async fn a_page_that_fails_leaves_no_half_of_the_alarms() {
    let mut world = world();
    for name in ["a", "b"] {
        world.set_alarm(ACCOUNT, WEST, name, Theirs::metric("OK"));
    }
    world.settings.alarms_page = 1;
    let bench = bench(world).await;
    bench.cloud.script().fail(DESCRIBE, When::Nth(2), Fault::Throttle);
    let why = bench.ask("main", WEST, &["a", "b"]).await.unwrap_err();
    assert!(why.contains("fewer calls"), "{why}");
}
