//! A client that knows nothing but sockets and JSON.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::sheets::{CellValue, SERVICE_ACCOUNT, SheetsEmulator, Spreadsheet, Tab};

pub(super) const FULL: &str = "https://www.googleapis.com/auth/spreadsheets";
pub(super) const READONLY: &str = "https://www.googleapis.com/auth/spreadsheets.readonly";
pub(super) const ID: &str = "1AbC";

/// One answer: its status and its body as JSON, or as text if it is none.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn refused(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(self.message().contains(part), "{}", self.body);
    }

    #[track_caller]
    pub(super) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

pub(super) struct Client {
    pub(super) emulator: SheetsEmulator,
    pub(super) token: String,
}

pub(super) fn texts(rows: &[&[&str]]) -> Vec<Vec<CellValue>> {
    rows.iter()
        .map(|row| row.iter().map(|text| CellValue::from(*text)).collect())
        .collect()
}

/// Two tabs: `Sheet1` as given, with a grid of 20 by 6, and an empty one whose name needs quotes.
pub(super) async fn client(rows: &[&[&str]]) -> Result<Client> {
    let book = Spreadsheet::new(ID, "Fleet", "owner@example.com")
        .with_tab(Tab::with_rows(0, "Sheet1", texts(rows)).with_grid(20, 6))
        .with_tab(Tab::new(7, "It's two", 10, 4));
    let mut client = Client {
        emulator: SheetsEmulator::start(book).await?,
        token: String::new(),
    };
    client.token = client.sign_in(FULL).await?;
    Ok(client)
}

pub(super) fn assertion(key: &Value, claims: &Value) -> Result<String> {
    let pem = key["private_key"].as_str().context("no key")?;
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der)?)?;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

pub(super) fn claims(aud: &str, scope: &str) -> Result<Value> {
    let now = u64::try_from(crate::clock::now().timestamp())?;
    Ok(json!({ "iss": SERVICE_ACCOUNT, "aud": aud, "scope": scope, "iat": now, "exp": now + 3_600 }))
}

impl Client {
    pub(super) async fn grant(&self, claims: &Value) -> Result<Reply> {
        let key: Value = serde_json::from_str(&self.emulator.service_account_key_json()?)?;
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let form = format!("{grant}&assertion={}", assertion(&key, claims)?);
        self.send(
            "POST",
            "/token",
            "content-type: application/x-www-form-urlencoded\r\n",
            &form,
        )
        .await
    }

    pub(super) async fn sign_in(&self, scope: &str) -> Result<String> {
        let reply = self.grant(&claims(&self.emulator.token_uri(), scope)?).await?;
        ensure!(reply.status == 200, "{}", reply.body);
        Ok(reply.body["access_token"].as_str().context("no token")?.to_owned())
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<Reply> {
        let endpoint = self.emulator.endpoint();
        let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}");
        stream
            .write_all(format!("{head}\r\n{headers}\r\n{body}").as_bytes())
            .await?;
        let mut reply = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut reply)).await??;
        let reply = String::from_utf8(reply)?;
        let (head, body) = reply.split_once("\r\n\r\n").context("no reply")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok(Reply {
            status,
            body: serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
        })
    }

    pub(super) async fn get(&self, rest: &str) -> Result<Reply> {
        let bearer = format!("authorization: Bearer {}\r\n", self.token);
        self.send("GET", &format!("/v4/spreadsheets/{ID}{rest}"), &bearer, "")
            .await
    }

    pub(super) async fn post(&self, rest: &str, body: Value) -> Result<Reply> {
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\n",
            self.token
        );
        self.send(
            "POST",
            &format!("/v4/spreadsheets/{ID}{rest}"),
            &headers,
            &body.to_string(),
        )
        .await
    }

    pub(super) async fn batch(&self, requests: Value) -> Result<Reply> {
        self.post(":batchUpdate", json!({ "requests": requests })).await
    }

    /// The values of a range, unformatted.
    pub(super) async fn values(&self, range: &str) -> Result<Value> {
        let path = format!("/values/{range}?valueRenderOption=UNFORMATTED_VALUE");
        Ok(self.get(&path).await?.ok())
    }

    pub(super) async fn write(&self, option: &str, range: &str, values: Value) -> Result<Reply> {
        let data = json!([{ "range": range, "values": values }]);
        self.post(
            "/values:batchUpdate",
            json!({ "valueInputOption": option, "data": data }),
        )
        .await
    }
}
