//! Credentials that cannot be used, each told with its file, its kind, what is missing and what to do; and those that a far end
//! refuses, with that end's own reason.

use fleetsheet_mocks::sheets::{PERSON, SERVICE_ACCOUNT};
use serde_json::{Value, json};

use super::{Bench, says};

/// The credentials with a value in place of the one at a path such as `/credential_source/url`; null takes it out.
fn with(mut credentials: Value, path: &str, value: Value) -> Value {
    let (parent, field) = path.rsplit_once('/').unwrap();
    credentials.pointer_mut(parent).unwrap()[field] = value;
    credentials
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_cannot_be_used_are_named() {
    let bench = Bench::new().await;
    let program = json!({ "executable": { "command": "/bin/true", "timeout_millis": 5000 } });
    let certificate = json!({ "certificate": { "use_default_certificate_config": true } });
    for (credentials, words) in [
        (
            bench.external(&program),
            "(external_account) takes its token from a program (credential_source.executable)",
        ),
        (
            bench.external(&certificate),
            "(external_account) takes its token from a client certificate",
        ),
        (
            json!({ "type": "external_account_authorized_user" }),
            "external_account_authorized_user",
        ),
        (json!({ "type": "gdch_service_account" }), "gdch_service_account"),
        (
            json!({ "type": "certainly_new" }),
            "its type is not service_account, authorized_user",
        ),
        (
            json!({ "installed": { "client_secret": super::CLIENT_SECRET } }),
            "OAuth client secret",
        ),
        (
            bench.impersonated(&bench.external(&program)),
            "source_credentials: (external_account) takes its token from a program",
        ),
    ] {
        refused(&bench, &credentials, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_leads_elsewhere_is_named() {
    let bench = Bench::new().await;
    let file = bench.of_file();
    let top = |of: &Value, field: &str, value: Value| with(of.clone(), &format!("/{field}"), value);
    for (credentials, words) in [
        (
            top(&file, "audience", Value::Null),
            "(external_account) audience is missing",
        ),
        (top(&file, "token_url", Value::Null), "token_url is missing"),
        (
            top(&file, "token_url", json!("https://sts.example.com/v1/token")),
            "token_url would send a token to https://sts.example.com",
        ),
        (
            top(&file, "token_url", json!("http://sts.googleapis.com/")),
            "token_url would send a token to http://sts.googleapis.com",
        ),
        (
            top(
                &file,
                "service_account_impersonation_url",
                json!("https://iam.example.com/x"),
            ),
            "service_account_impersonation_url would send",
        ),
        (
            top(
                &file,
                "service_account_impersonation_url",
                json!("https://iamcredentials.googleapis.com/v1/x"),
            ),
            "does not end in /serviceAccounts/ADDRESS:generateAccessToken",
        ),
        (
            top(
                &file,
                "service_account_impersonation",
                json!({ "token_lifetime_seconds": 60 }),
            ),
            "token_lifetime_seconds is not a whole number from 600 to 43200",
        ),
        (
            top(&file, "credential_source", json!({})),
            "names no file, no url and no environment_id",
        ),
    ] {
        refused(&bench, &credentials, words).await;
    }
    assert_eq!(bench.stage.sheets.script().log().len(), 0, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_source_is_named() {
    let bench = Bench::new().await;
    let (file, aws) = (bench.of_file(), bench.of_aws());
    let url = bench.external(&json!({ "url": bench.at("/subject") }));
    let source =
        |of: &Value, field: &str, value: Value| with(of.clone(), &format!("/credential_source/{field}"), value);
    for (credentials, words) in [
        (source(&file, "url", json!("https://x/")), "names more than one source"),
        (
            source(&file, "format", json!({ "type": "xml" })),
            "credential_source.format.type",
        ),
        (
            source(&file, "format", json!({ "type": "json" })),
            "subject_token_field_name is missing",
        ),
        (
            source(&url, "url", json!("http://idp.example.com/token")),
            "in plain text",
        ),
        (
            source(&aws, "environment_id", json!("aws2")),
            "environment_id is not \"aws1\"",
        ),
        (
            source(&aws, "url", json!("http://10.0.0.1/latest")),
            "credential_source.url names http://10.0.0.1, which is not the metadata server",
        ),
        (
            source(&aws, "region_url", json!("https://example.com/")),
            "credential_source.region_url",
        ),
        (
            source(&aws, "imdsv2_session_token_url", json!("http://example.com/")),
            "credential_source.imdsv2_session_token_url",
        ),
        (
            source(
                &aws,
                "regional_cred_verification_url",
                json!("https://sts.example.com?Action=GetCallerIdentity&Version=2011-06-15"),
            ),
            "credential_source.regional_cred_verification_url must be",
        ),
    ] {
        refused(&bench, &credentials, words).await;
    }
    assert_eq!(bench.stage.sheets.script().log().len(), 0, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_kinds_lack_is_named() {
    let bench = Bench::new().await;
    let user = bench.user();
    let top = |of: &Value, field: &str, value: Value| with(of.clone(), &format!("/{field}"), value);
    for (credentials, words) in [
        (
            top(&user, "refresh_token", Value::Null),
            "(authorized_user) refresh_token is missing",
        ),
        (
            top(&user, "token_uri", json!("https://example.com/token")),
            "token_uri would send a token to https://example.com",
        ),
        (
            bench.impersonated(&Value::Null),
            "(impersonated_service_account) source_credentials is missing",
        ),
        (
            with(
                bench.impersonated(&user),
                "/service_account_impersonation_url",
                Value::Null,
            ),
            "service_account_impersonation_url is missing",
        ),
        (
            with(bench.impersonated(&user), "/delegates", json!([7])),
            "delegates is not a list",
        ),
        (
            top(&bench.key(), "universe_domain", json!("example.com")),
            "universe_domain is not googleapis.com",
        ),
    ] {
        refused(&bench, &credentials, words).await;
    }
    assert_eq!(bench.stage.sheets.script().log().len(), 0, "nobody was asked");
}

async fn refused(bench: &Bench, credentials: &Value, words: &str) {
    bench.give(credentials);
    let checked = bench.check(&[]).await;
    let said = says(&checked, "credentials");
    assert_eq!(checked.code, 1, "{words}: {checked:?}");
    assert!(
        said.contains("wrong | ") && said.contains("credentials.json"),
        "{words}: {said}"
    );
    assert!(said.contains(words), "{words}: {said}");
    let ran = bench.once(&[]).await;
    assert_eq!(ran.code, 2, "a file that the configuration names: {ran:?}");
    assert!(
        ran.stderr.contains(words) || ran.stdout.contains(&words.replace('"', "\\\"")),
        "{words}: {ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_who_refuses_is_shown() {
    let bench = Bench::new().await;
    let desk = bench.stage.sheets.desk();
    let aws = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-this-key"),
    ];
    let strangers = json!("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/x/providers/y");
    for (credentials, env, parts) in [
        (
            with(bench.of_file(), "/audience", strangers),
            &[][..],
            &[
                "(external_account): Google's STS refuses with 400",
                "invalid_target",
                "workload identity pool",
            ][..],
        ),
        (
            bench.external(&json!({ "file": bench.stage.path("absent") })),
            &[],
            &["the subject token's file", "absent", "No such file"],
        ),
        (
            bench.external(&json!({ "url": bench.at("/subject") })),
            &[],
            &[
                "the identity provider (credential_source.url) refuses with 400",
                "Required metadata header not specified",
            ],
        ),
        (
            bench.external(&json!({ "url": bench.at("/subject"), "headers": { "Metadata": "True" },
                "format": { "type": "json", "subject_token_field_name": "access_token" } })),
            &[],
            &["the answer of the identity provider", "is not JSON"],
        ),
        (
            bench.of_aws(),
            &aws,
            &["invalid_grant", "AWS refuses it: Wrong", "AWS account"],
        ),
        (
            with(
                bench.impersonated(&bench.user()),
                "/source_credentials/refresh_token",
                json!("1//refresh-revoked-one"),
            ),
            &[],
            &[
                "(impersonated_service_account): Google's token endpoint refuses with 400",
                "expired or revoked",
                "gcloud auth application-default login",
            ],
        ),
    ] {
        token_refused(&bench, &credentials, env, parts).await;
    }
    std::fs::write(bench.stage.path("subject"), "eyJhbGciOiJSUzI1NiJ9.stale.stale").unwrap();
    token_refused(
        &bench,
        &bench.of_file(),
        &[],
        &["The token [secret] in the request is expired"],
    )
    .await;
    std::fs::write(bench.stage.path("subject"), super::SUBJECT).unwrap();
    desk.forbid_impersonation();
    let granted = format!("on {SERVICE_ACCOUNT}");
    let parts = [
        "IAM (generateAccessToken) refuses with 403",
        "IAM_PERMISSION_DENIED",
        "Workload Identity User",
        &granted,
    ];
    token_refused(&bench, &bench.of_file(), &[], &parts).await;
}

async fn token_refused(bench: &Bench, credentials: &Value, env: &[(&str, &str)], parts: &[&str]) {
    bench.give(credentials);
    let checked = bench.check(env).await;
    let said = says(&checked, "token");
    assert!(said.starts_with("wrong"), "{parts:?}: {checked:?}");
    let ran = bench.once(env).await;
    assert_eq!(ran.code, 1, "{parts:?}: {ran:?}");
    let told = ran.problems().join("\n");
    for part in parts.iter().chain(&["credentials.json"]) {
        assert!(said.contains(part), "{part}: {said}");
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_does_not_cover_spreadsheets_is_told_how_to_log_in() {
    let bench = Bench::new().await;
    let desk = bench.stage.sheets.desk();
    desk.set_agreed_scopes("openid https://www.googleapis.com/auth/cloud-platform");
    bench.give(&bench.user());
    let said = says(&bench.check(&[]).await, "credentials");
    assert!(
        said.contains("does not cover spreadsheets") && said.contains("auth/spreadsheets"),
        "{said}"
    );
    // It is enough for an impersonation.
    bench.give(&bench.impersonated(&bench.user()));
    assert_eq!(bench.once(&[]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_of_a_key_cannot_be_the_service() {
    let mut bench = Bench::new().await;
    bench.give(&bench.user());
    bench
        .stage
        .setting("FLEETSHEET_DUAL_KEY__A_EDITORS", &format!("[\"{PERSON}\"]"));
    let checked = bench.check(&[]).await;
    let said = says(&checked, "credentials");
    assert!(
        said.contains("wrong | ") && said.contains("person@example.com holds a key"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_an_address_is_no_editor_of_anything() {
    let bench = Bench::new().await;
    bench.give(&with(
        bench.of_file(),
        "/service_account_impersonation_url",
        Value::Null,
    ));
    let ran = bench.stage.run(&["init", "--dry-run"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("--service-account=ADDRESS"), "{ran:?}");
}
