//! The emulator of CloudWatch asked by botocore, a client that others wrote: what our own client learns from it is no invention.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use fleetsheet_mocks::cloud::{ACCESS_KEY, Alarm, CloudEmulator, Fleet, SECRET_KEY};
use serde_json::{Value, json};

use crate::moto::server::MOTO;
use crate::venv::venv;

const ACCOUNT: &str = "111111111111";
const REGION: &str = "eu-west-1";

/// Makes each call of a list, and prints what came of it. botocore speaks JSON where it can: here it is left with CBOR alone.
const SCRIPT: &str = r#"
import json, sys
import botocore.model
botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = ("smithy-rpc-v2-cbor",)
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, region, key, secret, calls = sys.argv[1:]
config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
client = boto3.client("cloudwatch", endpoint_url=endpoint, region_name=region, config=config,
                      aws_access_key_id=key, aws_secret_access_key=secret)
answers = []
for call in json.loads(calls):
    try:
        if call.pop("pages", False):
            pages = list(client.get_paginator("describe_alarms").paginate(**call))
        else:
            pages = [client.describe_alarms(**call)]
        metric = [alarm for page in pages for alarm in page.get("MetricAlarms", [])]
        composite = [alarm for page in pages for alarm in page.get("CompositeAlarms", [])]
        answers.append({"metric": metric, "composite": composite, "pages": len(pages), "token": pages[-1].get("NextToken")})
    except ClientError as error:
        answers.append({"error": error.response["Error"]["Code"], "status": error.response["ResponseMetadata"]["HTTPStatusCode"]})
print(json.dumps(answers, default=lambda time: time.timestamp()))
"#;

/// What botocore makes of these calls.
fn asked(cloud: &CloudEmulator, secret: &str, calls: &Value) -> Vec<Value> {
    let venv = venv("moto", &[MOTO]);
    let output = Command::new(venv.join("bin/python"))
        .args([
            "-W",
            "ignore",
            "-c",
            SCRIPT,
            &cloud.endpoint(),
            REGION,
            ACCESS_KEY,
            secret,
        ])
        .arg(calls.to_string())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(alarms: &Value) -> Vec<&str> {
    let alarms = alarms.as_array().unwrap().iter();
    alarms.filter_map(|alarm| alarm["AlarmName"].as_str()).collect()
}

fn world() -> Fleet {
    let mut fleet = Fleet::new(ACCOUNT);
    let mut add = |name: &str, alarm| fleet.set_alarm(ACCOUNT, REGION, name, alarm);
    add("calm", Alarm::metric("OK"));
    add("red", Alarm::metric("ALARM"));
    let quiet = Alarm {
        evaluation: Some("PARTIAL_DATA".to_owned()),
        missing: Some("notBreaching".to_owned()),
        actions: false,
        ..Alarm::metric("INSUFFICIENT_DATA")
    };
    add("quiet", quiet);
    add("sum", Alarm::composite("ALARM"));
    fleet.set_alarm(ACCOUNT, "us-east-1", "elsewhere", Alarm::metric("OK"));
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn botocore_understands_our_alarms() {
    let cloud = CloudEmulator::start(world()).await.unwrap();
    let both = json!(["MetricAlarm", "CompositeAlarm"]);
    let many: Vec<String> = (0..101).map(|n| format!("alarm-{n}")).collect();
    let calls = json!([
        { "AlarmTypes": both },
        { "AlarmNames": ["red", "sum", "elsewhere", "unknown"] },
        { "AlarmNames": ["red", "sum"], "AlarmTypes": both },
        { "AlarmTypes": both, "PaginationConfig": { "PageSize": 1 }, "pages": true },
        { "AlarmTypes": both, "MaxRecords": 3 },
        { "AlarmNames": many },
        { "MaxRecords": 101 },
        { "AlarmTypes": ["OddAlarm"] },
        { "NextToken": "invented" },
    ]);
    let answers = asked(&cloud, SECRET_KEY, &calls);
    let all = &answers[0];
    assert_eq!(
        (names(&all["metric"]), names(&all["composite"])),
        (vec!["calm", "quiet", "red"], vec!["sum"])
    );
    let quiet = &all["metric"][1];
    assert_eq!(
        (
            &quiet["StateValue"],
            &quiet["EvaluationState"],
            &quiet["TreatMissingData"],
            &quiet["ActionsEnabled"]
        ),
        (
            &json!("INSUFFICIENT_DATA"),
            &json!("PARTIAL_DATA"),
            &json!("notBreaching"),
            &json!(false)
        )
    );
    assert!(quiet["StateUpdatedTimestamp"].as_f64().unwrap() > 1.7e9, "{quiet}");
    assert_eq!((&quiet["Threshold"], &quiet["Period"]), (&json!(5.0), &json!(60)));
    assert_eq!(all["composite"][0]["AlarmRule"], "ALARM(\"a\")");
    // Without types only alarms of metrics are known.
    assert_eq!(
        (names(&answers[1]["metric"]), names(&answers[1]["composite"])),
        (vec!["red"], vec![])
    );
    assert_eq!(
        (names(&answers[2]["metric"]), names(&answers[2]["composite"])),
        (vec!["red"], vec!["sum"])
    );
    assert_eq!(
        (&answers[3]["pages"], names(&answers[3]["metric"]).len()),
        (&json!(4), 3)
    );
    assert!(
        answers[4]["token"].is_string() && names(&answers[4]["metric"]).len() == 3,
        "{}",
        answers[4]
    );
    for (n, code) in [
        (5, "ValidationError"),
        (6, "ValidationError"),
        (7, "ValidationError"),
        (8, "InvalidNextToken"),
    ] {
        assert_eq!(
            (&answers[n]["error"], &answers[n]["status"]),
            (&json!(code), &json!(400)),
            "{n}"
        );
    }
    // All of it went over the protocol that our own client speaks.
    let calls = cloud.script().calls();
    assert_eq!(
        calls.keys().collect::<Vec<_>>(),
        ["cloudwatch.DescribeAlarms"],
        "{calls:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn botocore_understands_our_refusals() {
    let cloud = CloudEmulator::start(world()).await.unwrap();
    let one = json!([{}]);
    let wrong = asked(&cloud, "another secret", &one);
    assert_eq!(
        (&wrong[0]["error"], &wrong[0]["status"]),
        (&json!("InvalidSignatureException"), &json!(403))
    );
    cloud.edit(|fleet| fleet.deny(ACCOUNT, "cloudwatch:DescribeAlarms"));
    let denied = asked(&cloud, SECRET_KEY, &one);
    assert_eq!(
        (&denied[0]["error"], &denied[0]["status"]),
        (&json!("AccessDenied"), &json!(403))
    );
}
