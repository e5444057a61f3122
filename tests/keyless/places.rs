//! Where credentials are looked for, and that they are read again.

use std::time::Duration;

use fleetsheet::adapters::google_sheets::{GoogleSheets, Settings};
use fleetsheet::calls::Calls;
use fleetsheet::sheet::{SheetReader as _, TabRequest};
use fleetsheet_mocks::sheets::SERVICE_ACCOUNT;

use super::{Bench, says, write};
use crate::stage::BOOK;

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_then_gclouds_file_then_the_metadata_server() {
    let mut bench = Bench::new().await;
    bench.unconfigured();
    let address = bench.stage.sheets.endpoint();
    let host = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let metadata = ("GCE_METADATA_HOST", host.as_str());

    let checked = bench.check(&[metadata]).await;
    let said = says(&checked, "credentials");
    let good =
        format!("ok | the metadata server {host} | usable: this machine's service account; the service account is");
    assert!(said.contains(&good) && said.contains(SERVICE_ACCOUNT), "{said}");
    assert_eq!(bench.once(&[metadata]).await.code, 0);

    let own = bench.stage.path(".config/gcloud");
    std::fs::create_dir_all(&own).unwrap();
    write(&own.join("application_default_credentials.json"), &bench.user());
    let said = says(&bench.check(&[metadata]).await, "credentials");
    assert!(
        said.contains("(authorized_user), named by gcloud") && said.contains(".config/gcloud"),
        "{said}"
    );

    let other = bench.stage.path("gcloud");
    std::fs::create_dir_all(&other).unwrap();
    write(
        &other.join("application_default_credentials.json"),
        &bench.impersonated(&bench.user()),
    );
    let other = other.display().to_string();
    let sdk = ("CLOUDSDK_CONFIG", other.as_str());
    let said = says(&bench.check(&[metadata, sdk]).await, "credentials");
    assert!(
        said.contains("named by CLOUDSDK_CONFIG") && said.contains(SERVICE_ACCOUNT),
        "{said}"
    );

    bench.give(&bench.of_file());
    let named = bench.stage.path("credentials.json").display().to_string();
    let variable = ("GOOGLE_APPLICATION_CREDENTIALS", named.as_str());
    let said = says(&bench.check(&[metadata, sdk, variable]).await, "credentials");
    assert!(
        said.contains("named by GOOGLE_APPLICATION_CREDENTIALS") && said.contains("external_account"),
        "{said}"
    );
    assert_eq!(bench.once(&[metadata, sdk, variable]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_named_and_not_there_is_not_passed_over() {
    let mut bench = Bench::new().await;
    bench.unconfigured();
    let checked = bench
        .check(&[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")])
        .await;
    let said = says(&checked, "credentials");
    assert!(
        said.contains("wrong | /nowhere/key.json") && said.contains("correct GOOGLE_APPLICATION_CREDENTIALS"),
        "{said}"
    );

    let checked = bench.check(&[("GCE_METADATA_HOST", "127.0.0.1:1")]).await;
    let said = says(&checked, "credentials");
    assert!(
        said.contains("no Google credentials") && said.contains("sheets.credentials_file"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_token_that_was_rotated_is_read_anew() {
    let bench = Bench::new().await;
    bench.give(&bench.of_file());
    let settings = Settings {
        spreadsheet_id: BOOK.into(),
        credentials_file: Some(bench.stage.path("credentials.json")),
        endpoint: Some(bench.stage.sheets.endpoint().parse().unwrap()),
        request_timeout: Duration::from_secs(5),
        sheets_per_minute: 3000,
    };
    let sheets = GoogleSheets::connect(settings, Calls::default()).await.unwrap();
    let tabs = [TabRequest::whole("ReleaseSheet")];
    sheets.read(&tabs).await.unwrap();
    bench.stage.sheets.desk().set_subject("rotated-subject-token");
    bench.stage.sheets.desk().revoke_tokens();
    let stale = sheets.read(&tabs).await.unwrap_err();
    assert!(stale.message.contains("expired or not signed by the issuer"), "{stale}");
    std::fs::write(bench.stage.path("subject"), "rotated-subject-token").unwrap();
    sheets.read(&tabs).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_goes_over_from_a_key_to_a_federation_without_a_restart() {
    let bench = Bench::new().await;
    bench.give(&bench.key());
    let service = bench.stage.start(&[]).await;
    service.passes(1).await;
    assert_eq!(bench.stage.sheets.script().count("sts.token"), 0);
    bench.give(&bench.of_file());
    service.says("were read again and are in use").await;
    service.passes(2).await;
    assert_eq!(bench.stage.sheets.script().count("sts.token"), 1, "its token is kept");
    service.stop().await;
}
