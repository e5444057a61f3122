//! Gates and windows, as `check` finds them.

use fleetsheet_mocks::cloud::Alarm;
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::prometheus::{PrometheusEmulator, QUERY, Reply};

use super::Bench;
use crate::stage::{ACCOUNT, REGION};

/// Two gates, a window and a freeze, with what answers for them.
async fn bench() -> (Bench, PrometheusEmulator) {
    let mut bench = Bench::new().await;
    bench.stage.settle().await;
    let prometheus = PrometheusEmulator::start().await.unwrap();
    let gates = format!(
        r#"[{{ name = "errors", query = 'errors{{version="{{{{version}}}}"}}', max = 0.01 }},
            {{ name = "alarms", alarms = ["{{{{channel}}}}-5xx"], account = "main", region = "{REGION}" }}]"#
    );
    let strategy = r#"[{ name = "careful", channels = ["web-*"], gates = ["errors", "alarms"], after = ["db-prd"] }]"#;
    let window = r#"[{ channels = ["*"], days = ["mon"], start = "22:00", end = "04:00", zone = "Europe/Berlin" }]"#;
    bench
        .stage
        .setting("FLEETSHEET_PROMETHEUS__URL", &prometheus.endpoint());
    bench.stage.setting("FLEETSHEET_PROMETHEUS__TIMEOUT", "1s");
    bench.stage.setting("FLEETSHEET_STRATEGY", strategy);
    bench.stage.setting("FLEETSHEET_GATE", &gates);
    bench.stage.setting("FLEETSHEET_WINDOW", window);
    let (account, region) = (ACCOUNT, REGION);
    bench
        .stage
        .cloud
        .edit(|world| world.set_alarm(account, region, "web-prod-5xx", Alarm::metric("OK")));
    (bench, prometheus)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_gate_is_asked_once_about_a_channel_that_it_watches() {
    let (bench, prometheus) = bench().await;
    prometheus.serve(|_| Reply::vector([0.002]));
    let checked = bench.check().await;
    checked.assert_wrong("gates", &[], &[]);
    let asked = prometheus.queries();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].query, r#"errors{version="2.3.9"}"#);
    let says = checked.says("ok", "gate");
    assert!(
        says.contains("gate errors | passes now for web-prod 2.3.9: 0.002 (limit 0.01)"),
        "{says}"
    );
    assert!(says.contains(r#"asked: errors{version="2.3.9"}"#), "{says}");
    assert!(says.contains("gate alarms | passes now for web-prod 2.3.9"), "{says}");
    assert!(says.contains("asked: web-prod-5xx"), "{says}");
    let calls = ["prometheus.query", "cloudwatch.DescribeAlarms"].map(|method| checked.0.calls(method));
    assert_eq!(calls, [1, 1]);
    let order = checked.says("note", "order");
    assert!(
        order.contains("strategy careful | waits for db-prd (after), which has no row in ReleaseSheet"),
        "{order}"
    );
    let opens = checked.says("ok", "window");
    assert_eq!(opens.matches("Mon 2").count(), 3, "{opens}");
    assert!(
        opens.contains("22:00 to Tue 04:00 Europe/Berlin") && opens.contains("(zone data 20"),
        "{opens}"
    );
}

/// A mistake in its query would show in a rollout otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_only_compares_is_asked_before_there_is_a_former_version() {
    let (mut bench, prometheus) = bench().await;
    let gate = r#"[{ name = "errors", query = 'errors{version="{{version}}"}', ratio = 1.2 }]"#;
    bench.stage.setting("FLEETSHEET_GATE", gate);
    let strategy = r#"[{ name = "careful", channels = ["web-*"], gates = ["errors"] }]"#;
    bench.stage.setting("FLEETSHEET_STRATEGY", strategy);
    prometheus.serve(|query| match query.query.contains("2.3.9") {
        true => Reply::vector([0.5]),
        false => Reply::vector([]),
    });
    let says = bench.check().await.says("note", "gate");
    assert!(
        says.contains("gives no data now for web-prod 2.3.9 (before: a made-up version): of the former servers the answer is empty"),
        "{says}"
    );
    let asked: Vec<String> = prometheus.queries().into_iter().map(|query| query.query).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    prometheus.serve(|_| Reply::error(400, "bad_data", "parse error"));
    let says = bench.check().await.says("wrong", "gate");
    assert!(says.contains("correct the query"), "{says}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_gate_from_passing_is_said_with_what_to_do() {
    let (bench, prometheus) = bench().await;
    prometheus.serve(|_| Reply::vector([0.5]));
    let fails = bench.check().await;
    fails.assert_wrong("a failing gate holds starts, not passes", &[], &[]);
    assert!(
        fails
            .says("note", "gate")
            .contains("fails now for web-prod 2.3.9: 0.5 > 0.01")
    );
    prometheus.serve(|_| Reply::error(400, "bad_data", "parse error"));
    let wrong = bench.check().await;
    wrong.assert_wrong("query", &["gate"], &[]);
    let says = wrong.says("wrong", "gate");
    assert!(
        says.contains("does not understand the query") && says.contains("correct the query"),
        "{says}"
    );
    prometheus.script().fail(QUERY, When::Every, Fault::Hang);
    let hangs = bench.check().await;
    assert!(hangs.says("wrong", "gate").contains("does not answer within 1s"));
    prometheus.script().clear();
    prometheus.serve(|_| Reply::vector([0.002]));
    bench
        .stage
        .cloud
        .script()
        .fail("cloudwatch.DescribeAlarms", When::Every, Fault::Forbidden);
    let denied = bench.check().await;
    denied.assert_wrong("permission", &["gate"], &[]);
    let says = denied.says("wrong", "gate");
    assert!(says.contains("cloudwatch:DescribeAlarms"), "{says}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_others_may_read_is_found() {
    let (mut bench, prometheus) = bench().await;
    prometheus.serve(|_| Reply::vector([0.002]));
    std::fs::write(bench.stage.path("token"), "t0ken-of-prometheus\n").unwrap();
    let path = bench.stage.path("token").display().to_string();
    bench.stage.setting("FLEETSHEET_PROMETHEUS__TOKEN_FILE", &path);
    bench.set_mode("token", 0o644);
    let open = bench.check().await;
    open.assert_wrong("token", &["credentials"], &[]);
    assert!(open.says("wrong", "credentials").contains("prometheus.token_file"));
    bench.set_mode("token", 0o600);
    bench.check().await.assert_wrong("token", &[], &[]);
    assert_eq!(
        prometheus.queries()[0].authorization.as_deref(),
        Some("Bearer t0ken-of-prometheus")
    );
}
