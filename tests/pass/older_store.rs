//! A pass on a store that an earlier version wrote: it is read whole, decides as it did, and goes on from there.

use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::memory::{Memory, StoreReader as _};

use crate::stage::Stage;

/// Written by the program before seals were kept up row by row: four servers of web-prod on 2.3.9, which was adopted, and then
/// 2.4.0 with both keys.
const STORE: &[u8] = include_bytes!("older_store.db");

async fn load(stage: &Stage) -> Memory {
    let url = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    let now = fleetsheet::clock::now();
    let store = SqliteStore::open(&url, Access::Read, now).await.unwrap();
    store.load().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_goes_on_with_a_store_of_an_earlier_version() {
    let (stage, ids) = Stage::web(4).await;
    std::fs::create_dir(stage.path("state")).unwrap();
    std::fs::write(stage.path("state/fleetsheet.db"), STORE).unwrap();
    let before = load(&stage).await;

    // Sheet and fleet as that version left them.
    stage.turn_keys("web-prod", "2.4.0");
    let stamp = before.channels["web-prod"].row.written.as_ref().unwrap();
    stage.set("web-prod", "releaseVersion", stamp.release.as_str());
    stage.set("web-prod", "previousVersion", stamp.previous.as_str());
    stage.set("web-prod", "updatedAt", stamp.updated_at.as_str());
    for id in &ids {
        let server = &before.servers[id.as_str()];
        for (header, text) in &server.shown {
            stage.set_server(id, header, &**text);
        }
        stage.set_server(id, "updatedAt", server.row.written.as_deref().unwrap());
        stage.cloud.edit(|fleet| fleet.set_tag(id, "ReleaseVersion", "2.4.0"));
    }

    let ran = stage.settle().await;
    assert_eq!((ran.release("web-prod"), ran.status("web-prod")), ("2.4.0", "in sync"));
    assert_eq!((ran.json["changed"].as_u64(), ran.problems()), (Some(0), Vec::new()));

    // Only the store knows what a rollback returns to.
    stage.set("web-prod", "rollback", true);
    let ran = stage.settle().await;
    assert_eq!(ran.release("web-prod"), "2.3.9", "{ran:?}");
    assert!(ids.iter().all(|id| stage.version(id) == "2.3.9"));

    let after = load(&stage).await;
    assert_eq!(after.store, before.store);
    let history = stage.run(&["history", "--format", "json"]).await;
    for event in ["promotion", "rollback"] {
        assert!(history.stdout.contains(event), "no {event}: {}", history.stdout);
    }
}
