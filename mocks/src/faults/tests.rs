//! Faults, hooks and the log, on a server that does nothing else.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn ask(server: &Server) -> Result<String> {
    let mut stream = tokio::net::TcpStream::connect(server.addr()).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await?;
    let mut reply = Vec::new();
    // A reset after half an answer is an error of the read, and what came before it counts.
    let _ = stream.read_to_end(&mut reply).await;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

async fn start(script: &Script, handled: &Arc<AtomicU64>) -> Result<Server> {
    let (script, handled) = (script.clone(), Arc::clone(handled));
    let handler = move || {
        let (script, handled) = (script.clone(), Arc::clone(&handled));
        async move {
            let refuse = |refusal: Refusal| (StatusCode::BAD_REQUEST, format!("{refusal:?}")).into_response();
            let handle = async {
                handled.fetch_add(1, Ordering::Relaxed);
                "0123456789".into_response()
            };
            script.run("test.get", refuse, handle).await
        }
    };
    Ok(serve(Router::new().route("/", get(handler))).await?)
}

#[tokio::test]
async fn each_fault_reaches_the_wire() -> Result<()> {
    let (script, handled) = (Script::new(), Arc::new(AtomicU64::new(0)));
    let server = start(&script, &handled).await?;
    let cases = [
        (Fault::Throttle, "HTTP/1.1 400", "Throttle", 0),
        (Fault::Status(500), "HTTP/1.1 400", "Status(500)", 0),
        (Fault::Html503, "HTTP/1.1 503", "</html>", 0),
        (Fault::ResetBefore, "", "", 0),
        (Fault::ResetAfter, "", "", 1),
        (Fault::Truncate, "HTTP/1.1 200", "01234", 1),
        (Fault::Empty200, "HTTP/1.1 200", "\r\n\r\n", 1),
        (Fault::Nonsense, "HTTP/1.1 200", "nonsense{{{", 0),
    ];
    for (fault, starts, ends, effects) in cases {
        handled.store(0, Ordering::Relaxed);
        script.fail("test.*", When::First, fault);
        let reply = ask(&server).await?;
        assert!(reply.starts_with(starts) && reply.ends_with(ends), "{fault:?}: {reply}");
        assert_eq!(reply.is_empty(), starts.is_empty(), "{fault:?}: {reply}");
        assert_eq!(handled.load(Ordering::Relaxed), effects, "{fault:?}");
        assert_eq!(
            fault == Fault::Truncate,
            reply.contains("content-length: 10"),
            "{fault:?}: {reply}"
        );
    }
    let statuses: Vec<u16> = script.log().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [400, 400, 503, 0, 0, 200, 200, 200]);
    Ok(())
}

#[tokio::test]
async fn a_hanging_call_is_counted_and_never_answered() -> Result<()> {
    let (script, handled) = (Script::new(), Arc::new(AtomicU64::new(0)));
    let server = start(&script, &handled).await?;
    script.fail("*", When::Every, Fault::Hang);
    let reply = tokio::time::timeout(Duration::from_millis(100), ask(&server)).await;
    assert!(reply.is_err());
    assert_eq!((script.count("test.get"), handled.load(Ordering::Relaxed)), (1, 0));
    drop(server);
    Ok(())
}

#[tokio::test]
async fn rules_and_hooks_count_from_when_they_were_added() {
    let script = Script::new();
    let struck = async || script.begin("a").await.fault;
    struck().await;
    script.fail("a", When::Range(2..=3), Fault::Throttle);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(struck().await.is_some());
    }
    assert_eq!(seen, [false, true, true, false]);

    let runs = Arc::new(AtomicU64::new(0));
    for nth in [1, 2] {
        let (runs, same) = (Arc::clone(&runs), script.clone());
        script.before("a", nth, move || {
            runs.fetch_add(same.count("a"), Ordering::Relaxed);
        });
    }
    for _ in 0..3 {
        struck().await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 6 + 7);
    assert_eq!(script.calls(), BTreeMap::from([("a".to_owned(), 8)]));
}

#[tokio::test]
async fn hooks_after_a_call_run_once_it_was_handled() {
    let script = Script::new();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    script.after("a", 1, move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let ticket = script.begin("a").await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    ticket.finish(250);
    assert_eq!((runs.load(Ordering::Relaxed), script.log()[0].status), (1, 250));
}
