//! People at work while a pass starts a rollout, ends a wave, switches colours or takes a release back: whatever they do between
//! two requests, it ends as if they had done it just before that pass or just after it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fleetsheet_mocks::sheets::{CellValue, Spreadsheet};

use crate::aftermath::World;
use crate::crew;
use crate::scene::{Moment, Scene, Work};
use crate::stage::{RELEASE, SERVERS};

/// Trials side by side: they wait as much as they compute.
const WORKERS: usize = 4;
/// Requests to the spreadsheet that a pass makes which writes.
const REQUESTS: u64 = 4;

type Act = fn(&mut Spreadsheet);

fn type_over(book: &mut Spreadsheet, (tab, key): (&str, &str), header: &str, value: impl Into<CellValue>) {
    let column = if tab == RELEASE { "channel" } else { "serverId" };
    let row = book.tab_mut(tab).find(column, key).unwrap();
    book.set(tab, (row + 1, header), value.into());
}

/// What people do.
const EDITS: [(&str, Act); 10] = [
    ("clear key A", |book| {
        type_over(book, (RELEASE, "web-prod"), "desiredVersionA", CellValue::Empty)
    }),
    ("name the former version in both keys", |book| {
        for header in ["desiredVersionA", "desiredVersionB"] {
            type_over(book, (RELEASE, "web-prod"), header, "1.0.0");
        }
    }),
    ("name a third version in both keys", |book| {
        for header in ["desiredVersionA", "desiredVersionB"] {
            type_over(book, (RELEASE, "web-prod"), header, "3.0.0");
        }
    }),
    ("tick rollback", |book| {
        type_over(book, (RELEASE, "web-prod"), "rollback", true)
    }),
    ("untick enabled", |book| {
        type_over(book, (RELEASE, "web-prod"), "enabled", false)
    }),
    ("turn advance over", |book| {
        let row = book.tab_mut(RELEASE).find("channel", "db-prod").unwrap() + 1;
        let ticked = book.get(RELEASE, (row, "advance")) == CellValue::Bool(true);
        book.set(RELEASE, (row, "advance"), !ticked);
    }),
    ("move the row", |book| {
        let tab = book.tab_mut(RELEASE);
        let (row, end) = (tab.find("channel", "web-prod").unwrap(), tab.data_rows());
        tab.move_rows(row..row + 1, end);
    }),
    ("delete the row", |book| {
        let tab = book.tab_mut(RELEASE);
        let row = tab.find("channel", "web-prod").unwrap();
        tab.delete_rows(row..row + 1);
    }),
    ("move a server's row and hold it", |book| {
        let tab = book.tab_mut(SERVERS);
        let (row, end) = (tab.find("serverId", "i-00000000000000a02").unwrap(), tab.data_rows());
        tab.move_rows(row..row + 1, end);
        type_over(book, (SERVERS, "i-00000000000000a02"), "hold", true);
    }),
    ("move a server to another channel", |book| {
        type_over(book, (SERVERS, "i-00000000000000a01"), "channel", "db-prod")
    }),
];

/// One edit, before the nth request of the pass.
struct Trial {
    edit: usize,
    nth: u64,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} before request {}", EDITS[self.edit].0, self.nth)
    }
}

/// What there is in the end, and what happened.
type End = (World, Vec<[String; 4]>);

async fn end(scene: &Scene) -> End {
    // A row less than before is held by a belt.
    scene.rest_with(&[0, 5]).await;
    scene.stage.assert_rows_are_single();
    scene.stage.assert_only_service_cells_were_written();
    (scene.essence(), scene.history())
}

/// How each edit ends that is made before the pass, and after it.
async fn ends(scene: &Scene, moment: &Moment) -> BTreeMap<usize, [End; 2]> {
    let mut ends = BTreeMap::new();
    for (nth, (_, act)) in EDITS.iter().enumerate() {
        scene.go_back(moment);
        scene.stage.sheets.edit(*act);
        let before = end(scene).await;
        scene.go_back(moment);
        scene.pass().await;
        scene.stage.sheets.edit(*act);
        ends.insert(nth, [before, end(scene).await]);
    }
    ends
}

async fn edited(work: Work, what: &str) {
    let scene = Scene::ready(work).await;
    let moment = scene.moment();
    let ends = Arc::new(ends(&scene, &moment).await);
    let moment = Arc::new(moment);
    let trials = (0..EDITS.len()).flat_map(|edit| (1..=REQUESTS).map(move |nth| Trial { edit, nth }));
    let start = move || Scene::start_for(work);
    let count = crew::all(trials.collect(), WORKERS, start, move |scene, trial| {
        let (moment, ends) = (Arc::clone(&moment), Arc::clone(&ends));
        async move {
            scene.go_back(&moment);
            let (desk, act) = (scene.stage.sheets.desk(), EDITS[trial.edit].1);
            let script = scene.stage.sheets.script();
            script.before("sheets.*", trial.nth, move || desk.edit(act));
            let ran = scene.pass().await;
            assert!(script.count("sheets.*") >= trial.nth, "it made no such request");
            assert!([0, 5].contains(&ran.code), "{:?}", ran.problems());
            let end = end(&scene).await;
            let [before, after] = &ends[&trial.edit];
            assert!(
                end == *before || end == *after,
                "it ended as {end:#?}\nnot as if it were made before, {before:#?}\nor after, {after:#?}"
            );
        }
    })
    .await;
    println!("{what}: {count} interleavings");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start() {
    edited(Work::Start, "the start of a rollout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave() {
    edited(Work::Wave, "a wave that grows and one that ends").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate() {
    edited(Work::Gate, "a gate that fails and a tick of advance").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_colours() {
    edited(Work::Switch, "a switch of colours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_by_roles() {
    edited(Work::Return, "a switch that is taken back by roles").await;
}
