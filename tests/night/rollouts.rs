//! Rollouts at night: one that a gate took back, one that gets no further, and one that waits for a window.

use fleetsheet_mocks::prometheus::{PrometheusEmulator, Reply};

use super::operator::Operator;
use crate::stage::Stage;

const STRATEGY: &str = r#"[{ name = "careful", channels = ["*-prod"], waves = ["40%", "100%"], bake = "0s", warmup = "0s", gates = ["errors"] }]"#;
const GATE: &str = r#"[{ name = "errors", query = 'errors{version="{{version}}"}', max = 0.01, passes = 1, failures = 1, interval = "0s" }]"#;
const FREEZE: &str =
    r#"[{ channels = ["*"], from = "2000-01-01", to = "2999-12-31", zone = "UTC", reason = "holidays" }]"#;

/// Ten servers, four of which a rollout has brought to 2.4.0.
async fn rolling() -> (Stage, Vec<String>, PrometheusEmulator) {
    let (mut stage, ids) = Stage::known(10).await;
    let prometheus = PrometheusEmulator::start().await.unwrap();
    prometheus.serve(|_| Reply::vector([]));
    stage.setting("FLEETSHEET_PROMETHEUS__URL", &prometheus.endpoint());
    stage.setting("FLEETSHEET_STRATEGY", STRATEGY);
    stage.setting("FLEETSHEET_GATE", GATE);
    // A pass is made when it is asked for.
    stage.setting("FLEETSHEET_SCHEDULE__ROLLOUT_EVERY", "0s");
    stage.turn_keys("web-prod", "2.4.0");
    for _ in 0..2 {
        stage.settle().await;
    }
    assert_eq!(on(&stage, &ids, "2.4.0"), 4);
    (stage, ids, prometheus)
}

fn on(stage: &Stage, ids: &[String], version: &str) -> usize {
    ids.iter().filter(|id| stage.version(id) == version).count()
}

async fn pass(operator: &mut Operator) {
    operator.types("systemctl kill -s USR1 fleetsheet").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_took_a_release_back() {
    let (stage, ids, prometheus) = rolling().await;
    prometheus.serve(|_| Reply::vector([0.031]));
    stage.settle().await;
    prometheus.serve(|_| Reply::vector([0.001]));
    let mut operator = Operator::at(stage, "A gate took a release back").await;
    let said = operator.copies().await;
    assert!(
        said[0].stdout.contains("auto_rollback") && said[0].stdout.contains("0.031 > 0.01"),
        "{said:?}"
    );
    assert!(said[1].stdout.contains("rolled back from 2.4.0"), "{said:?}");
    assert_eq!(on(&operator.stage, &ids, "2.3.9"), 10);
    // The same version once both keys were cleared and a pass has seen it, …
    operator.stage.turn_keys("web-prod", "");
    pass(&mut operator).await;
    operator.stage.turn_keys("web-prod", "2.4.0");
    pass(&mut operator).await;
    assert_eq!(on(&operator.stage, &ids, "2.4.0"), 4);
    // … and another at once.
    prometheus.serve(|_| Reply::vector([0.031]));
    pass(&mut operator).await;
    assert_eq!(on(&operator.stage, &ids, "2.3.9"), 10);
    prometheus.serve(|_| Reply::vector([0.001]));
    operator.stage.turn_keys("web-prod", "2.5.0");
    pass(&mut operator).await;
    assert_eq!(on(&operator.stage, &ids, "2.5.0"), 4);
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_not_done() {
    let (stage, ids, _prometheus) = rolling().await;
    let mut operator = Operator::at(stage, "A rollout is not done").await;
    let said = operator.copies().await;
    assert!(said[0].stdout.contains("waits: gate errors: no data"), "{said:?}");
    assert!(said[1].stdout.contains(r#"errors{version="2.4.0"}"#), "{said:?}");
    operator.stage.set("web-prod", "desiredVersionB", "");
    pass(&mut operator).await;
    let status = operator.stage.release_cell("web-prod", "status");
    assert!(
        status.starts_with("paused at wave 1/2 of 2.4.0: key B is empty"),
        "{status}"
    );
    assert_eq!(on(&operator.stage, &ids, "2.4.0"), 4);
    operator.stage.set("web-prod", "rollback", true);
    pass(&mut operator).await;
    assert_eq!(on(&operator.stage, &ids, "2.3.9"), 10);
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_must_not_be_waited_for() {
    let (mut stage, ids) = Stage::known(10).await;
    stage.setting("FLEETSHEET_FREEZE", FREEZE);
    stage.turn_keys("web-prod", "2.4.0");
    let mut operator = Operator::at(stage, "A window must not be waited for").await;
    let status = operator.stage.release_cell("web-prod", "status");
    assert!(
        status.contains("waits for the freeze until 2999-12-31 (holidays)"),
        "{status}"
    );
    assert_eq!(on(&operator.stage, &ids, "2.3.9"), 10);
    let said = operator.copies().await;
    assert!(said[0].stdout.contains("promotion 2.3.9 → 2.4.0"), "{said:?}");
    assert_eq!(said[1].code, 0, "{said:?}");
    assert!(said[2].stdout.contains("2.4.0"), "{said:?}");
    assert_eq!(on(&operator.stage, &ids, "2.4.0"), 10);
    operator.ends().await;
}
