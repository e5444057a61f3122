//! A pass now: by a signal or over the port, one more however often it is asked for, and never by a page of a stranger.

use std::time::Duration;

use crate::daemon::{Answer, Daemon};
use crate::stage::Stage;

/// No tick comes, and no pass is made at the start.
const QUIET: [(&str, &str); 2] = [
    ("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *"),
    ("FLEETSHEET_SCHEDULE__RUN_AT_START", "false"),
];

impl Daemon {
    /// Waits until a pass runs, or none does: it says that it ended before the service knows.
    async fn running(&self, passes: f64) {
        while self.metric("fleetsheet_pass_running").await.total_cmp(&passes).is_ne() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn post(&self, host: &str, more: &str) -> Answer {
        self.ask(&format!(
            "POST /pass HTTP/1.1\r\nHost: {host}\r\n{more}Content-Length: 0\r\n\r\n"
        ))
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_or_a_post_is_a_pass_at_once() {
    let (stage, ids) = Stage::known(2).await;
    let service = stage.start(&QUIET).await;
    stage.turn_keys("web-prod", "2.4.0");
    service.signal("USR1");
    service.says("pass ended").await;
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    stage.set("web-prod", "rollback", true);
    service.running(0.0).await;
    let answer = service.post(&format!("127.0.0.1:{}", service.port()), "").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body, serde_json::json!({"outcome": "accepted", "running": false}));
    service.says_again("pass ended", 1).await;
    assert_eq!(stage.version(&ids[0]), "2.3.9", "rolled back");
    let log = service.stop().await;
    for by in ["SIGUSR1", "POST /pass"] {
        assert!(
            log.lines()
                .any(|line| line.contains("a pass was asked for") && line.contains(by)),
            "{by}: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_for_while_one_runs_it_is_one_more_however_often() {
    let (stage, _) = Stage::known(2).await;
    let service = stage.start(&QUIET).await;
    stage.sheets.script().set_latency(Duration::from_millis(1500));
    service.signal("USR1");
    service.running(1.0).await;
    for _ in 0..3 {
        service.signal("USR1");
        let answer = service.post("localhost", "").await;
        assert_eq!(
            (answer.status, answer.body.contains("\"running\":true")),
            (202, true),
            "{answer:?}"
        );
    }
    assert_eq!(service.lines("pass ended"), 0, "the first one still runs");
    service.says_again("pass ended", 1).await;
    stage.sheets.script().set_latency(Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(service.lines("pass ended"), 2, "{}", service.log());
    assert_eq!(service.metric("fleetsheet_ticks_skipped_total").await, 0.0);
    let log = service.stop().await;
    assert!(!log.contains("holds the state store"), "never two at once: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_a_stranger_gets_a_pass_and_no_other_method() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&QUIET).await;
    for (host, more) in [
        ("evil.example", ""),
        ("localhost", "Origin: https://evil.example\r\n"),
        ("localhost", "Origin: null\r\n"),
        ("localhost", "Sec-Fetch-Site: cross-site\r\n"),
    ] {
        let answer = service.post(host, more).await;
        assert_eq!(answer.status, 403, "{host} {more}: {answer:?}");
        assert!(!answer.body.is_empty(), "with a reason");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answer = service
            .ask(&format!("{method} /pass HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        assert_eq!(answer.status, 405, "{method}");
    }
    service.stop().await;
    let (stage, _) = Stage::known(1).await;
    let open = [QUIET[0], QUIET[1], ("FLEETSHEET_HTTP__LISTEN", "0.0.0.0:0")];
    let service = stage.start(&open).await;
    let answer = service.post("127.0.0.1", "").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(
        answer.body.contains("http.listen") && answer.body.contains("SIGUSR1"),
        "{answer:?}"
    );
    let log = service.stop().await;
    assert!(!log.contains("a pass was asked for"), "{log}");
}
