//! The script that keeps a target group to the active servers, against moto's load balancer.

use std::process::Command;

use serde_json::Value;

use crate::moto::server::{MOTO, Moto};
use crate::venv::venv;

#[test]
fn the_script_for_target_groups_keeps_one_to_the_active_servers() {
    let moto = Moto::start();
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(venv("moto", &[MOTO]).join("bin/python"))
        .arg(format!("{root}/tests/haproxy/target_group.py"))
        .arg(format!("{root}/config/deploy/blue-green/target-group.py"))
        .env("AWS_ENDPOINT_URL", moto.endpoint())
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let steps: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let shown = |step: &str| {
        let targets = steps[step]["targets"].as_array().expect("targets");
        let mut names: Vec<&str> = targets.iter().filter_map(Value::as_str).collect();
        names.sort_unstable();
        (steps[step]["code"].as_i64().expect("a code"), names.join(" "))
    };
    let is = |step: &str, code: i64, names: &str| assert_eq!(shown(step), (code, names.to_owned()), "{step}: {steps}");
    is("first", 0, "blue blue");
    is("both", 0, "blue blue green green");
    is("switched", 0, "green green");
    is("nobody", 1, "green green");
    is("one stopped", 0, "blue");
    assert!(
        steps["nobody"]["said"]
            .as_str()
            .is_some_and(|said| said.contains("stays as it is")),
        "{steps}"
    );
}
