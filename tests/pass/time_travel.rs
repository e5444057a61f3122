//! Copies put back: of the sheet, of the state store, of both to different moments. Nothing is written until an operator says
//! which of them is right.

use std::cmp::Ordering;
use std::path::Path;

use fleetsheet_mocks::sheets::Spreadsheet;

use crate::stage::{RELEASE, Ran, SERVERS, Stage};

const JSON: [&str; 3] = ["--once", "--format", "json"];

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

impl Stage {
    /// Backs up the state directory under a name.
    fn back_up(&self, name: &str) {
        copy(&self.path("state"), &self.path(name));
    }

    /// Puts such a backup back.
    fn put_back(&self, name: &str) {
        copy(&self.path(name), &self.path("state"));
    }

    async fn allowing_history(&self) -> Ran {
        self.run(&[&JSON[..], &["--allow", "history"]].concat()).await
    }

    /// A pass, and what `plan` and `check` say, that stop before anything is written.
    async fn assert_time_stops(&self, says: &str) {
        let (book, tags) = (self.sheets.book(), self.cloud.audit());
        let ran = self.once().await;
        assert_eq!(
            (ran.code, ran.json["outcome"].as_str()),
            (5, Some("stopped")),
            "{ran:?}"
        );
        let belts = ran.problems_of("belt");
        assert!(
            belts.len() == 1 && belts[0].starts_with("belt history") && belts[0].contains(says),
            "{belts:?}"
        );
        assert_eq!(self.run(&["plan", "--exit-code"]).await.code, 5);
        let check = self.run(&["check", "--format", "json"]).await;
        assert!(check.stdout.contains(says), "{check:?}");
        assert_eq!(self.sheets.book(), book);
        assert_eq!(self.cloud.audit(), tags);
    }
}

/// Six servers on 2.4.0 after a promotion from 2.3.9, with a backup `before` it and one `after` it.
async fn promoted() -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(6).await;
    stage.back_up("before");
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.back_up("after");
    (stage, ids)
}

const OLDER_STORE: &str = "put the newer store back";

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_a_promotion_stops_until_the_newer_one_is_back() {
    let (stage, _) = promoted().await;
    stage.put_back("before");
    stage.assert_time_stops(OLDER_STORE).await;
    // Nor does it matter how often it is tried.
    stage.assert_time_stops(OLDER_STORE).await;
    stage.put_back("after");
    let ran = stage.assert_silent().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.4.0"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_a_promotion_may_take_over_and_adopts_what_servers_carry() {
    let (stage, ids) = promoted().await;
    stage.put_back("before");
    let tags = stage.cloud.audit().len();
    let taken = stage.run(&[&JSON[..], &["--takeover"]].concat()).await;
    assert_eq!((taken.code, taken.release("web-prod")), (0, "2.4.0"), "{taken:?}");
    stage.settle().await;
    stage.assert_silent().await;
    assert_eq!(stage.cloud.audit().len(), tags, "no server changes");
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    // The stamps that it gives out go on from those that it found.
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.5.0");
    stage.settle().await;
    stage.assert_rows_show_their_own("2.5.0");
    stage.assert_rows_are_single();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_a_promotion_goes_back_with_its_servers_only_if_that_is_meant() {
    let (stage, _) = promoted().await;
    stage.put_back("before");
    stage.assert_time_stops(OLDER_STORE).await;
    let allowed = stage.allowing_history().await;
    assert_eq!((allowed.code, allowed.release("web-prod")), (0, "2.3.9"), "{allowed:?}");
    stage.assert_rows_show_their_own("2.3.9");
    let held = stage.assert_silent().await;
    assert!(held.status("web-prod").contains("must be approved again"), "{held:?}");
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_a_rollback_stops_and_the_rollback_is_not_served_again() {
    let (stage, _) = promoted().await;
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    stage.back_up("rolled");
    stage.put_back("after");
    stage.assert_time_stops(OLDER_STORE).await;
    stage.put_back("rolled");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.3.9"), "{ran:?}");
    stage.assert_silent().await;
    let history = stage.run(&["history", "--format", "json"]).await;
    let events = history.json["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|e| e["event"] == "rollback").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_an_edit_of_one_channel_restores_it_and_spends_both_keys() {
    let (stage, ids) = Stage::known(20).await;
    stage.back_up("before");
    stage.set("web-prod", "releaseVersion", "9.9.9");
    assert_eq!(stage.once().await.problems_of("unauthorised_edit").len(), 1);
    let cell = stage.release_cell("web-prod", "updatedAt");
    stage.put_back("before");
    // One channel, and fewer than a tenth of the servers: an edit, and no servers change.
    stage.set_server(&ids[3], "updatedAt", cell.as_str());
    let tags = stage.cloud.audit().len();
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.3.9"), "{ran:?}");
    // One of the channel, one of the server.
    assert_eq!(ran.problems_of("unauthorised_edit").len(), 2, "{ran:?}");
    assert_eq!(stage.cloud.audit().len(), tags);
    stage.assert_rows_show_their_own("2.3.9");
    stage.assert_rows_are_single();
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(
        stage.settle().await.release("web-prod"),
        "2.4.0",
        "keys count once they were retyped"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_and_few_servers_of_an_older_sheet_are_restored_and_both_keys_spent() {
    let (stage, ids) = Stage::known(20).await;
    let mut old = stage.sheets.book();
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    let cells = |book: &mut Spreadsheet, tab: &str, column: &str, key: &str| {
        let row = book.tab_mut(tab).find(column, key).unwrap() + 1;
        let headers = ["releaseVersion", "updatedAt", "status"];
        headers.map(|header| (row, header, book.get(tab, (row, header))))
    };
    let channel = cells(&mut old, RELEASE, "channel", "web-prod");
    let server = cells(&mut old, SERVERS, "serverId", &ids[7]);
    stage.sheets.edit(|book| {
        for (row, header, value) in channel {
            book.set(RELEASE, (row, header), value);
        }
        for (row, header, value) in server {
            book.set(SERVERS, (row, header), value);
        }
    });
    let tags = stage.cloud.audit().len();
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.4.0"), "{ran:?}");
    assert!(!ran.problems_of("unauthorised_edit").is_empty(), "{ran:?}");
    assert_eq!(stage.cloud.audit().len(), tags);
    stage.assert_rows_show_their_own("2.4.0");
    stage.settle().await;
    // Both keys are spent at 2.4.0: typing one of them anew is not enough.
    stage.set("web-prod", "desiredVersionA", "2.5.0");
    stage.settle().await;
    stage.set("web-prod", "desiredVersionA", "2.4.0");
    stage.set("web-prod", "rollback", true);
    assert_eq!(stage.settle().await.release("web-prod"), "2.3.9");
    stage.set("web-prod", "rollback", false);
    let held = stage.settle().await;
    assert!(held.status("web-prod").contains("must be approved again"), "{held:?}");
    assert_eq!(held.release("web-prod"), "2.3.9");
}

const OLDER_SHEET: &str = "restore the latest version";

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_from_before_a_rollback_stops_and_allows_no_second_one() {
    let (stage, _) = promoted().await;
    let old = stage.sheets.book();
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    stage.sheets.edit(|book| book.restore(&old));
    stage.assert_time_stops(OLDER_SHEET).await;
    let allowed = stage.allowing_history().await;
    assert_eq!((allowed.code, allowed.release("web-prod")), (0, "2.3.9"), "{allowed:?}");
    stage.assert_rows_show_their_own("2.3.9");
    assert!(
        allowed.status("web-prod").contains("must be approved again"),
        "{allowed:?}"
    );
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_from_before_a_promotion_that_lost_its_marks_stops_too() {
    let (stage, _) = Stage::known(6).await;
    let old = stage.sheets.book();
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.sheets.edit(|book| {
        book.restore(&old);
        book.metadata.clear();
        for tab in &mut book.tabs {
            tab.columns.iter_mut().for_each(|column| column.metadata.clear());
        }
    });
    stage.assert_time_stops(OLDER_SHEET).await;
    let allowed = stage.allowing_history().await;
    assert_eq!(allowed.release("web-prod"), "2.4.0", "{allowed:?}");
    // It found that its marks lead nowhere, and made them anew.
    assert_eq!(allowed.code, 0, "{allowed:?}");
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sheet_and_store_put_together_from_two_moments_stop_either_way() {
    let (stage, _) = Stage::known(6).await;
    let mut books = vec![stage.sheets.book()];
    stage.back_up("0");
    for (nth, version) in [(1, "2.4.0"), (2, "2.5.0"), (3, "2.6.0")] {
        stage.turn_keys("web-prod", version);
        stage.settle().await;
        stage.back_up(&nth.to_string());
        books.push(stage.sheets.book());
    }
    for (sheet, book) in books.iter().enumerate() {
        for store in 0..books.len() {
            stage.sheets.edit(|now| now.restore(book));
            stage.put_back(&store.to_string());
            match sheet.cmp(&store) {
                Ordering::Less => stage.assert_time_stops(OLDER_SHEET).await,
                Ordering::Greater => stage.assert_time_stops(OLDER_STORE).await,
                Ordering::Equal => {}
            }
        }
    }
    let last = stage.assert_silent().await;
    assert_eq!((last.code, last.release("web-prod")), (0, "2.6.0"), "{last:?}");
}
