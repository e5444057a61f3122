//! The client and our queries against a real Prometheus: our reading of its API, and of how PromQL quotes, against its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::adapters::prometheus::{Login, Prometheus, PrometheusSettings};
use fleetsheet::calls::Calls;
use fleetsheet::gate::{Answer, QuerySource as _, Template, Unanswered, Values};

use server::{RealPrometheus, USER, program};

/// Names of channels that would be something else in a query.
const ODD: [&str; 7] = [
    "web-prod",
    "web\"} or vector(0) or up{a=\"",
    "it's \\ {{`}} #",
    "a\\",
    "Straße 東京 \u{1f680}",
    "tab\tand\u{7f}bell",
    "hidden\u{202e}\u{200b}\u{e0041}",
];

/// The labels of the text format know three escapes.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn metrics() -> String {
    let mut text =
        String::from("# TYPE errors gauge\nerrors{version=\"2.4.0\"} 0.031\nerrors{version=\"2.3.9\"} 0.01\n");
    text.push_str("# TYPE requests gauge\nrequests{version=\"2.4.0\",server=\"a\"} 10\nrequests{version=\"2.4.0\",server=\"b\"} 20\n");
    for (n, channel) in ODD.iter().enumerate() {
        writeln!(text, "channel_number{{channel=\"{}\"}} {}", label(channel), n + 1).unwrap();
    }
    for n in 0..8000 {
        writeln!(text, "many{{number=\"{n}\",padding=\"{}\"}} 1", "x".repeat(100)).unwrap();
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "a real Prometheus scrapes by the real clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn client(real: &RealPrometheus, login: Login, ca_file: Option<PathBuf>) -> Prometheus {
    let settings = PrometheusSettings {
        url: real.url().parse().unwrap(),
        login,
        ca_file,
        timeout: Duration::from_secs(20),
    };
    Prometheus::new(settings, Calls::default())
}

fn why(answer: &Answer) -> &str {
    match answer {
        Answer::Failed(Unanswered(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_answers_as_we_read_it() {
    let Some(program) = program() else { return };
    let real = RealPrometheus::start(&program, metrics(), false).await;
    let client = client(&real, Login::None, None);
    let ask = async |query: &str| client.query(query, now()).await;
    for (query, answer) in [
        ("errors{version=\"2.4.0\"}", Answer::Number(0.031)),
        ("sum(requests{version=\"2.4.0\"})", Answer::Number(30.0)),
        ("scalar(errors{version=\"2.3.9\"})", Answer::Number(0.01)),
        ("requests", Answer::Several(2)),
        ("errors{version=\"9\"}", Answer::Nothing),
        ("vector(1) / 0", Answer::Number(f64::INFINITY)),
        ("-1 / 0", Answer::Number(f64::NEG_INFINITY)),
        ("errors[1m]", Answer::Other("a matrix")),
        ("\"a text\"", Answer::Other("a text")),
        ("count(many)", Answer::Number(8000.0)),
    ] {
        assert_eq!(ask(query).await, answer, "{query}");
    }
    assert!(matches!(ask("vector(0) / 0").await, Answer::Number(number) if number.is_nan()));
    for (query, said) in [
        ("sum(", "does not understand the query (400 bad_data)"),
        ("errors{version=\"a}", "correct the query"),
        (
            "requests / on(version) requests",
            "cannot answer the query (422 execution): found duplicate series",
        ),
        ("many", "has more than 1 MiB"),
    ] {
        let answer = ask(query).await;
        assert!(why(&answer).contains(said), "{query}: {answer:?}");
    }
    // It answers for the time that is asked for.
    let then = now() - TimeDelta::milliseconds(86_400_250);
    let Answer::Number(time) = client.query("time()", then).await else {
        panic!("time() has no value");
    };
    assert!((time - then.timestamp_millis() as f64 / 1000.0).abs() < 0.002, "{time}");
    assert_eq!(client.query("up", then).await, Answer::Nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_means_itself_in_every_kind_of_quotes() {
    let Some(program) = program() else { return };
    let real = RealPrometheus::start(&program, metrics(), false).await;
    let client = client(&real, Login::None, None);
    for (n, channel) in ODD.iter().enumerate() {
        for (query, quoted) in [
            ("channel_number{channel=\"{{channel}}\"}", true),
            ("channel_number{channel='{{channel}}'}", true),
            (
                "sum(channel_number{channel=\"{{channel}}\",version!='it\\'s \"'}) # it's {{channel}}",
                true,
            ),
            (
                "sum_over_time(channel_number{channel=\"{{channel}}\"}[{{window}}]) / count_over_time(channel_number[{{window}}])",
                true,
            ),
            ("channel_number{channel=`{{channel}}`}", false),
        ] {
            let values = Values {
                channel,
                version: "2.4.0",
                previous: None,
                window: Some(Duration::from_secs(3_661)),
            };
            let sent = Template::query(query).unwrap().fill(&values).unwrap();
            let answer = client.query(&sent, now()).await;
            // Backticks know no escapes, so an odd name finds nothing there; it never becomes something else.
            let plain = !channel.contains(['\\', '"', '\'', '`', '\t', '\u{202e}']);
            let wanted = if quoted || plain {
                Answer::Number((n + 1) as f64)
            } else {
                Answer::Nothing
            };
            assert_eq!(answer, wanted, "{sent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_login() {
    let Some(program) = program() else { return };
    let real = RealPrometheus::start(&program, metrics(), true).await;
    let login = |user: &str| Login::Password {
        user: user.to_owned(),
        file: real.password(),
    };
    let query = async |login, ca_file| {
        client(&real, login, ca_file)
            .query("errors{version=\"2.4.0\"}", now())
            .await
    };
    assert_eq!(query(login(USER), Some(real.authority())).await, Answer::Number(0.031));
    for (login, ca_file, said) in [
        (
            login("other"),
            Some(real.authority()),
            "refuses the query (401); check prometheus.token_file",
        ),
        (Login::None, Some(real.authority()), "refuses the query (401)"),
        (login(USER), None, "name a file that holds it in prometheus.ca_file"),
    ] {
        let answer = query(login, ca_file).await;
        assert!(why(&answer).contains(said), "{answer:?}");
    }
}
