//! Rollouts over the wire: gates that Prometheus and CloudWatch answer for, and windows.

use std::sync::mpsc;
use std::time::Duration;

use fleetsheet_mocks::cloud::Alarm;
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::prometheus::{PrometheusEmulator, QUERY, Reply};

use crate::stage::{ACCOUNT, REGION, Ran, Stage, fleet};

/// A channel whose name ends a quoted string and a selector, if somebody lets it.
const CHANNEL: &str = "web\"} or up{a=\"";
const NEW: &str = "2.4.0";
const OLD: &str = "2.3.9";

/// Two waves of four servers, of which the first is one, and a gate that takes two passes.
const STRATEGY: &str =
    r#"[{ name = "careful", channels = ["web*"], waves = ["25%"], bake = "0s", warmup = "0s", gates = ["errors"] }]"#;
const GATE: &str = r#"[{ name = "errors", query = 'rate(errors{channel="{{channel}}",version="{{version}}"}[5m])', max = 0.01, passes = 2, failures = 1, interval = "0s" }]"#;

/// Four servers that carry the former version, and a Prometheus.
async fn watched(channel: &str, gate: &str) -> (Stage, PrometheusEmulator, Vec<String>) {
    let (servers, ids) = fleet(4, channel, OLD);
    let rows: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), channel)).collect();
    let mut stage = Stage::new(&[(channel, OLD, OLD, true)], &rows, servers).await;
    let prometheus = PrometheusEmulator::start().await.unwrap();
    stage.setting("FLEETSHEET_PROMETHEUS__URL", &prometheus.endpoint());
    stage.setting("FLEETSHEET_PROMETHEUS__TIMEOUT", "1s");
    stage.setting("FLEETSHEET_STRATEGY", STRATEGY);
    stage.setting("FLEETSHEET_GATE", gate);
    stage.settle().await;
    (stage, prometheus, ids)
}

/// Lets the first wave start, which takes one server; gives the pass.
async fn started(stage: &Stage, channel: &str, ids: &[String]) -> Ran {
    stage.turn_keys(channel, NEW);
    let ran = stage.once().await;
    assert_eq!((ran.code, carrying(stage, ids)), (0, 1), "{ran:?}");
    ran
}

fn carrying(stage: &Stage, ids: &[String]) -> usize {
    ids.iter().filter(|id| stage.version(id) == NEW).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_as_meant_whatever_the_channel_is_called() {
    let (stage, prometheus, ids) = watched(CHANNEL, GATE).await;
    prometheus.serve(|_| Reply::vector([0.001]));
    let first = started(&stage, CHANNEL, &ids).await;
    assert_eq!(first.calls("prometheus.query"), 0, "there was nothing to watch yet");
    let second = stage.once().await;
    assert_eq!((second.code, second.calls("prometheus.query")), (0, 1), "{second:?}");
    let asked = prometheus.queries();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].query,
        r#"rate(errors{channel="web\"} or up{a=\"",version="2.4.0"}[5m])"#
    );
    // It takes two passes after the one that found the wave settled; then everybody follows, and the gate still has its say.
    for all in [1, 4] {
        let ran = stage.once().await;
        assert_eq!((ran.code, carrying(&stage, &ids)), (0, all), "{ran:?}");
    }
    for _ in 0..4 {
        stage.once().await;
    }
    assert_eq!(carrying(&stage, &ids), 4);
    let done = stage.once().await;
    assert_eq!(done.status(CHANNEL), "in sync");
    assert_eq!(done.calls("prometheus.query"), 0, "nothing is left to watch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_under_way_is_asked_about_while_the_sheet_is_read() {
    let (stage, prometheus, ids) = watched("web", GATE).await;
    prometheus.serve(|_| Reply::vector([0.001]));
    started(&stage, "web", &ids).await;
    // The sheet does not answer before the gate was asked: a pass that asks one after the other gets no further.
    let (tell, told) = mpsc::channel();
    prometheus.script().before(QUERY, 1, move || tell.send(()).unwrap());
    let (found, finds) = mpsc::channel();
    stage.sheets.script().before("sheets.get", 1, move || {
        found.send(told.recv_timeout(Duration::from_secs(5))).unwrap();
    });
    let ran = stage.once().await;
    assert_eq!(
        (ran.code, ran.calls("sheets.get"), ran.calls("prometheus.query")),
        (0, 1, 1),
        "{ran:?}"
    );
    assert_eq!(
        finds.recv(),
        Ok(Ok(())),
        "the sheet is read first, the gate is asked after it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_takes_the_release_back() {
    let (stage, prometheus, ids) = watched("web", GATE).await;
    prometheus.serve(|_| Reply::vector([0.031]));
    started(&stage, "web", &ids).await;
    let back = stage.once().await;
    assert_eq!((back.code, carrying(&stage, &ids)), (0, 0), "{back:?}");
    let status = back.status("web");
    assert!(
        status.starts_with("rolled back from 2.4.0: gate errors failed in wave 1/2 (0.031 > 0.01)"),
        "{status}"
    );
    assert_eq!(back.release("web"), OLD);
    assert_eq!(stage.release_cell("web", "releaseVersion"), OLD);
    assert_eq!(back.problems_of("gate").len(), 1, "{back:?}");
    // The keys that still name it are spent.
    for _ in 0..2 {
        let after = stage.once().await;
        assert_eq!((after.code, carrying(&stage, &ids)), (0, 0), "{after:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_data_never_passes_never_rolls_back_and_is_mended_without_a_new_rollout() {
    let gate = r#"[{ name = "errors", query = 'errors{version="{{version}}"}', max = 0.01, ratio = 2, slack = 0.01, samples = 'all{version="{{version}}"}', min_samples = 10, passes = 1, failures = 1, interval = "0s" }]"#;
    let (stage, prometheus, ids) = watched("web", gate).await;
    started(&stage, "web", &ids).await;
    let number = |query: &str| match query.starts_with("all") {
        true => Reply::vector([1000.0]),
        false => Reply::vector([0.001]),
    };
    type Variant = (&'static str, bool, fn() -> Reply);
    let variants: [Variant; 12] = [
        ("no series", false, || Reply::vector([])),
        ("two series", false, || Reply::vector([0.5, 0.5])),
        ("NaN", false, || Reply::vector([f64::NAN])),
        ("Inf", false, || Reply::vector([f64::INFINITY])),
        ("a matrix", false, || Reply::matrix(&[0.5])),
        ("a text", false, || Reply::string("0.5")),
        ("a warning", false, || {
            Reply::vector([0.5]).with("warnings", &["a store is away"])
        }),
        ("422", true, || Reply::error(422, "execution", "duplicate series")),
        ("503", true, || Reply::error(503, "timeout", "query timed out")),
        ("HTML", true, || Reply::html(200)),
        ("a redirect", true, || Reply::redirect("http://127.0.0.1:1/")),
        ("too much", true, || Reply::of_size(2 << 20)),
    ];
    let still = async |what: &str, unanswered: bool| {
        let ran = stage.once().await;
        let code = if unanswered { 4 } else { 0 };
        assert_eq!((ran.code, carrying(&stage, &ids)), (code, 1), "{what}: {ran:?}");
        assert_eq!(ran.release("web"), NEW, "{what}");
        assert!(
            ran.status("web").starts_with("rolling out 2.4.0: wave 1/2 (25%), 1/1"),
            "{what}: {ran:?}"
        );
        let told = ran.problems_of("gate");
        assert_eq!(told.len(), usize::from(unanswered), "{what}: {told:?}");
        assert!(
            told.iter().all(|words| words.contains("no answer for gate errors: ")),
            "{what}: {told:?}"
        );
        ran
    };
    for (what, unanswered, reply) in variants {
        prometheus.serve(move |query| match query.query.starts_with("all") {
            true => Reply::vector([1000.0]),
            false => reply(),
        });
        still(what, unanswered).await;
    }
    prometheus.serve(|query| match query.query.starts_with("all") {
        true => Reply::vector([9.0]),
        false => Reply::vector([0.5]),
    });
    still("few samples", false).await;
    prometheus.serve(|query| match query.query.contains("2.3.9") {
        true => Reply::vector([]),
        false if query.query.starts_with("all") => Reply::vector([1000.0]),
        false => Reply::vector([0.5]),
    });
    still("the former servers are silent", false).await;
    prometheus.script().fail(QUERY, When::Every, Fault::Hang);
    let hangs = still("it hangs", true).await;
    let told = hangs.problems_of("gate");
    assert!(told[0].contains("does not answer within 1s"), "{told:?}");
    // `plan` says so, too.
    let plan = stage.run(&["plan", "--format", "json"]).await;
    assert_eq!((plan.code, plan.problems_of("gate").len()), (4, 1), "{plan:?}");
    prometheus.script().clear();
    prometheus.serve(move |query| number(&query.query));
    let mut passes = 0;
    while carrying(&stage, &ids) < 4 {
        let ran = stage.once().await;
        passes += 1;
        assert!(ran.code == 0 && passes < 4, "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_asked_for_with_the_keys_of_their_account() {
    let gate = format!(
        "[{{ name = 'errors', alarms = ['{{{{channel}}}}-5xx'], account = 'main', region = '{REGION}', passes = 1, failures = 1, \
         interval = '0s' }}]"
    );
    let (stage, _prometheus, ids) = watched("web", &gate).await;
    started(&stage, "web", &ids).await;
    // CloudWatch does not know the alarm.
    let unknown = stage.once().await;
    assert_eq!((unknown.code, carrying(&stage, &ids)), (0, 1), "{unknown:?}");
    assert_eq!(
        unknown.calls("cloudwatch.DescribeAlarms"),
        1,
        "{:?}",
        unknown.json["calls"]
    );
    stage
        .cloud
        .script()
        .fail("cloudwatch.DescribeAlarms", When::Every, Fault::Throttle);
    let throttled = stage.once().await;
    assert_eq!((throttled.code, carrying(&stage, &ids)), (4, 1), "{throttled:?}");
    assert_eq!(throttled.problems_of("gate").len(), 1);
    stage.cloud.script().clear();
    stage
        .cloud
        .edit(|world| world.set_alarm(ACCOUNT, REGION, "web-5xx", Alarm::metric("ALARM")));
    let back = stage.once().await;
    assert_eq!((back.code, carrying(&stage, &ids)), (0, 0), "{back:?}");
    assert!(
        back.status("web")
            .starts_with("rolled back from 2.4.0: gate errors failed"),
        "{back:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pass_may_be_let_through_a_window_and_says_so() {
    let (mut stage, _prometheus, ids) = watched("web", GATE).await;
    stage.setting(
        "FLEETSHEET_FREEZE",
        "[{ channels = ['*'], from = '2020-01-01', to = '2099-12-31', zone = 'UTC', reason = 'feast' }]",
    );
    stage.with_audit_tab();
    stage.turn_keys("web", NEW);
    let waits = stage.once().await;
    assert_eq!((waits.code, carrying(&stage, &ids)), (0, 0), "{waits:?}");
    assert!(
        waits.status("web").contains("the freeze until 2099-12-31 (feast)"),
        "{waits:?}"
    );
    assert!(waits.events_of("override").is_empty());
    let would = stage
        .run(&["plan", "--allow", "window", "--exit-code", "--format", "json"])
        .await;
    assert_eq!((would.code, carrying(&stage, &ids)), (3, 0), "{would:?}");
    let through = stage.run(&["--once", "--allow", "window", "--format", "json"]).await;
    assert_eq!((through.code, carrying(&stage, &ids)), (0, 1), "{through:?}");
    let events = through.json["events"].as_array().unwrap();
    let told: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "override" && event["channel"] == "web")
        .filter_map(|event| event["detail"].as_str())
        .collect();
    assert_eq!(told.len(), 1, "{through:?}");
    assert!(
        told[0].ends_with(": servers did not wait for the freeze until 2099-12-31 (feast)"),
        "{told:?}"
    );
    // It lets nothing through where nothing waits.
    let quiet = stage.run(&["--once", "--allow", "window", "--format", "json"]).await;
    assert!(quiet.events_of("override").is_empty(), "{quiet:?}");
}
