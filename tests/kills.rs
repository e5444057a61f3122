//! The program killed, the hard way, at every request that it makes and at every write to its state store: whatever was half
//! done, one more pass ends in the very world of a pass that nobody killed, and tells of it as that pass would have.
//!
//! A request is cut off before it takes effect and after. A write to the store's files is cut off before it, or after half of
//! its bytes: at each step of the journal, and of the writes between two steps at the first, the middle and the last. The others
//! are parts of the same commits; `WHOLE=1` tries them too.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test stops where it fails")]
#![expect(clippy::print_stdout, reason = "the count is for the reader")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetsheet_mocks::faults::Script;
use fleetsheet_mocks::prometheus::PrometheusEmulator;

use crate::crew;
use crate::mailbox;
use crate::preload;
use crate::scene::{Moment, Scene, Work};
use crate::wanted::Wanted;
use crate::whole;

/// Passes that are killed side by side: they compute more than they wait.
const WORKERS: usize = 3;

/// Whose requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Sheets,
    Cloud,
    Smtp,
    Gates,
}

impl End {
    const ALL: [Self; 4] = [Self::Sheets, Self::Cloud, Self::Smtp, Self::Gates];

    fn script(self, scene: &Scene) -> Script {
        match self {
            Self::Sheets => scene.stage.sheets.script().clone(),
            Self::Cloud => scene.stage.cloud.script(),
            Self::Smtp => scene.smtp.script(),
            Self::Gates => scene
                .prometheus
                .as_ref()
                .map(PrometheusEmulator::script)
                .unwrap_or_default(),
        }
    }
}

/// A call that changes a file of the store, as the library names it: the nth write after so many steps of the journal, or, with
/// 0, the step that follows them.
#[derive(Clone, Copy)]
struct StoreCall {
    steps: usize,
    write: usize,
}

impl fmt::Display for StoreCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.steps, self.write)
    }
}

impl StoreCall {
    /// Those that are tried, out of the library's log.
    fn chosen(log: &[u8]) -> Vec<Self> {
        let is_write = |call: &u8| *call == b'w';
        let mut chosen = Vec::new();
        // What stands between two steps are writes; behind the last one there is no step more.
        for (steps, run) in log.split(|call| !is_write(call)).enumerate() {
            let writes = match whole() {
                true => (1..=run.len()).collect(),
                false if run.is_empty() => BTreeSet::new(),
                false => BTreeSet::from([1, run.len().div_ceil(2), run.len()]),
            };
            chosen.extend(writes.into_iter().map(|write| Self { steps, write }));
            chosen.push(Self { steps, write: 0 });
        }
        chosen.pop();
        chosen
    }
}

/// Where a pass is killed.
enum Point {
    /// When this request has come in; `taken` says whether it still takes effect.
    Request { end: End, nth: u64, taken: bool },
    /// At this call that changes a file of the store; `torn` says whether half of what it writes gets there.
    Write { call: StoreCall, torn: bool },
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { end, nth, taken } => write!(f, "request {nth} to {end:?}, taken: {taken}"),
            Self::Write { call, torn } => write!(f, "call {call} that changes the store, torn: {torn}"),
        }
    }
}

/// What the pass has to do that is killed, and how.
#[derive(Clone, Copy)]
struct Trouble {
    work: Work,
    /// Whether writes are cut off in their middle, or before it.
    torn: bool,
    /// Whether nobody can read the sheet while that pass is made.
    blind: bool,
}

impl Trouble {
    const fn of(work: Work) -> Self {
        Self {
            work,
            torn: false,
            blind: false,
        }
    }

    /// A scene whose calls come in the same order each time.
    async fn start(self) -> Scene {
        let mut scene = Scene::start_for(self.work).await;
        scene.stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "1");
        scene
    }

    /// The moment before the pass that is killed.
    fn begin(self, scene: &Scene, moment: &Moment) {
        scene.go_back(moment);
        if self.blind {
            scene.take_sheet_away();
        }
    }

    /// Passes after the one that was killed: one, and where releases go in waves as many as it takes until they wait. While the sheet
    /// is away one pass does all that can be done without it.
    async fn go_on(self, scene: &Scene) {
        if self.blind {
            let next = scene.pass().await;
            assert_eq!(next.code, 1, "the next pass without the sheet: {:?}", next.problems());
            scene.assert_back();
            scene.stage.sheets.script().clear();
        }
        if self.work.is_in_waves() {
            return scene.rest().await;
        }
        let next = scene.pass().await;
        assert_eq!(next.code, 0, "the next pass: {:?}", next.problems());
    }
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

/// A pass that nobody kills: the points that are tried, how many calls changed the store, and what it leaves.
async fn undisturbed(scene: &Scene, moment: &Moment, library: &Path, trouble: Trouble) -> (Vec<Point>, usize, Wanted) {
    trouble.begin(scene, moment);
    let log = scene.stage.path("writes");
    let ended = pass_with(scene, library, &[("KILL_LOG", log.display().to_string())]).await;
    assert_eq!(ended.code(), Some(i32::from(trouble.blind)), "{ended:?}");
    let writes = std::fs::read(&log).expect("the store was written");
    let mut points = Vec::new();
    // A sheet that cannot be read is asked for all the same, and nothing comes of it.
    for end in End::ALL
        .into_iter()
        .filter(|end| !(trouble.blind && *end == End::Sheets))
    {
        let requests = end.script(scene).count("*");
        points.extend((1..=requests).flat_map(|nth| [true, false].map(|taken| Point::Request { end, nth, taken })));
    }
    let chosen = StoreCall::chosen(&writes);
    let torn = trouble.torn;
    points.extend(chosen.into_iter().map(|call| Point::Write { call, torn }));
    if trouble.work.is_in_waves() {
        trouble.go_on(scene).await;
    }
    scene.stage.assert_silent().await;
    (points, writes.len(), Wanted::find(scene))
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
        !matches!(self, Self::Write { call, .. } if (call.steps + call.write) % 5 != 0)
    }

    async fn kill(&self, scene: &Scene, library: &Path, tally: &Tally) {
        match self {
            Self::Request { end, nth, taken } => {
                scene.stage.killed_at(&end.script(scene), *nth, *taken).await;
                tally.requests.fetch_add(1, Ordering::Relaxed);
            }
            Self::Write { call, torn } => {
                let at = [
                    ("KILL_AT", call.to_string()),
                    ("KILL_TORN", u8::from(*torn).to_string()),
                ];
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

async fn assert_finished(scene: &Scene, point: &Point, wanted: &Wanted, trouble: Trouble) {
    trouble.go_on(scene).await;
    if trouble.work.is_in_colours() {
        scene.assert_traffic();
    }
    wanted.assert_world(scene);
    if point.is_followed_up() && !trouble.work.is_in_waves() {
        scene.stage.assert_silent().await;
    }
    wanted.assert_told(scene);
    let mut copies: BTreeMap<String, u32> = BTreeMap::new();
    for message in scene.smtp.messages() {
        *copies
            .entry(mailbox::Mail::parse(&message.text()).id().to_owned())
            .or_default() += 1;
    }
    // One that a server took without being heard comes again, under the same id.
    assert!(copies.values().all(|count| *count <= 2), "{copies:?}");
}

async fn killed_everywhere(trouble: Trouble, name: &str) {
    let library: PathBuf = preload::library("kill_at_write");
    let scene = Scene::ready(trouble.work).await;
    let moment = Arc::new(scene.moment());
    let alone = trouble.start().await;
    let (points, all, wanted) = undisturbed(&alone, &moment, &library, trouble).await;
    let (tally, wanted) = (Arc::new(Tally::default()), Arc::new(wanted));
    let counts = Arc::clone(&tally);
    let start = move || trouble.start();
    let tried = crew::all(points, WORKERS, start, move |scene, point| {
        let (moment, wanted) = (Arc::clone(&moment), Arc::clone(&wanted));
        let (library, tally) = (library.clone(), Arc::clone(&tally));
        async move {
            trouble.begin(&scene, &moment);
            point.kill(&scene, &library, &tally).await;
            assert_finished(&scene, &point, &wanted, trouble).await;
        }
    })
    .await;
    let [requests, writes, missed] =
        [&counts.requests, &counts.writes, &counts.missed].map(|count| count.load(Ordering::Relaxed));
    assert!(
        missed * 10 < tried,
        "{missed} of {tried} passes ended before they were killed"
    );
    println!("crash points: {name}: killed at {requests} requests and {writes} of {all} writes to the store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass() {
    killed_everywhere(Trouble::of(Work::First), "a first pass").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion() {
    killed_everywhere(Trouble::of(Work::Promotion), "a promotion").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback() {
    killed_everywhere(Trouble::of(Work::Rollback), "a rollback").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery() {
    killed_everywhere(Trouble::of(Work::Discovery), "a discovery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once() {
    let trouble = Trouble {
        torn: true,
        ..Trouble::of(Work::Everything)
    };
    killed_everywhere(trouble, "all of it and an edit undone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_a_rollout() {
    killed_everywhere(Trouble::of(Work::Start), "the start of a rollout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_that_grows_and_one_that_ends() {
    killed_everywhere(Trouble::of(Work::Wave), "a wave that grows and one that ends").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_and_a_tick_of_advance() {
    let trouble = Trouble {
        torn: true,
        ..Trouble::of(Work::Gate)
    };
    killed_everywhere(trouble, "a gate that fails and a tick of advance").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_colours() {
    killed_everywhere(Trouble::of(Work::Switch), "a switch of colours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_colour_that_gives_its_traffic_up() {
    killed_everywhere(Trouble::of(Work::Handover), "a former colour that gives its traffic up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_is_taken_back_by_roles() {
    killed_everywhere(Trouble::of(Work::Return), "a switch that is taken back by roles").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_while_nobody_can_read_the_sheet() {
    let trouble = Trouble {
        blind: true,
        ..Trouble::of(Work::Back)
    };
    killed_everywhere(trouble, "a gate that fails without the sheet").await;
}
