//! What a pass may cost: its calls to the number, and its bytes to within a few in a hundred. A stopwatch on a shared machine tells
//! nothing; a call or a field of an answer too many shows here at once.
//!
//! Who makes a pass cheaper lowers the limits, so that they stay close to what is.
#![expect(clippy::print_stdout, reason = "the figures are for the reader")]

use std::collections::BTreeMap;

use fleetsheet_mocks::faults::Traffic;

use crate::stage::{Ran, Stage};

const SERVERS: usize = 1_500;

/// What is allowed: bytes sent and received, by whose service they are.
struct Budget {
    calls: &'static [(&'static str, u64)],
    google: Traffic,
    aws: Traffic,
}

const fn bytes(sent: u64, received: u64) -> Traffic {
    Traffic { sent, received }
}

/// Makes a pass, and compares what reached the emulators with what is allowed.
async fn spend(what: &str, stage: &Stage, budget: &Budget) -> Ran {
    let before = [stage.sheets.traffic(), stage.cloud.traffic()];
    for script in [stage.sheets.script().clone(), stage.cloud.script()] {
        script.forget_calls();
    }
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut calls = stage.sheets.script().calls();
    calls.extend(stage.cloud.script().calls());
    let allowed: BTreeMap<String, u64> = budget.calls.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    println!("{what}: {calls:?}");
    assert_eq!(calls, allowed, "{what}");
    let after = [stage.sheets.traffic(), stage.cloud.traffic()];
    let mut wrong = Vec::new();
    let services = [("Google", budget.google), ("AWS", budget.aws)];
    for ((service, allowed), (before, after)) in services.into_iter().zip(before.into_iter().zip(after)) {
        let ways = [
            ("sent to", after.sent - before.sent, allowed.sent),
            ("received from", after.received - before.received, allowed.received),
        ];
        for (way, spent, allowed) in ways {
            let told = format!("{what}: {spent} bytes {way} {service}, {allowed} allowed");
            println!("{told}");
            // A limit that is far from what is would let a pass grow unseen.
            if spent > allowed || spent * 100 < allowed * 95 {
                wrong.push(told);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_pass_and_a_promotion_cost_no_call_and_hardly_a_byte_more_than_they_did() {
    let (stage, _) = Stage::known(SERVERS).await;
    let quiet = Budget {
        calls: &[("ec2.DescribeInstances", 2), ("oauth2.token", 1), ("sheets.get", 1)],
        google: bytes(1_420, 1_340_000),
        aws: bytes(1_550, 1_205_000),
    };
    spend("a pass with nothing to do", &stage, &quiet).await;
    stage.turn_keys("web-prod", "2.4.0");
    let promotion = Budget {
        calls: &[
            ("ec2.CreateTags", 3),
            ("ec2.DescribeInstances", 2),
            ("oauth2.token", 1),
            ("sheets.get", 1),
            ("sheets.values.batchGetByDataFilter", 2),
            ("sheets.values.batchUpdateByDataFilter", 1),
        ],
        google: bytes(62_000, 1_665_000),
        aws: bytes(56_500, 1_206_000),
    };
    let ran = spend("a promotion of 1,500 servers", &stage, &promotion).await;
    assert_eq!(ran.json["changed"], SERVERS, "{ran:?}");
}
