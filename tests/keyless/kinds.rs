//! Each kind of credentials: `check` says what it is and whose, and a pass works with it.

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::{PERSON, SERVICE_ACCOUNT};
use serde_json::{Value, json};

use super::{Bench, says};

/// Checks and makes a pass; gives the pass's calls.
async fn works(bench: &Bench, credentials: &Value, words: &str, account: &str, env: &[(&str, &str)]) -> Value {
    bench.give(credentials);
    let checked = bench.check(env).await;
    let said = says(&checked, "credentials");
    let good = format!("ok | {} | usable: ", bench.stage.path("credentials.json").display());
    assert!(
        said.contains(&good) && said.contains(words) && said.contains(account),
        "{words}: {said}"
    );
    assert!(says(&checked, "token").starts_with("ok"), "{words}: {checked:?}");
    assert!(says(&checked, "spreadsheet").starts_with("ok"), "{words}: {checked:?}");
    let ran = bench.once(env).await;
    assert_eq!(ran.code, 0, "{words}: {ran:?}");
    ran.json["calls"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_persons_login() {
    let bench = Bench::new().await;
    let calls = works(&bench, &bench.key(), "(service_account)", SERVICE_ACCOUNT, &[]).await;
    assert_eq!(calls["oauth2.token"], 1, "{calls}");
    works(&bench, &bench.user(), "(authorized_user)", PERSON, &[]).await;
    bench.stage.sheets.script().forget_calls();
    assert_eq!(bench.once(&[]).await.code, 0);
    let asked = bench.stage.sheets.script().count("oauth2.token");
    assert_eq!(asked, 1, "the token that told the address is the one that is used");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impersonation_by_any_kind() {
    let bench = Bench::new().await;
    for (source, words) in [
        (bench.key(), "by a service-account key (service_account)"),
        (bench.user(), "by a person's login (authorized_user)"),
        (bench.of_file(), "by a federation (external_account)"),
        (
            bench.impersonated(&bench.user()),
            "by an impersonation (impersonated_service_account) by a person's login",
        ),
    ] {
        let calls = works(&bench, &bench.impersonated(&source), words, SERVICE_ACCOUNT, &[]).await;
        assert!(
            calls["iamcredentials.generateAccessToken"].as_u64() >= Some(1),
            "{words}: {calls}"
        );
    }
    let delegate = "delegate@sandbox-000000.iam.gserviceaccount.com";
    bench.stage.sheets.desk().let_impersonate(SERVICE_ACCOUNT, &[delegate]);
    for named in [delegate.to_owned(), format!("projects/-/serviceAccounts/{delegate}")] {
        let mut credentials = bench.impersonated(&bench.user());
        credentials["delegates"] = json!([named]);
        works(
            &bench,
            &credentials,
            "impersonated_service_account",
            SERVICE_ACCOUNT,
            &[],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federation_by_a_token_file() {
    let bench = Bench::new().await;
    let calls = works(&bench, &bench.of_file(), "a token from the file", SERVICE_ACCOUNT, &[]).await;
    assert_eq!(
        (&calls["sts.token"], &calls["iamcredentials.generateAccessToken"]),
        (&json!(1), &json!(1))
    );

    let file = bench.stage.path("subject.json");
    std::fs::write(&file, json!({ "aud": ["x"], "id_token": super::SUBJECT }).to_string()).unwrap();
    let format = json!({ "type": "json", "subject_token_field_name": "id_token" });
    let mut credentials = bench.external(&json!({ "file": file, "format": format }));
    credentials["service_account_impersonation"] = json!({ "token_lifetime_seconds": 2800 });
    credentials["workforce_pool_user_project"] = json!("123456");
    works(&bench, &credentials, "subject.json", SERVICE_ACCOUNT, &[]).await;
    let asked = bench.stage.sheets.desk().asked_of_iam();
    assert_eq!(asked["lifetime"], "2800s", "{asked}");
    assert_eq!(asked["scope"], json!(["https://www.googleapis.com/auth/spreadsheets"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federation_by_a_url() {
    let bench = Bench::new().await;
    let headers = json!({ "Metadata": "True" });
    let text = json!({ "url": bench.at("/subject"), "headers": headers });
    let calls = works(
        &bench,
        &bench.external(&text),
        "a token from a URL",
        SERVICE_ACCOUNT,
        &[],
    )
    .await;
    assert_eq!(calls["identity_provider.token"], 1, "{calls}");
    let format = json!({ "type": "json", "subject_token_field_name": "access_token" });
    let json = json!({ "url": bench.at("/subject?json"), "headers": headers, "format": format });
    works(
        &bench,
        &bench.external(&json),
        "a token from a URL",
        SERVICE_ACCOUNT,
        &[],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federation_by_the_keys_of_aws() {
    let mut bench = Bench::new().await;
    let region = [("AWS_REGION", "us-east-2")];
    works(
        &bench,
        &bench.of_aws(),
        "the AWS credentials found here",
        SERVICE_ACCOUNT,
        &region,
    )
    .await;
    assert_eq!(
        bench.stage.sheets.script().count("imds"),
        0,
        "the environment comes first"
    );
    works(
        &bench,
        &bench.of_aws(),
        "the AWS credentials found here",
        SERVICE_ACCOUNT,
        &[],
    )
    .await;
    assert!(
        bench.stage.sheets.script().count("imds") > 0,
        "the region is the instance's"
    );

    // An instance: keys from its metadata server, too. The cloud's client asks there as well.
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        bench.stage.setting(name, "");
    }
    let standard = |field: &str, page: &str| (field.to_owned(), json!(format!("http://169.254.169.254/latest/{page}")));
    let mut as_gcloud_writes_it = bench.of_aws();
    let source = as_gcloud_writes_it["credential_source"].as_object_mut().unwrap();
    source.extend([
        standard("region_url", "meta-data/placement/availability-zone"),
        standard("url", "meta-data/iam/security-credentials"),
        standard("imdsv2_session_token_url", "api/token"),
    ]);
    let server = bench.at("");
    let moved = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*server)];
    for (credentials, env) in [(bench.of_aws(), &[][..]), (as_gcloud_writes_it, &moved[..])] {
        bench.stage.sheets.script().forget_calls();
        bench.give(&credentials);
        let checked = bench.check(env).await;
        assert!(says(&checked, "token").starts_with("ok"), "{checked:?}");
        assert!(says(&checked, "spreadsheet").starts_with("ok"), "{checked:?}");
        let asked = bench.stage.sheets.script().count("imds");
        assert!(asked >= 3, "a session, the role's name and its keys: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federation_without_a_service_account_is_told_that_nothing_can_be_shared_with_it() {
    let bench = Bench::new().await;
    let mut credentials = bench.of_file();
    credentials
        .as_object_mut()
        .unwrap()
        .remove("service_account_impersonation_url");
    bench.give(&credentials);
    let checked = bench.check(&[]).await;
    let said = says(&checked, "credentials");
    assert!(
        said.contains("note | ") && said.contains("--service-account=ADDRESS"),
        "{said}"
    );
    assert!(says(&checked, "token").starts_with("ok"), "{checked:?}");
    let said = says(&checked, "spreadsheet");
    assert!(
        said.starts_with("wrong") && said.contains("the account of the credentials"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again() {
    let bench = Bench::new().await;
    bench.give(&bench.of_file());
    for method in ["sts.token", "iamcredentials.generateAccessToken"] {
        for fault in [
            Fault::Status(503),
            Fault::Html503,
            Fault::Nonsense,
            Fault::ResetBefore,
            Fault::Truncate,
            Fault::Throttle,
        ] {
            bench.stage.sheets.script().fail(method, When::First, fault);
            let ran = bench.once(&[]).await;
            assert_eq!(ran.code, 0, "{method} {fault:?}: {ran:?}");
            bench.stage.sheets.script().clear();
        }
    }
}
