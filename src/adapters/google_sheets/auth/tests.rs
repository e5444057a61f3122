use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::key::{check_token_uri, token_failure};
use super::*;
use crate::adapters::google_sheets::tokens::Tokens;
use crate::calls::Calls;

/// The metadata server of a cloud machine, as far as we ask it.
async fn metadata_server(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await?;
        let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
        let body = match request.split(' ').nth(1).unwrap_or_default() {
            _ if !request.contains("metadata-flavor: google") => "",
            path if path.ends_with("/default/email") => "machine@example.com\n",
            path if path.contains("/default/token") => {
                r#"{"access_token": "t0ken", "expires_in": 3600, "token_type": "Bearer"}"#
            }
            _ => "",
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

#[tokio::test]
async fn a_machine_with_a_service_account_needs_no_key_file() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(metadata_server(listener));
    let connector = crate::adapters::google_sheets::connector().unwrap();
    let (authenticator, email) = machine::find(&host, connector.clone()).await.unwrap();
    assert_eq!(email, "machine@example.com");
    let calls = Calls::default();
    let wire = Wire::new(connector.clone(), Duration::from_secs(5), calls.clone());
    let found = Credentials {
        source: Source::Machine(authenticator, email),
        place: Place::Machine(host.clone()),
    };
    let tokens = Tokens::new(found, wire);
    assert_eq!(tokens.get().await.unwrap(), "t0ken");
    assert_eq!(tokens.get().await.unwrap(), "t0ken");
    assert_eq!(calls.snapshot()["oauth2.token"], 1);
    assert_eq!(tokens.redact("say t0ken aloud"), "say [token] aloud");
    assert!(!format!("{tokens:?}").contains("t0ken"));
    server.abort();
    let _ = server.await;

    let Err(gone) = machine::find(&host, connector).await else {
        panic!("the metadata server is gone")
    };
    assert_eq!(gone.kind, SheetErrorKind::Denied);
    assert!(gone.message.contains("sheets.credentials_file"), "{gone}");
}

fn refusal(text: &str) -> String {
    check_file(text.as_bytes()).unwrap_err()
}

#[test]
fn what_is_wrong_with_a_key_file_is_said_without_its_content() {
    let secret = "-----BEGIN-hunter2";
    let key = |change: &dyn Fn(&mut Value)| {
        let mut key = json!({"type": "service_account", "client_email": "a@b", "private_key": secret,
            "token_uri": "https://oauth2.googleapis.com/token"});
        change(&mut key);
        key.to_string()
    };
    assert_eq!(check_file(key(&|_| {}).as_bytes()), Ok(Some("a@b".into())));
    let cases = [
        (
            format!("{{\"private_key\": \"{secret}\" oops"),
            "not JSON (line 1, column",
        ),
        (String::new(), "not JSON"),
        ("[]".into(), "is not a credentials file"),
        (
            key(&|key| key["type"] = json!("authorized_user")),
            "(authorized_user) client_id is missing",
        ),
        (key(&|key| key["type"] = json!(secret)), "is not a credentials file"),
        (
            json!({"installed": {"client_secret": secret}}).to_string(),
            "OAuth client secret",
        ),
        (key(&|key| key["token_uri"] = json!(null)), "token_uri is missing"),
        (key(&|key| key["private_key"] = json!(" ")), "private_key is missing"),
        (key(&|key| key["project_id"] = json!({ secret: secret })), "wrong type"),
    ];
    for (text, words) in cases {
        let said = refusal(&text);
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn tokens_go_over_tls_or_stay_on_this_machine() {
    for good in [
        "https://sheets.googleapis.com/",
        "http://127.0.0.1:1/",
        "http://[::1]:1",
        "http://localhost:8/x",
    ] {
        assert_eq!(check_token_uri(good), Ok(()), "{good}");
    }
    for bad in [
        "http://sheets.googleapis.com/",
        "http://127.0.0.1.example.com/",
        "ftp://127.0.0.1/",
        "sheets",
        "",
    ] {
        assert!(check_token_uri(bad).is_err(), "{bad}");
    }
}

#[test]
fn failures_of_the_token_endpoint_are_sorted() {
    let failed = |error: &str| {
        let answer = json!({"error": error, "error_description": "Invalid JWT Signature."});
        token_failure(&yup_oauth2::Error::AuthError(serde_json::from_value(answer).unwrap()))
    };
    let denied = failed("invalid_grant");
    assert_eq!(denied.kind, SheetErrorKind::Denied);
    assert!(
        denied.message.contains("Invalid JWT Signature.") && denied.message.contains("clock"),
        "{denied}"
    );
    assert_eq!(failed("unauthorized_client").kind, SheetErrorKind::Denied);
    assert_eq!(failed("internal_failure").kind, SheetErrorKind::Transient);
    let html = serde_json::from_str::<Value>("<html>").unwrap_err();
    assert_eq!(token_failure(&html.into()).kind, SheetErrorKind::Transient);
}
