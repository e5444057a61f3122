//! Google without a key file: every kind of credentials that Google's own clients take, through the real program, and every
//! kind and fault that is refused.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod kinds;
mod places;
mod refused;

use fleetsheet_mocks::sheets::{AUDIENCE, REFRESH_TOKEN, SERVICE_ACCOUNT};
use serde_json::{Value, json};

use crate::stage::{Ran, Stage};

const SUBJECT: &str = "eyJhbGciOiJSUzI1NiJ9.c3ViamVjdC0wMDAx.c2lnbmF0dXJl";
const CLIENT_SECRET: &str = "GOCSPX-0123456789abcdef";
const CHECK: [&str; 3] = ["check", "--format", "json"];

/// A stage whose credentials are in `credentials.json`.
struct Bench {
    stage: Stage,
}

impl Bench {
    async fn new() -> Self {
        let (mut stage, _) = Stage::web(2).await;
        let file = stage.path("credentials.json").display().to_string();
        stage.setting("FLEETSHEET_SHEETS__CREDENTIALS_FILE", &file);
        stage.sheets.desk().set_subject(SUBJECT);
        let bench = Self { stage };
        std::fs::write(bench.stage.path("subject"), format!("{SUBJECT}\n")).unwrap();
        bench
    }

    /// Lets the program look for credentials itself.
    fn unconfigured(&mut self) {
        self.stage
            .settings
            .retain(|(name, _)| !name.ends_with("CREDENTIALS_FILE"));
        let path = self.stage.path("fleetsheet.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("credentials_file"))
            .collect();
        std::fs::write(&path, kept.join("\n")).unwrap();
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.stage.sheets.endpoint().trim_end_matches('/'))
    }

    fn give(&self, credentials: &Value) {
        write(&self.stage.path("credentials.json"), credentials);
    }

    fn key(&self) -> Value {
        serde_json::from_str(&self.stage.sheets.service_account_key_json().unwrap()).unwrap()
    }

    fn user(&self) -> Value {
        json!({
            "type": "authorized_user", "account": "", "client_id": "1.apps.googleusercontent.com",
            "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN, "token_uri": self.at("/refresh"),
            "universe_domain": "googleapis.com",
        })
    }

    fn impersonation_url(&self) -> String {
        self.at(&format!(
            "/v1/projects/-/serviceAccounts/{SERVICE_ACCOUNT}:generateAccessToken"
        ))
    }

    fn impersonated(&self, source: &Value) -> Value {
        json!({
            "type": "impersonated_service_account", "delegates": [], "source_credentials": source,
            "service_account_impersonation_url": self.impersonation_url(),
        })
    }

    fn external(&self, source: &Value) -> Value {
        let kind = if source["environment_id"].is_null() {
            "urn:ietf:params:oauth:token-type:jwt"
        } else {
            "urn:ietf:params:aws:token-type:aws4_request"
        };
        json!({
            "type": "external_account", "audience": AUDIENCE, "subject_token_type": kind,
            "token_url": self.at("/v1/token"), "credential_source": source, "universe_domain": "googleapis.com",
            "service_account_impersonation_url": self.impersonation_url(),
        })
    }

    fn of_file(&self) -> Value {
        self.external(&json!({ "file": self.stage.path("subject") }))
    }

    /// What gcloud writes for AWS, with the metadata server of the emulator.
    fn of_aws(&self) -> Value {
        self.external(&json!({
            "environment_id": "aws1",
            "region_url": self.at("/latest/meta-data/placement/availability-zone"),
            "url": self.at("/latest/meta-data/iam/security-credentials"),
            "imdsv2_session_token_url": self.at("/latest/api/token"),
            "regional_cred_verification_url":
                "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        }))
    }

    async fn check(&self, env: &[(&str, &str)]) -> Ran {
        let ran = self.stage.run_with(&CHECK, env).await;
        quiet(&ran);
        ran
    }

    async fn once(&self, env: &[(&str, &str)]) -> Ran {
        let ran = self.stage.run_with(&["--once", "--format", "json", "-v"], env).await;
        quiet(&ran);
        ran
    }
}

fn write(path: &std::path::Path, credentials: &Value) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, credentials.to_string()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// No run shows anything that opens anything.
#[track_caller]
fn quiet(ran: &Ran) {
    for secret in [
        "ya29.",
        "1//refresh",
        CLIENT_SECRET,
        SUBJECT,
        "PRIVATE KEY",
        "mock/secret",
        "AWS4-HMAC",
        "eyJhbGci",
    ] {
        assert!(
            !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
            "{secret}: {ran:?}"
        );
    }
}

/// What `check` says of an item: its verdicts, places and words.
fn says(ran: &Ran, item: &str) -> String {
    let lines = ran.json["checks"]
        .as_array()
        .unwrap_or_else(|| panic!("{ran:?}"))
        .iter();
    let lines = lines.filter(|line| line["check"] == item);
    let word = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    lines
        .map(|line| {
            ["verdict", "where", "message", "fix"]
                .map(|field| word(line, field))
                .join(" | ")
        })
        .collect::<Vec<_>>()
        .join("\n")
}
