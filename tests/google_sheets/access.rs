use std::time::{Duration, Instant};

use fleetsheet::adapters::google_sheets::{GoogleSheets, Settings};
use fleetsheet::calls::Calls;
use fleetsheet::sheet::{SheetErrorKind, SheetReader, TabRequest};
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::SERVICE_ACCOUNT;
use futures_util::future::join_all;

use super::world::{RELEASES, World};

const RELEASES_ONLY: [TabRequest<'static>; 1] = [TabRequest {
    title: RELEASES,
    header_only: false,
}];

async fn connect(settings: Settings) -> Result<GoogleSheets, fleetsheet::sheet::SheetError> {
    GoogleSheets::connect(settings, Calls::default()).await
}

#[tokio::test]
async fn a_file_that_is_not_shared_names_the_account() {
    let world = World::new().await;
    assert_eq!(world.sheets.service_account_email(), SERVICE_ACCOUNT);
    world.emulator.desk().share(false);
    let result = world.sheets.read(&RELEASES_ONLY).await;
    world.failed(
        result,
        SheetErrorKind::Denied,
        &format!("share the spreadsheet with {SERVICE_ACCOUNT} as Editor"),
    );
}

#[tokio::test]
async fn a_wrong_id_is_named() {
    let world = World::new().await;
    let settings = Settings {
        spreadsheet_id: "1wrong".into(),
        ..world.settings()
    };
    let result = connect(settings).await.unwrap().read(&RELEASES_ONLY).await;
    world.failed(result, SheetErrorKind::Denied, "there is no spreadsheet 1wrong");
    for id in [
        "",
        "https://docs.google.com/spreadsheets/d/1AbC/edit",
        "1AbC/../x",
        "1AbC?x",
    ] {
        let settings = Settings {
            spreadsheet_id: id.into(),
            ..world.settings()
        };
        world.failed(connect(settings).await, SheetErrorKind::Denied, "sheets.spreadsheet_id");
    }
}

#[tokio::test]
async fn one_token_serves_many_calls_at_once() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.sheets.read(&RELEASES_ONLY), world.sheets.read(&RELEASES_ONLY));
    assert_eq!(one, two);
    assert_eq!(world.counted("oauth2.token"), 1);
}

#[tokio::test]
async fn a_token_that_no_longer_counts_is_replaced_once() {
    let world = World::new().await;
    world.read().await;
    world.emulator.desk().revoke_tokens();
    world.read().await;
    assert_eq!((world.counted("oauth2.token"), world.counted("sheets.get")), (2, 3));

    world
        .emulator
        .script()
        .fail("sheets.get", When::Every, Fault::Unauthorized);
    let result = world.sheets.read(&RELEASES_ONLY).await;
    world.failed(result, SheetErrorKind::Denied, "does not accept the access token");
    assert_eq!((world.counted("oauth2.token"), world.counted("sheets.get")), (3, 5));
}

#[tokio::test]
async fn a_token_is_replaced_before_it_runs_out() {
    let world = World::new().await;
    world.emulator.desk().set_token_lifetime(Duration::from_secs(30));
    world.read().await;
    world.read().await;
    assert_eq!((world.counted("oauth2.token"), world.counted("sheets.get")), (2, 2));
}

#[tokio::test]
async fn trouble_at_the_token_endpoint_is_told_from_bad_credentials() {
    let cases = [
        (Fault::Unauthorized, SheetErrorKind::Denied, "check the credentials"),
        (
            Fault::Status(503),
            SheetErrorKind::Transient,
            "the token endpoint failed",
        ),
        (Fault::Html503, SheetErrorKind::Transient, "did not answer with a token"),
        (
            Fault::Nonsense,
            SheetErrorKind::Transient,
            "did not answer with a token",
        ),
        (Fault::ResetBefore, SheetErrorKind::Transient, "not reachable"),
        (Fault::Hang, SheetErrorKind::Transient, "token"),
    ];
    join_all(cases.map(async |(fault, kind, words)| {
        let world = World::new().await;
        world.emulator.script().fail("oauth2.token", When::Every, fault);
        let result = world.within(4000).read(&RELEASES_ONLY).await;
        world.failed(result, kind, words);
        assert_eq!(world.counted("sheets.get"), 0, "{fault:?}");
        assert!(world.counted("oauth2.token") >= 1, "{fault:?}");
    }))
    .await;
    let world = World::new().await;
    world
        .emulator
        .script()
        .fail("oauth2.token", When::First, Fault::Html503);
    world.read().await;
    assert_eq!(world.counted("oauth2.token"), 2);
}

#[tokio::test]
async fn bad_key_files_are_told_with_the_fix() {
    let world = World::new().await;
    let settings = world.settings();
    let key = std::fs::read_to_string(&world.key).unwrap();
    for (content, words) in [
        ("{".to_owned(), "not JSON"),
        (key.replace("service_account", "authorized_user"), "authorized_user"),
        (
            key.replace("BEGIN PRIVATE KEY", "BEGIN"),
            "private_key is not an RSA key in PEM form",
        ),
        (
            key.replace("\"token_uri\": \"http://127.0.0.1", "\"token_uri\": \"http://10.0.0.1"),
            "token_uri must start with https",
        ),
    ] {
        std::fs::write(&world.key, content).unwrap();
        let result = connect(settings.clone()).await;
        world.failed(result, SheetErrorKind::Denied, words);
    }
    std::fs::remove_file(&world.key).unwrap();
    world.failed(
        connect(settings.clone()).await,
        SheetErrorKind::Denied,
        "there is no such file",
    );
    std::fs::create_dir(&world.key).unwrap();
    world.failed(connect(settings.clone()).await, SheetErrorKind::Denied, "not readable");
}

#[tokio::test]
async fn a_deadline_ends_calls_of_any_kind() {
    let world = World::new().await;
    world.emulator.script().fail("sheets.get", When::Every, Fault::Throttle);
    let begun = Instant::now();
    let result = world.within(1500).read(&RELEASES_ONLY).await;
    world.failed(result, SheetErrorKind::Quota, "quota for this minute");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let result = world.within(0).read(&RELEASES_ONLY).await;
    world.failed(result, SheetErrorKind::Transient, "time for this pass is over");

    let settings = Settings {
        sheets_per_minute: 1,
        ..world.settings()
    };
    world.emulator.script().clear();
    let slow = connect(settings).await.unwrap();
    slow.read(&RELEASES_ONLY).await.unwrap();
    let result = slow
        .with_deadline(Instant::now() + Duration::from_millis(300))
        .read(&RELEASES_ONLY)
        .await;
    world.failed(result, SheetErrorKind::Quota, "sheets_per_minute");
}

#[tokio::test]
async fn a_server_that_is_not_there_cannot_have_written() {
    let world = World::new().await;
    world.read().await;
    let settings = Settings {
        endpoint: Some("http://127.0.0.1:1".parse().unwrap()),
        ..world.settings()
    };
    let sheets = connect(settings)
        .await
        .unwrap()
        .with_deadline(Instant::now() + Duration::from_secs(1));
    let append = fleetsheet::sheet::Append {
        sheet_id: 0,
        table: None,
        rows: vec![vec![]],
    };
    let result = fleetsheet::sheet::SheetWriter::append(&sheets, &[append]).await;
    world.failed(result, SheetErrorKind::Transient, "no connection");
}
