//! Configuration and credentials that change under a running service.

use crate::daemon::Daemon;
use crate::stage::Stage;

const READ: &str = "were read again and are in use";
const BAD: &str = "cannot be used; the previous ones stay in use";

/// Puts a line before everything else in the configuration.
fn prepend(stage: &Stage, line: &str) {
    let path = stage.path("fleetsheet.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    // Replaced whole, as editors and Kubernetes do: a service must not read half a file.
    let new = stage.path("fleetsheet.toml.new");
    std::fs::write(&new, format!("{line}\n{text}")).unwrap();
    std::fs::rename(new, path).unwrap();
}

async fn no_ticks(stage: &Stage) -> Daemon {
    let service = stage.start(&[("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *")]).await;
    service.passes(1).await;
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_takes_over_a_good_configuration_and_refuses_a_bad_one() {
    let (stage, _) = Stage::known(1).await;
    let service = no_ticks(&stage).await;
    prepend(&stage, "mode = \"observe\"");
    service.signal("HUP");
    service.says(READ).await;
    assert!(
        service.get("/").await.body.contains("mode = &quot;observe&quot;"),
        "it is used"
    );
    prepend(&stage, "colour = 1");
    service.signal("HUP");
    let line = service.says(BAD).await;
    assert!(line.contains("colour"), "{line}");
    assert_eq!(service.metric("fleetsheet_config_last_reload_successful").await, 0.0);
    let page = service.get("/").await.body;
    assert!(
        page.contains("colour") && page.contains("mode = &quot;observe&quot;"),
        "{page}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_is_read_before_the_next_pass() {
    let (stage, ids) = Stage::known(2).await;
    let service = stage.start(&[]).await;
    service.passes(1).await;
    prepend(&stage, "mode = \"observe\"");
    service.says(READ).await;
    stage.turn_keys("web-prod", "2.4.0");
    service.passes(2).await;
    assert_eq!(stage.version(&ids[0]), "2.3.9", "it only looks");
    prepend(&stage, "colour = 1");
    service.says(BAD).await;
    service.passes(2).await;
    assert_eq!(stage.version(&ids[0]), "2.3.9", "the good one before stays in use");
    let path = stage.path("fleetsheet.toml");
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace("colour = 1\nmode = \"observe\"\n", "");
    std::fs::write(&path, text).unwrap();
    service.says_again(READ, 1).await;
    service.passes(1).await;
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    assert_eq!(service.metric("fleetsheet_config_last_reload_successful").await, 1.0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_read_again_when_they_are_rotated() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&[]).await;
    service.passes(1).await;
    let key = stage.path("key.json");
    let good = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, "{\"type\": \"half of a f").unwrap();
    let line = service.says(BAD).await;
    assert!(line.contains("key.json"), "{line}");
    service.passes(2).await;
    assert_eq!(service.metric("fleetsheet_passes_total{outcome=\"failed\"}").await, 0.0);
    let fetched = stage.sheets.script().count("oauth2.token");
    std::fs::write(&key, format!("{good}\n")).unwrap();
    service.says(READ).await;
    service.passes(2).await;
    assert_eq!(
        stage.sheets.script().count("oauth2.token"),
        fetched + 1,
        "the new key fetches a token of its own"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_that_is_put_back_as_it_was_is_good_again() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&[]).await;
    service.passes(1).await;
    for file in ["key.json", "fleetsheet.toml"] {
        let path = stage.path(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        service.passes(2).await;
        assert_eq!(
            service.metric("fleetsheet_config_last_reload_successful").await,
            0.0,
            "{file}"
        );
        std::fs::write(&path, good).unwrap();
        service.passes(2).await;
        assert_eq!(
            service.metric("fleetsheet_config_last_reload_successful").await,
            1.0,
            "{file}"
        );
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_changes_at_once_and_a_port_with_a_restart() {
    let (stage, _) = Stage::known(1).await;
    let path = stage.path("fleetsheet.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("schedule.cron = \"0 0 0 1 1 *\"\n{text}")).unwrap();
    let mut command = stage.command(&["run"]);
    let service = Daemon::of(command.spawn().unwrap());
    service.passes(1).await;
    let listen = "listen = \"127.0.0.1:1\"";
    std::fs::write(
        &path,
        format!(
            "schedule.cron = \"* * * * * *\"\n{}",
            text.replace("listen = \"\"", listen)
        ),
    )
    .unwrap();
    service.signal("HUP");
    service.says("http.listen changed, which needs a restart").await;
    service.says("the schedule changed").await;
    service.passes(2).await;
    service.stop().await;
}
