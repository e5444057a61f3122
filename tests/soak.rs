//! A short soak: the service goes on whatever befalls it, and no tick is lost. `cargo bench --bench soak` is the long one.
#![expect(clippy::expect_used, reason = "a test stops where it fails")]

#[path = "support/soak.rs"]
mod soak;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "support/stage.rs"]
mod stage;

use fleetsheet_mocks::cloud::{ACCESS_KEY, SECRET_KEY};
use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn forty_passes_among_faults_lose_no_tick_and_leak_nothing() {
    let (stage, ids) = Stage::known(20).await;
    let credentials = Some((ACCESS_KEY.to_owned(), SECRET_KEY.into()));
    let config = stage.path("fleetsheet.toml");
    let figures = tokio::select! {
        figures = soak::drive(&config, credentials, 40) => figures,
        () = soak::disturb(&stage, &ids, 3) => unreachable!("it never ends"),
    };
    let count = |name: &str| figures["counts"][name].as_u64().unwrap();
    assert_eq!(
        count("ended") + count("skipped"),
        figures["ticks"].as_u64().unwrap(),
        "{figures}"
    );
    assert!(count("ended") >= 40 && count("done") >= 10, "{figures}");
    assert_eq!((count("busy"), count("running")), (0, 0), "{figures}");
    let descriptors = |name: &str| figures[name].as_u64().unwrap();
    // The emulators of this process have a descriptor for each connection that the service keeps, too.
    assert!(
        descriptors("fds_at_the_end") <= descriptors("fds_after_a_fifth") + 30,
        "{figures}"
    );
    assert!(figures["store_bytes"].as_u64().unwrap() < 1 << 20, "{figures}");
    // The world comes to rest as the sheet has it.
    stage.sheets.script().clear();
    stage.cloud.script().clear();
    stage.turn_keys("web-prod", "");
    let release = stage.release_cell("web-prod", "releaseVersion");
    let last = stage.once().await;
    assert_eq!(last.code, 0, "{last:?}");
    assert!(ids.iter().all(|id| stage.version(id) == release), "{release}");
}
