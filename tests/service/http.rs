//! The port: health, metrics and the status page.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_channels_and_problems_and_nobody_elses_markup() {
    let (stage, ids) = Stage::known(2).await;
    stage.set_server(&ids[0], "channel", "<script>alert(1)</script>");
    let service = stage.start(&[]).await;
    service.answers("/readyz", 200).await;
    let page = service.get("/").await;
    assert_eq!(page.status, 200);
    for words in [
        "last pass done",
        "edit#gid=11&amp;range=2:2\">web-prod</a>",
        "2.3.9",
        "&lt;script&gt;alert(1)",
        "data-of=\"servers\">1</td>",
        "edit#gid=22&amp;range=2:2\">",
        "adoption",
        "waiting mail",
        "Last pass by stage",
        "<dt>observe</dt>",
        "<dt>deliver</dt>",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("<script"), "{}", page.body);
    for header in [
        "content-security-policy: default-src 'none'; style-src 'unsafe-inline'",
        "x-content-type-options: nosniff",
    ] {
        assert!(page.head.contains(header), "{}", page.head);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_what_prometheus_reads() {
    let (stage, _) = Stage::known(2).await;
    let service = stage.start(&[]).await;
    service.answers("/readyz", 200).await;
    let answer = service.get("/metrics").await;
    assert!(
        answer.head.contains("content-type: text/plain; version=0.0.4"),
        "{}",
        answer.head
    );
    let mut families = Vec::new();
    for line in answer.body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            families.push(name);
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            let name = series.split('{').next().unwrap();
            assert!(name.starts_with(families.last().unwrap()), "{line}");
        }
    }
    for name in [
        "api_calls_total",
        "build_info",
        "last_success_timestamp_seconds",
        "outbox_mails",
        "pass_duration_seconds",
        "stage_duration_seconds",
    ] {
        assert!(
            families.contains(&format!("fleetsheet_{name}").as_str()),
            "{name} in {families:?}"
        );
    }
    assert!(
        service
            .metric("fleetsheet_api_calls_total{method=\"ec2.DescribeInstances\"}")
            .await
            >= 1.0
    );
    let age = service.metric("fleetsheet_last_success_timestamp_seconds").await;
    assert!(age > 1.7e9, "{age}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_heads_and_nothing_that_would_change_anything() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&[]).await;
    service.answers("/readyz", 200).await;
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        let head = service.ask(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        let post = service
            .ask(&format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
            .await;
        assert_eq!(post.status, 405, "{path}");
    }
    assert_eq!(service.get("/etc/passwd").await.status, 404);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_ne!(service.ask(&long).await.status, 200, "headers without end");
    assert_eq!(service.get("/healthz").await.status, 200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_dawdle_are_shown_out_and_keep_nobody_waiting_for_long() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&[]).await;
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        slow.push(stream);
    }
    let began = Instant::now();
    assert_eq!(service.get("/healthz").await.status, 200, "once they are shown out");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), slow[0].read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "its connection is closed");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_no_port_is_open() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&[("FLEETSHEET_HTTP__LISTEN", "")]).await;
    service.passes(1).await;
    let sockets = std::fs::read_to_string(format!("/proc/{}/net/tcp", service.pid())).unwrap();
    let own: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", service.pid()))
        .unwrap()
        .filter_map(|entry| {
            std::fs::read_link(entry.unwrap().path())
                .ok()?
                .to_str()
                .map(str::to_owned)
        })
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    // Of a line's fields the fourth is the state, 0A for a listener, and the tenth the inode.
    let listens = sockets.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[3] == "0A" && own.iter().any(|inode| inode == fields[9])
    });
    assert!(!listens, "{sockets}");
    service.stop().await;
}
