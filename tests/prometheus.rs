//! The client of Prometheus against the emulator, over the wire: how it asks, and what it makes of each answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use fleetsheet::adapters::prometheus::{LARGEST, Login, Prometheus, PrometheusSettings};
use fleetsheet::calls::Calls;
use fleetsheet::gate::{Answer, QuerySource as _, Unanswered};
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::prometheus::{PrometheusEmulator, QUERY, Reply};

const ODD: &str = "sum(errors{channel=\"a b&c=d;+%\\\"}é\"}[5m])";

fn noon() -> DateTime<Utc> {
    "2025-12-01T12:00:00.250Z".parse().unwrap()
}

fn client(url: &str, login: Login) -> (Prometheus, Calls) {
    let calls = Calls::default();
    let settings = PrometheusSettings {
        url: url.parse().unwrap(),
        login,
        ca_file: None,
        timeout: Duration::from_secs(1),
    };
    (Prometheus::new(settings, calls.clone()), calls)
}

async fn bench() -> (PrometheusEmulator, Prometheus, Calls) {
    let emulator = PrometheusEmulator::start().await.unwrap();
    let (client, calls) = client(&emulator.endpoint(), Login::None);
    (emulator, client, calls)
}

fn why(answer: &Answer) -> &str {
    match answer {
        Answer::Failed(Unanswered(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_query_arrives_as_it_was_written_with_its_time() {
    let (emulator, client, calls) = bench().await;
    emulator.serve(|_| Reply::scalar(0.031));
    assert_eq!(client.query(ODD, noon()).await, Answer::Number(0.031));
    let queries = emulator.queries();
    assert_eq!((&*queries[0].query, queries[0].time), (ODD, 1_764_590_400.25));
    assert_eq!(queries[0].authorization, None);
    assert_eq!(calls.snapshot()[QUERY], 1);
}

#[tokio::test]
async fn every_answer_is_what_it_is() {
    let (emulator, client, _) = bench().await;
    for (reply, answer) in [
        (Reply::scalar(2.0), Answer::Number(2.0)),
        (Reply::vector([1e-9]), Answer::Number(1e-9)),
        (Reply::vector([f64::INFINITY]), Answer::Number(f64::INFINITY)),
        (Reply::scalar(f64::NEG_INFINITY), Answer::Number(f64::NEG_INFINITY)),
        (Reply::vector([]), Answer::Nothing),
        (Reply::vector([1.0, 2.0]), Answer::Several(2)),
        (Reply::matrix(&[1.0]), Answer::Other("a matrix")),
        (Reply::string("up"), Answer::Other("a text")),
        (Reply::histogram(), Answer::Other("a histogram")),
        (Reply::scalar(1.0).with("infos", &["a hint"]), Answer::Number(1.0)),
        (
            Reply::scalar(1.0).with("warnings", &["store b is away"]),
            Answer::Partial("store b is away".to_owned()),
        ),
        (Reply::scalar(1.0).with("warnings", &[]), Answer::Number(1.0)),
        (Reply::of_size(LARGEST), Answer::Number(0.0)),
    ] {
        emulator.serve(move |_| reply.clone());
        assert_eq!(client.query("up", noon()).await, answer);
    }
    emulator.serve(|_| Reply::vector([f64::NAN]));
    assert!(matches!(client.query("up", noon()).await, Answer::Number(number) if number.is_nan()));
}

#[tokio::test]
async fn every_failure_is_an_answer_that_says_what_it_was() {
    let (emulator, client, calls) = bench().await;
    let elsewhere = PrometheusEmulator::start().await.unwrap();
    elsewhere.serve(|_| Reply::scalar(0.0));
    for (reply, said) in [
        (
            Reply::error(400, "bad_data", "1:5: parse error"),
            "does not understand the query (400 bad_data): 1:5: parse error; correct",
        ),
        (
            Reply::error(422, "execution", "many"),
            "cannot answer the query (422 execution): many",
        ),
        (
            Reply::error(503, "timeout", "timed out"),
            "cannot answer the query (503 timeout): timed out",
        ),
        (
            Reply::error(500, "internal", "\u{1b}[1m\nstorage; run"),
            "(500 internal): \\u{1b}[1m storage, run",
        ),
        (
            Reply::plain(403, "Forbidden"),
            "refuses the query (403); check prometheus.token_file",
        ),
        (
            Reply::html(200),
            "did not come from Prometheus (200): it is a page of HTML",
        ),
        (
            Reply::html(502),
            "Prometheus, or what stands before it, answers 502: it is a page of HTML",
        ),
        (
            Reply::redirect(&elsewhere.endpoint()),
            "redirects the query (302); write the address",
        ),
        (Reply::of_size(LARGEST + 1), "has more than 1 MiB"),
        (
            Reply::raw(200, "application/json", "{\"status\":\"success\"}"),
            "answers without data",
        ),
    ] {
        emulator.serve(move |_| reply.clone());
        let answer = client.query("up", noon()).await;
        assert!(why(&answer).contains(said), "{said}: {answer:?}");
    }
    assert_eq!(elsewhere.queries(), [], "the redirect was followed");
    assert_eq!(calls.snapshot()[QUERY], emulator.script().count(QUERY));
}

#[tokio::test]
async fn a_fault_of_the_line_is_no_number() {
    let (emulator, client, _) = bench().await;
    for (fault, said) in [
        (Fault::ResetBefore, "is not reachable"),
        (Fault::ResetAfter, "is not reachable"),
        (Fault::Truncate, "broke off"),
        (Fault::Empty200, "it is empty"),
        (Fault::Nonsense, "did not come from Prometheus"),
        (Fault::Html503, "a page of HTML"),
        (Fault::Throttle, "answers 429: it says too many requests"),
        (Fault::Status(400), "correct the query"),
        (Fault::Status(422), "(422 execution)"),
        (Fault::Status(503), "(503 timeout)"),
        (Fault::Unauthorized, "check prometheus.token_file"),
        (Fault::Forbidden, "check prometheus.token_file"),
        (Fault::Hang, "does not answer within 1s (prometheus.timeout)"),
    ] {
        emulator.serve(|_| Reply::scalar(0.0));
        emulator.script().clear();
        emulator.script().fail(QUERY, When::Every, fault);
        let begun = Instant::now();
        let answer = client.query("up", noon()).await;
        assert!(why(&answer).contains(said), "{fault:?}: {answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{fault:?}");
    }
    // Each was asked once: nothing is repeated.
    assert_eq!(emulator.script().count(QUERY), 13);
    emulator.script().clear();
    assert_eq!(
        client.query("up", noon()).await,
        Answer::Number(0.0),
        "and the next query is well"
    );
}

#[tokio::test]
async fn the_login_is_sent_and_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    for (login, sent) in [
        (Login::Token(file.clone()), "Bearer hunter2"),
        (
            Login::Password {
                user: "fleet".to_owned(),
                file: file.clone(),
            },
            "Basic ZmxlZXQ6aHVudGVyMg==",
        ),
    ] {
        std::fs::write(&file, "hunter2\n").unwrap();
        let emulator = PrometheusEmulator::start().await.unwrap();
        emulator.ask_for(sent);
        emulator.serve(|_| Reply::scalar(1.0));
        let (client, _) = client(&emulator.endpoint(), login);
        assert_eq!(client.query("up", noon()).await, Answer::Number(1.0));
        // Whoever repeats it in an error does not make us show it.
        let repeated = sent.to_owned();
        emulator.serve(move |_| Reply::error(422, "execution", &format!("hunter2 sent {repeated}")));
        let answer = client.query("up", noon()).await;
        assert!(why(&answer).contains("[secret] sent"), "{answer:?}");
        assert!(
            !why(&answer).contains("hunter2") && !why(&answer).contains("aHVudGVyMg"),
            "{answer:?}"
        );
        assert!(!format!("{client:?}").contains("hunter2"));
        // A new secret counts at once.
        std::fs::write(&file, "changed").unwrap();
        assert!(why(&client.query("up", noon()).await).contains("refuses the query (401)"));
        std::fs::remove_file(&file).unwrap();
        let answer = client.query("up", noon()).await;
        assert!(why(&answer).contains("_file cannot be read"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_keeps_a_client_from_asking_is_said() {
    let (gone, _) = client("http://127.0.0.1:1", Login::None);
    let answer = gone.query("up", noon()).await;
    assert!(
        why(&answer).contains("is not reachable") && why(&answer).contains("refused"),
        "{answer:?}"
    );
    let calls = Calls::default();
    let settings = PrometheusSettings {
        url: "https://127.0.0.1:1".parse().unwrap(),
        login: Login::None,
        ca_file: Some("/nowhere/ca.pem".into()),
        timeout: Duration::from_secs(1),
    };
    let client = Prometheus::new(settings, calls.clone());
    let answer = client.query("up", noon()).await;
    assert!(
        why(&answer).contains("prometheus.ca_file names /nowhere/ca.pem, which cannot be read"),
        "{answer:?}"
    );
    assert!(calls.snapshot().is_empty(), "nothing was sent");
}
