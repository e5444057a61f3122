//! The program killed, the hard way, at every request that it makes and at every write to its state store: whatever was half
//! done, one more pass ends in the very world of a pass that nobody killed, and tells of it as that pass would have.
//!
//! A request is cut off before it takes effect and after. A write to the store's files is cut off before it, or after half of
//! its bytes.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test stops where it fails")]
#![expect(clippy::print_stdout, reason = "the count is for the reader")]

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetsheet_mocks::faults::Script;

use crate::aftermath::World;
use crate::crew;
use crate::mailbox;
use crate::preload;
use crate::scene::{Moment, Scene, Work};

const WORKERS: usize = 4;

/// Whose requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Sheets,
    Cloud,
    Smtp,
}

impl End {
    const ALL: [Self; 3] = [Self::Sheets, Self::Cloud, Self::Smtp];

    fn script(self, scene: &Scene) -> Script {
        match self {
            Self::Sheets => scene.stage.sheets.script().clone(),
            Self::Cloud => scene.stage.cloud.script(),
            Self::Smtp => scene.smtp.script(),
        }
    }
}

/// Where a pass is killed.
enum Point {
    /// When this request has come in; `taken` says whether it still takes effect.
    Request { end: End, nth: u64, taken: bool },
    /// At this call that changes a file of the store; `torn` says whether half of what it writes gets there.
    Write { nth: usize, torn: bool },
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { end, nth, taken } => write!(f, "request {nth} to {end:?}, taken: {taken}"),
            Self::Write { nth, torn } => write!(f, "write {nth} to the store, torn: {torn}"),
        }
    }
}

/// What there is in the end.
struct Wanted {
    world: World,
    history: Vec<[String; 4]>,
    audit: Vec<[String; 4]>,
    told: Vec<String>,
}

impl Wanted {
    fn find(scene: &Scene) -> Self {
        Self {
            world: scene.essence(),
            history: scene.history(),
            audit: scene.stage.audit_lines(),
            told: scene.told(),
        }
    }
}

/// A scene whose calls come in the same order each time.
async fn start() -> Scene {
    let mut scene = Scene::start().await;
    scene.stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "1");
    scene
}

/// Makes a pass with the library that counts writes to the store and kills at one of them.
async fn pass_with(scene: &Scene, library: &Path, environment: &[(&str, String)]) -> ExitStatus {
    let mut command = scene.stage.command(&["--once", "--format", "json"]);
    command
        .env("LD_PRELOAD", library)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
    command.envs(environment).status().await.expect("runs")
}

/// A pass that nobody kills: its points, and what it leaves.
async fn undisturbed(scene: &Scene, moment: &Moment, library: &Path, torn: bool) -> (Vec<Point>, Wanted) {
    scene.go_back(moment);
    let log = scene.stage.path("writes");
    let ended = pass_with(scene, library, &[("KILL_LOG", log.display().to_string())]).await;
    assert!(ended.success(), "{ended:?}");
    let writes = std::fs::read(&log).expect("the store was written");
    let mut points = Vec::new();
    for end in End::ALL {
        let requests = end.script(scene).count("*");
        points.extend((1..=requests).flat_map(|nth| [true, false].map(|taken| Point::Request { end, nth, taken })));
    }
    points.extend((1..=writes.len()).map(|nth| Point::Write { nth, torn }));
    scene.stage.assert_silent().await;
    (points, Wanted::find(scene))
}

/// Counts what was really cut off.
#[derive(Default)]
struct Tally {
    requests: AtomicUsize,
    writes: AtomicUsize,
    /// Writes that a pass did not come to: how many pages a commit touches differs by one or two.
    missed: AtomicUsize,
}

impl Point {
    /// Whether a third pass shows that nothing is left to do. Neighbouring writes are parts of one commit, so of those a few do.
    fn is_followed_up(&self) -> bool {
        !matches!(self, Self::Write { nth, .. } if nth % 5 != 0)
    }

    async fn kill(&self, scene: &Scene, library: &Path, tally: &Tally) {
        match self {
            Self::Request { end, nth, taken } => {
                scene.stage.killed_at(&end.script(scene), *nth, *taken).await;
                tally.requests.fetch_add(1, Ordering::Relaxed);
            }
            Self::Write { nth, torn } => {
                let at = [("KILL_AT", nth.to_string()), ("KILL_TORN", u8::from(*torn).to_string())];
                let ended = pass_with(scene, library, &at).await;
                let count = match ended.signal() {
                    Some(9) => &tally.writes,
                    _ => &tally.missed,
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn assert_finished(scene: &Scene, point: &Point, wanted: &Wanted) {
    let next = scene.pass().await;
    assert_eq!(next.code, 0, "the next pass: {:?}", next.problems());
    scene.stage.assert_rows_are_single();
    scene.stage.assert_only_service_cells_were_written();
    assert_eq!(scene.essence(), wanted.world);
    if point.is_followed_up() {
        scene.stage.assert_silent().await;
    }
    assert_eq!(scene.history(), wanted.history);
    assert_eq!(scene.stage.audit_lines(), wanted.audit);
    assert_eq!(scene.told(), wanted.told);
    let mut copies: BTreeMap<String, u32> = BTreeMap::new();
    for message in scene.smtp.messages() {
        *copies
            .entry(mailbox::Mail::parse(&message.text()).id().to_owned())
            .or_default() += 1;
    }
    // One that a server took without being heard comes again, under the same id.
    assert!(copies.values().all(|count| *count <= 2), "{copies:?}");
}

/// `torn`: whether writes are cut off in their middle, or before it.
async fn killed_everywhere(work: Work, name: &str, torn: bool) {
    let library: PathBuf = preload::library("kill_at_write");
    let scene = Scene::ready(work).await;
    let moment = Arc::new(scene.moment());
    let alone = start().await;
    let (points, wanted) = undisturbed(&alone, &moment, &library, torn).await;
    let (tally, wanted) = (Arc::new(Tally::default()), Arc::new(wanted));
    let counts = Arc::clone(&tally);
    let tried = crew::all(points, WORKERS, start, move |scene, point| {
        let (moment, wanted) = (Arc::clone(&moment), Arc::clone(&wanted));
        let (library, tally) = (library.clone(), Arc::clone(&tally));
        async move {
            scene.go_back(&moment);
            point.kill(&scene, &library, &tally).await;
            assert_finished(&scene, &point, &wanted).await;
        }
    })
    .await;
    let [requests, writes, missed] =
        [&counts.requests, &counts.writes, &counts.missed].map(|count| count.load(Ordering::Relaxed));
    assert!(
        missed * 10 < tried,
        "{missed} of {tried} passes ended before they were killed"
    );
    println!("crash points: {name}: killed at {requests} requests and {writes} writes to the store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass() {
    killed_everywhere(Work::First, "a first pass", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion() {
    killed_everywhere(Work::Promotion, "a promotion", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback() {
    killed_everywhere(Work::Rollback, "a rollback", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery() {
    killed_everywhere(Work::Discovery, "a discovery", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once() {
    killed_everywhere(Work::Everything, "all of it and an edit undone", true).await;
}
