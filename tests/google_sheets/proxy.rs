//! The program behind a proxy: every far end is asked for by CONNECT and by name, but for those that NO_PROXY names.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use fleetsheet_mocks::cloud::Fleet;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::Stage;

/// A proxy that leads nowhere, and remembers what it was asked.
struct Proxy {
    address: String,
    /// Each: the line of the request, whether a login came with it, and whether TLS followed.
    asked: Arc<Mutex<BTreeSet<(String, bool, bool)>>>,
}

async fn answer(mut stream: TcpStream, reply: &str) -> std::io::Result<(String, bool, bool)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    stream.write_all(reply.as_bytes()).await?;
    // The first record of a TLS handshake.
    let tls = reply.contains(" 200 ") && stream.read_u8().await? == 0x16;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let login = head.contains("Proxy-Authorization: Basic dTpodW50ZXIy");
    Ok((line, login, tls))
}

impl Proxy {
    async fn start(reply: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let record = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let record = Arc::clone(&record);
                tokio::spawn(async move {
                    if let Ok(asked) = answer(stream, reply).await {
                        record.lock().unwrap().insert(asked);
                    }
                });
            }
        });
        Self { address, asked }
    }

    fn hosts(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let hosts: BTreeSet<String> = asked
            .iter()
            .filter_map(|(line, ..)| Some(line.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned()))
            .collect();
        hosts.into_iter().collect()
    }
}

const SHEETS: &str = "sheets.googleapis.com:443";
const EC2: &str = "ec2.eu-west-1.amazonaws.com:443";

/// `check` of a program whose far ends are the real ones, but for the token endpoint, which is on this machine.
async fn check(env: &[(&str, &str)]) -> String {
    let stage = Stage::new(&[("web-prod", "", "", true)], &[], Fleet::new("111122223333")).await;
    let config = std::fs::read_to_string(stage.path("fleetsheet.toml")).unwrap();
    let ours = |line: &&str| !line.starts_with("endpoint");
    let config: Vec<&str> = config.lines().filter(ours).collect();
    std::fs::write(stage.path("fleetsheet.toml"), config.join("\n")).unwrap();
    let mut env = env.to_vec();
    // Refused at once; the time is for a machine that is slow to begin TLS.
    env.push(("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "15s"));
    let ran = stage.run_with(&["check", "--format", "json"], &env).await;
    format!("{ran:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_far_end_is_reached_through_the_proxy() {
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let proxy = Proxy::start("HTTP/1.1 200 Connection established\r\n\r\n").await;
        let address = format!("http://u:hunter2@{}", proxy.address);
        let said = check(&[(name, &address)]).await;
        assert_eq!(proxy.hosts(), [EC2, SHEETS], "{name}: {said}");
        let asked = proxy.asked.lock().unwrap();
        assert!(asked.iter().all(|(_, login, tls)| *login && *tls), "{asked:?}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_without_a_key_are_had_through_the_proxy_too() {
    let dir = tempfile::tempdir().unwrap();
    let (subject, file) = (dir.path().join("subject"), dir.path().join("google.json"));
    std::fs::write(&subject, "subject-token").unwrap();
    let federation = json!({
        "type": "external_account", "audience": "//iam.googleapis.com/x", "token_url": "https://sts.googleapis.com/v1/token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": { "file": subject },
    });
    let login = json!({ "type": "authorized_user", "client_id": "1", "client_secret": "2", "refresh_token": "3" });
    for (credentials, host) in [
        (federation, "sts.googleapis.com:443"),
        (login, "oauth2.googleapis.com:443"),
    ] {
        std::fs::write(&file, credentials.to_string()).unwrap();
        let proxy = Proxy::start("HTTP/1.1 200 Connection established\r\n\r\n").await;
        let named = file.display().to_string();
        let env = [
            ("HTTPS_PROXY", &*proxy.address),
            ("FLEETSHEET_SHEETS__CREDENTIALS_FILE", &named),
        ];
        let said = check(&env).await;
        assert!(proxy.hosts().contains(&host.to_owned()), "{host}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_hold_for_every_far_end_and_a_refusal_names_the_proxy() {
    let proxy = Proxy::start("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let said = check(&[("HTTPS_PROXY", &proxy.address), ("NO_PROXY", "*.amazonaws.com")]).await;
    assert_eq!(proxy.hosts(), [SHEETS], "{said}");
    for words in [&*proxy.address, "proxy authorization required", "NO_PROXY"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let proxy = Proxy::start("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    check(&[("https_proxy", &proxy.address), ("no_proxy", "sheets.googleapis.com")]).await;
    assert_eq!(proxy.hosts(), [EC2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_environment_names_and_cannot_be_used_is_told() {
    for (name, value, words) in [
        (
            "HTTPS_PROXY",
            "socks5://127.0.0.1:1",
            "only http:// and https:// proxies",
        ),
        (
            "AWS_CA_BUNDLE",
            "/nowhere/ca.pem",
            "AWS_CA_BUNDLE names /nowhere/ca.pem",
        ),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "/nowhere/ca.pem"),
    ] {
        let said = check(&[(name, value)]).await;
        assert!(said.contains(words), "{name}: {said}");
    }
}
