//! The IAM policies of `config/deploy/` allow what fleetsheet does with the configuration beside them, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fleetsheet::config::Config;
use serde_json::Value;

/// The account of the role in the example of `config/fleetsheet.toml`.
const SERVERS: &str = "123456789012";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// The statements of a policy, by their ids.
fn statements(name: &str) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(path("deploy").join(name)).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(policy["Version"], "2012-10-17", "{name}");
    let list = policy["Statement"].as_array().unwrap();
    let named: BTreeMap<String, Value> = list
        .iter()
        .map(|statement| (statement["Sid"].as_str().unwrap().to_owned(), statement.clone()))
        .collect();
    assert_eq!(named.len(), list.len(), "{name}: ids are unique");
    assert!(named.values().all(|statement| statement["Effect"] == "Allow"), "{name}");
    named
}

#[test]
fn the_role_may_list_servers_read_alarms_and_write_the_tags_of_the_configuration() {
    let statements = statements("iam-policy.json");
    assert_eq!(statements.len(), 3);
    let list = &statements["ListServers"];
    // EC2 has no resource-level permission for it.
    assert_eq!(
        (&list["Action"], &list["Resource"]),
        (&"ec2:DescribeInstances".into(), &"*".into())
    );
    // Nor has CloudWatch for alarms of alarms.
    let alarms = &statements["ReadAlarmsOfGates"];
    assert_eq!(
        (&alarms["Action"], &alarms["Resource"]),
        (&"cloudwatch:DescribeAlarms".into(), &"*".into())
    );
    let tag = &statements["WriteOurTagsOnServers"];
    assert_eq!(tag["Action"], "ec2:CreateTags");
    assert_eq!(tag["Resource"], format!("arn:aws:ec2:*:{SERVERS}:instance/*"));
    let condition = tag["Condition"].as_object().unwrap();
    assert_eq!(condition.len(), 2);
    // `ForAllValues` holds for a request without any key, so a second condition asks for one.
    assert_eq!(condition["Null"], serde_json::json!({ "aws:TagKeys": "false" }));
    let keys = condition["ForAllValues:StringEquals"]["aws:TagKeys"]
        .as_array()
        .unwrap();
    let allowed: BTreeSet<&str> = keys.iter().map(|key| key.as_str().unwrap()).collect();
    let config = Config::load(&path("fleetsheet.toml"), &BTreeMap::new()).unwrap();
    let tags = &config.tags;
    // The role tag is that of a blue-green strategy which names no other.
    let written: BTreeSet<&str> = [&tags.channel, &tags.version]
        .into_iter()
        .chain(&tags.managed)
        .map(String::as_str)
        .chain(["ReleaseRole"])
        .collect();
    assert_eq!(allowed, written);
    assert_eq!(keys.len(), written.len());
}

#[test]
fn the_caller_may_assume_the_role_that_trusts_it() {
    let caller = statements("iam-caller-policy.json");
    let assume = &caller["AssumeTheRoleOfEachAccount"];
    assert_eq!((caller.len(), &assume["Action"]), (1, &"sts:AssumeRole".into()));
    let role = assume["Resource"][0].as_str().unwrap();
    assert_eq!(role, format!("arn:aws:iam::{SERVERS}:role/fleetsheet"));
    let example = std::fs::read_to_string(path("fleetsheet.toml")).unwrap();
    assert!(
        example.contains(&format!("role_arn = {role:?}")),
        "the example names the role"
    );

    let trust = statements("iam-trust-policy.json");
    let trusts = &trust["FleetsheetMayAssumeThisRole"];
    assert_eq!((trust.len(), &trusts["Action"]), (1, &"sts:AssumeRole".into()));
    let who = trusts["Principal"]["AWS"].as_str().unwrap();
    assert!(who.starts_with("arn:aws:iam::") && !who.contains('*'), "{who}");
    assert!(trusts.get("Resource").is_none(), "a trust policy names no resource");
}
