//! Mail to a server that others wrote, over STARTTLS and over TLS from the start, with login and a certificate of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod aiosmtpd;
pub(crate) mod authority;

use std::path::Path;
use std::process::Command;

use chrono::DateTime;
use fleetsheet::adapters::smtp::{Security, Smtp, SmtpSettings};
use fleetsheet::mail::{Carrier as _, Outgoing};
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};

use crate::mailbox::Mail;
use crate::stage::{Ran, Stage};
use aiosmtpd::{Aiosmtpd, PASSWORD, USER};

/// A stage that mails to the server by this scheme; its password is in a file.
async fn stage(server: &Aiosmtpd, scheme: &str, password: &str) -> Stage {
    let (mut stage, _) = Stage::web(3).await;
    let user = USER.replace('@', "%40");
    let file = stage.path("password");
    std::fs::write(&file, format!("{password}\n")).unwrap();
    let url = format!("{scheme}://{user}@localhost:{}", server.port);
    stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    stage.setting("FLEETSHEET_EMAIL__SMTP_PASSWORD_FILE", file.to_str().unwrap());
    stage.setting("FLEETSHEET_EMAIL__FROM", "Flëetsheet <fleetsheet@example.com>");
    stage.setting(
        "FLEETSHEET_EMAIL__TO",
        r#"["Opérations <ops@example.com>", "b@example.com"]"#,
    );
    stage
}

async fn pass(stage: &Stage, authority: Option<&Path>) -> Ran {
    let arguments = ["--once", "--format", "json", "-v"];
    let ran = match authority {
        Some(path) => {
            let env = [("SSL_CERT_FILE", path.to_str().unwrap())];
            stage.run_with(&arguments, &env).await
        }
        None => stage.run(&arguments).await,
    };
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains(PASSWORD), "{}", ran.stderr);
    ran
}

/// The only message that the server has.
fn only(server: &Aiosmtpd) -> Mail {
    let messages = server.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = &messages[0];
    assert_eq!(message["from"], "fleetsheet@example.com");
    assert_eq!(message["to"], serde_json::json!(["ops@example.com", "b@example.com"]));
    assert_eq!((&message["tls"], &message["user"]), (&true.into(), &USER.into()));
    Mail::parse(message["data"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_over_starttls_and_over_tls_with_a_login() {
    for (mode, scheme) in [("starttls", "smtp"), ("tls", "smtps")] {
        let server = Aiosmtpd::start(mode);
        let stage = stage(&server, scheme, PASSWORD).await;
        let ran = pass(&stage, Some(&server.authority())).await;
        assert!(ran.stderr.contains("mail sent"), "{}", ran.stderr);
        let mail = only(&server);
        assert_eq!(mail.subject(), "[fleetsheet] web-prod: 2.3.9 adopted");
        assert!(mail.headers["To"].contains("<ops@example.com>"), "{mail:?}");
        assert!(mail.text.contains("2.3.9") && mail.html.contains("2.3.9"));
        pass(&stage, Some(&server.authority())).await;
        only(&server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts_keeps_the_mail_back() {
    for (mode, scheme) in [("starttls", "smtp"), ("tls", "smtps")] {
        let server = Aiosmtpd::start(mode);
        let stage = stage(&server, scheme, PASSWORD).await;
        let ran = pass(&stage, None).await;
        assert_eq!(server.messages(), [serde_json::Value::Null; 0]);
        assert!(ran.stderr.contains("certificate"), "{}", ran.stderr);
        // The pause after a failure is short at first.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        for _ in 0..10 {
            pass(&stage, Some(&server.authority())).await;
            if !server.messages().is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
        only(&server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_and_not_shown() {
    let server = Aiosmtpd::start("tls");
    let stage = stage(&server, "smtps", "wrong-hunter2").await;
    let ran = pass(&stage, Some(&server.authority())).await;
    assert!(ran.stderr.contains("did not accept the login (535)"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("wrong-hunter2"), "{}", ran.stderr);
    assert_eq!(server.messages(), [serde_json::Value::Null; 0]);
}

fn settings(security: Security, port: u16, login: bool) -> SmtpSettings {
    SmtpSettings {
        security,
        host: "localhost".into(),
        port,
        user: login.then(|| USER.to_owned()),
        password: login.then(|| PASSWORD.into()),
        password_file: None,
        hello_name: None,
        from: "fleetsheet@example.com".into(),
    }
}

/// Sends a letter and says in words what became of it.
async fn send(settings: SmtpSettings) -> String {
    let to = ["ops@example.com".to_owned(), "b@example.com".to_owned()];
    let mut smtp = Smtp::new(settings);
    if let Err(error) = smtp.open().await {
        return error.to_string();
    }
    let letter = Outgoing {
        id: "1.test".into(),
        date: DateTime::UNIX_EPOCH,
        to: &to,
        recipients: to.iter().map(String::as_str).collect(),
        subject: "[fleetsheet] test",
        text: "text",
        html: "<p>text</p>",
    };
    let sent = smtp.send(&letter).await;
    smtp.close().await;
    format!("{sent:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_is_required_away_from_this_machine() {
    let server = Aiosmtpd::start("starttls");
    let helper = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "mail_real_server::sends_over_starttls",
            "--nocapture",
        ])
        .env("SSL_CERT_FILE", server.authority())
        .env("FLEETSHEET_TEST_PORT", server.port.to_string())
        .output()
        .unwrap();
    assert!(helper.status.success(), "{}", String::from_utf8_lossy(&helper.stdout));
    assert_eq!(only(&server).subject(), "[fleetsheet] test");

    let plain = SmtpEmulator::start(SmtpOptions::default()).await.unwrap();
    let said = send(settings(Security::StartTls, plain.addr().port(), false)).await;
    assert!(said.contains("does not offer STARTTLS"), "{said}");
    assert_eq!(plain.messages(), []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a helper process of starttls_is_required_away_from_this_machine"]
async fn sends_over_starttls() {
    let port = std::env::var("FLEETSHEET_TEST_PORT").unwrap().parse().unwrap();
    let said = send(settings(Security::StartTls, port, true)).await;
    assert!(
        said.contains(r#"delivered: {"b@example.com", "ops@example.com"}"#),
        "{said}"
    );
}
