//! What is logged, and what never is.

use fleetsheet_mocks::cloud::SECRET_KEY;
use serde_json::Value;

use crate::stage::Stage;

/// Everything that a service printed in two passes at the most talkative level, its log files included.
async fn at_trace(format: &str) -> (String, Vec<String>) {
    let (mut stage, _) = Stage::known(3).await;
    stage.setting("FLEETSHEET_LOG__FORMAT", format);
    stage.serve_accounts(
        "[[aws.account]]\nname = \"main\"\nrole_arn = \"arn:aws:iam::111111111111:role/fleetsheet\"\nregions = [\"eu-west-1\"]\n",
    );
    stage.turn_keys("web-prod", "2.4.0");
    let service = stage
        .start(&[
            ("RUST_LOG", "trace,hyper=trace,yup_oauth2=trace"),
            ("FLEETSHEET_LOG__DIR", "logs"),
        ])
        .await;
    service.passes(2).await;
    service.get("/").await;
    let mut printed = service.stop().await;
    let mut files = 0;
    for entry in std::fs::read_dir(stage.path("logs")).unwrap() {
        printed.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert_eq!(files, 1);
    let key: Value = serde_json::from_str(&std::fs::read_to_string(stage.path("key.json")).unwrap()).unwrap();
    let lines = key["private_key"].as_str().unwrap().lines();
    let mut secrets: Vec<String> = lines
        .filter(|line| !line.contains("-----"))
        .map(str::to_owned)
        .collect();
    secrets.push(SECRET_KEY.to_owned());
    // How access tokens, signed requests for them, and signed requests to AWS begin; and the header that holds them.
    secrets.extend(["ya29.", "eyJ", "AWS4-HMAC", "assertion=", "Signature="].map(str::to_owned));
    secrets.extend(["authorization", "x-amz-security-token", "private_key\""].map(str::to_owned));
    (printed, secrets)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_printed_at_trace() {
    for format in ["text", "json"] {
        let (printed, secrets) = at_trace(format).await;
        assert!(
            printed.contains("TRACE") || printed.contains("DEBUG"),
            "it is talkative: {printed}"
        );
        for secret in secrets {
            let found = printed
                .lines()
                .find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
            assert_eq!(found, None, "{secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_pass_carries_its_run_and_none_is_lost_at_the_end() {
    let (mut stage, _) = Stage::known(1).await;
    stage.setting("FLEETSHEET_LOG__FORMAT", "json");
    let service = stage
        .start(&[("RUST_LOG", "fleetsheet=debug"), ("FLEETSHEET_LOG__DIR", "logs")])
        .await;
    service.passes(2).await;
    let printed = service.stop().await;
    let lines: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // The stages of a pass log from modules of their own.
    let stages = ["fleetsheet::observe", "fleetsheet::pass"];
    let is_stage = |target: &str| {
        stages
            .iter()
            .any(|stage| target == *stage || target.starts_with(&format!("{stage}::")))
    };
    let of_pass = |line: &&Value| line["target"].as_str().is_some_and(is_stage);
    assert!(lines.iter().filter(of_pass).count() >= 4);
    for line in &lines {
        assert!(
            ["severity", "time", "message"]
                .iter()
                .all(|name| line[name].is_string()),
            "{line}"
        );
        let run = line["run"].as_str();
        assert!(run.is_some() || !of_pass(&line), "{line}");
        assert_eq!(line["logging.googleapis.com/labels"]["run"].as_str(), run, "{line}");
    }
    let file = std::fs::read_dir(stage.path("logs")).unwrap().next().unwrap().unwrap();
    // Each of the two takes its own time of a line, and lines of two threads may change places.
    let timeless = |text: &str| {
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).unwrap();
                line["time"] = Value::Null;
                line.to_string()
            })
            .collect();
        lines.sort();
        lines
    };
    let kept = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(timeless(&kept), timeless(&printed), "the file has all lines");
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}
