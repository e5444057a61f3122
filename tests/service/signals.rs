//! Told to stop: in mid pass, twice, and beyond the grace.

use std::sync::mpsc;
use std::time::Duration;

use fleetsheet_mocks::faults::{Fault, When};
use tokio::io::{AsyncReadExt as _, BufReader};

use crate::daemon::Daemon;
use crate::stage::Stage;

/// Six servers that a pass tags one by one, from 2.3.9 to 2.4.0.
async fn promotion() -> (Stage, Vec<String>) {
    let (mut stage, ids) = Stage::known(6).await;
    stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "1");
    stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "1");
    stage.turn_keys("web-prod", "2.4.0");
    (stage, ids)
}

fn tagged(stage: &Stage, ids: &[String]) -> usize {
    ids.iter().filter(|id| stage.version(id) == "2.4.0").count()
}

/// A pass that stands still when it is about to tag its second server.
struct Halt {
    begun: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

impl Halt {
    fn plant(stage: &Stage) -> Self {
        let (go_on, wait) = mpsc::channel::<()>();
        let (came, begun) = mpsc::channel::<()>();
        stage.cloud.script().before("ec2.CreateTags", 2, move || {
            let _ = came.send(());
            // A worker that just blocked would stall the runtime's sockets with it.
            let _ = tokio::task::block_in_place(|| wait.recv());
        });
        Self { begun, go_on }
    }

    fn wait(&self) {
        let begun = tokio::task::block_in_place(|| self.begun.recv_timeout(Duration::from_secs(60)));
        begun.expect("a second call");
    }

    fn end(self) {
        self.go_on.send(()).expect("it waits");
    }
}

async fn assert_next_pass_finishes(stage: &Stage, ids: &[String]) {
    stage.cloud.script().clear();
    let next = stage.once().await;
    assert_eq!(next.code, 0, "{next:?}");
    assert_eq!(next.problems_of("unauthorised_edit"), [""; 0]);
    assert_eq!(tagged(stage, ids), 6);
    assert!(ids.iter().all(|id| stage.server_cell(id, "status") == "in sync"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_told_to_stop_writes_back_what_was_done() {
    for name in ["TERM", "INT"] {
        let (stage, ids) = promotion().await;
        let halt = Halt::plant(&stage);
        let mut service = stage.start(&[]).await;
        halt.wait();
        service.signal(name);
        service.says("told to stop").await;
        halt.end();
        let status = service.ended().await;
        assert_eq!(status.code(), Some(0), "{name}: {}", service.log());
        assert!(
            service.log().contains("told to stop") && service.log().ends_with("stopped\n"),
            "{}",
            service.log()
        );
        assert_eq!(tagged(&stage, &ids), 2, "the call under way counts");
        for id in &ids {
            let expected = if stage.version(id) == "2.4.0" {
                "in sync"
            } else {
                "failed: not sent: the pass was stopped"
            };
            assert_eq!(stage.server_cell(id, "status"), expected, "{name}");
        }
        assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
        assert_next_pass_finishes(&stage, &ids).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_pass_told_to_stop_ends_well_and_says_so_in_its_report() {
    let (stage, ids) = promotion().await;
    let halt = Halt::plant(&stage);
    let mut child = stage.command(&["--once", "--format", "json"]).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let mut once = Daemon::of(child);
    halt.wait();
    once.signal("TERM");
    once.says("told to stop").await;
    halt.end();
    assert_eq!(once.ended().await.code(), Some(4), "{}", once.log());
    let mut text = String::new();
    BufReader::new(output).read_to_string(&mut text).await.unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (report["changed"].as_u64(), report["failed"].as_u64()),
        (Some(2), Some(4)),
        "{report}"
    );
    assert_eq!(tagged(&stage, &ids), 2);
    assert_next_pass_finishes(&stage, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_first_that_the_pass_was_stopped() {
    let (stage, _) = promotion().await;
    let halt = Halt::plant(&stage);
    let mut child = stage.command(&["--once"]).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let mut once = Daemon::of(child);
    halt.wait();
    once.signal("TERM");
    once.says("told to stop").await;
    halt.end();
    assert_eq!(once.ended().await.code(), Some(4), "{}", once.log());
    let mut page = String::new();
    BufReader::new(output).read_to_string(&mut page).await.unwrap();
    let head = page.lines().next().unwrap();
    assert!(
        head.ends_with("done in part: 4 servers not tried, because the pass was stopped"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_leaves_at_once_and_the_next_pass_repairs() {
    let (stage, ids) = promotion().await;
    stage.cloud.script().fail("ec2.CreateTags", When::Nth(2), Fault::Hang);
    let mut service = stage.start(&[]).await;
    while stage.cloud.script().count("ec2.CreateTags") < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.signal("TERM");
    service.says("told to stop").await;
    service.signal("INT");
    assert_eq!(service.ended().await.code(), Some(130), "{}", service.log());
    assert!(service.log().contains("second stop signal"), "{}", service.log());
    assert_eq!(tagged(&stage, &ids), 1);
    assert_next_pass_finishes(&stage, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_grace_it_is_left_and_the_next_pass_repairs() {
    let (stage, ids) = promotion().await;
    stage.cloud.script().fail("ec2.CreateTags", When::Nth(2), Fault::Hang);
    let mut service = stage.start(&[("FLEETSHEET_SCHEDULE__SHUTDOWN_GRACE", "1s")]).await;
    while stage.cloud.script().count("ec2.CreateTags") < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.signal("TERM");
    assert_eq!(service.ended().await.code(), Some(1), "{}", service.log());
    assert!(service.log().contains("schedule.shutdown_grace"), "{}", service.log());
    assert_next_pass_finishes(&stage, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_while_it_reads_nothing_was_done() {
    let (stage, ids) = promotion().await;
    stage.sheets.script().set_latency(Duration::from_secs(20));
    let mut service = stage.start(&[]).await;
    while stage.sheets.script().count("*") < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told = std::time::Instant::now();
    service.signal("TERM");
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.log());
    assert!(
        told.elapsed() < Duration::from_secs(15),
        "it did not wait for the answer"
    );
    let log = service.log();
    assert!(
        log.contains("told to stop before anything was decided") && !log.contains("ERROR"),
        "{log}"
    );
    stage.sheets.script().clear();
    assert_eq!(tagged(&stage, &ids), 0);
    assert_next_pass_finishes(&stage, &ids).await;
}
