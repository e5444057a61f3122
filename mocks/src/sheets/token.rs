//! The token endpoint: a service account's signed assertion becomes a bearer token that runs out.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

/// The service account that the emulator knows.
pub const SERVICE_ACCOUNT: &str = "fleetsheet@sandbox-000000.iam.gserviceaccount.com";

const KEY_ID: &str = "0000000000000000000000000000000000000001";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SCOPES: &str = "https://www.googleapis.com/auth/";

struct Key {
    pem: String,
    public: Vec<u8>,
}

/// The account's private key, in PKCS #8. It is no secret: it opens this emulator and nothing else. A new one for each
/// process would take longer than all else that a sandbox has to do before its first pass.
const PRIVATE_KEY: &[u8] = include_bytes!("token/key.der");

static KEY: LazyLock<Result<Key>> = LazyLock::new(|| {
    let pair = KeyPair::from_pkcs8(PRIVATE_KEY)
        .ok()
        .context("the emulator's own key cannot be read")?;
    let body = STANDARD.encode(PRIVATE_KEY);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in body.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(Key {
        pem,
        public: pair.public_key().as_ref().to_vec(),
    })
});

fn key() -> Result<&'static Key> {
    KEY.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// The key file of the service account, as JSON.
pub(super) fn key_json(token_uri: &str) -> Result<String> {
    let key = json!({
        "type": "service_account",
        "project_id": "sandbox-000000",
        "private_key_id": KEY_ID,
        "private_key": key()?.pem,
        "client_email": SERVICE_ACCOUNT,
        "client_id": "100000000000000000001",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    });
    Ok(serde_json::to_string_pretty(&key)?)
}

/// Tokens given out so far.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) uri: String,
    pub(super) lifetime: Duration,
    given: HashMap<String, (Instant, String)>,
    count: u64,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    scope: Option<String>,
    iat: i64,
    exp: i64,
}

impl Tokens {
    pub(super) fn new(uri: String) -> Self {
        Self {
            uri,
            lifetime: Duration::from_secs(3_599),
            given: HashMap::new(),
            count: 0,
        }
    }

    /// Lets no token given so far count any more.
    pub(super) fn revoke(&mut self) {
        self.given.clear();
    }

    /// Answers a request for a token, given the fields of its form.
    pub(super) fn grant(&mut self, form: &HashMap<String, String>) -> Response {
        match self.verify(form) {
            Ok(scope) => {
                let token = self.give(&scope);
                let seconds = self.lifetime.as_secs();
                Json(json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" })).into_response()
            }
            Err((error, description)) => refusal(StatusCode::BAD_REQUEST, error, description),
        }
    }

    /// Gives a token for scopes.
    pub(super) fn give(&mut self, scopes: &str) -> String {
        self.count += 1;
        let token = format!("ya29.emulated-{}", self.count);
        let until = Instant::now() + self.lifetime;
        self.given.insert(token.clone(), (until, scopes.to_owned()));
        token
    }

    /// The scopes of a token that counts.
    pub(super) fn scopes(&self, token: &str) -> Option<String> {
        let (until, scopes) = self.given.get(token)?;
        (*until > Instant::now()).then(|| scopes.clone())
    }

    fn verify(&self, form: &HashMap<String, String>) -> std::result::Result<String, (&'static str, &'static str)> {
        if form.get("grant_type").map(String::as_str) != Some(GRANT) {
            return Err(("unsupported_grant_type", "Invalid grant_type"));
        }
        let assertion = form.get("assertion").ok_or(("invalid_request", "Missing assertion"))?;
        let bad = ("invalid_grant", "Bad assertion");
        let (signed, signature) = assertion.rsplit_once('.').ok_or(bad)?;
        let (header, claims) = signed.split_once('.').ok_or(bad)?;
        // The service takes padding, which the standard forbids and some clients send.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| bad);
        let header: serde_json::Value = serde_json::from_slice(&decode(header)?).map_err(|_| bad)?;
        if header["alg"] != "RS256" {
            return Err(("invalid_grant", "Invalid JWT: the algorithm must be RS256."));
        }
        let public = key().map_err(|_| bad)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public.public)
            .verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_| ("invalid_grant", "Invalid JWT Signature."))?;
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| bad)?;
        if claims.iss != SERVICE_ACCOUNT {
            return Err(("invalid_grant", "Invalid grant: account not found"));
        }
        if claims.aud != self.uri {
            return Err(("invalid_grant", "Invalid JWT: Failed audience check."));
        }
        // The service allows for clocks that are a little off.
        let now = crate::clock::now().timestamp();
        let lives = claims.exp - claims.iat;
        if claims.iat > now + 300 || claims.exp < now - 300 || !(1..=3_600).contains(&lives) {
            let why = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
            return Err(("invalid_grant", why));
        }
        match claims.scope {
            Some(scope) if !scope.trim().is_empty() => Ok(scope),
            _ => Err(("invalid_scope", "Empty or missing scope not allowed.")),
        }
    }

    /// Whether the `Authorization` header carries a token that counts; if so, whether its scopes suffice.
    pub(super) fn allows(&self, authorization: Option<&str>, writes: bool) -> Option<bool> {
        let token = authorization?.strip_prefix("Bearer ")?;
        let (until, scopes) = self.given.get(token)?;
        if *until <= Instant::now() {
            return None;
        }
        let covers = |scope: &str| {
            let Some(scope) = scope.strip_prefix(SCOPES) else {
                return false;
            };
            let reads = ["spreadsheets.readonly", "drive.readonly"].contains(&scope) && !writes;
            reads || ["spreadsheets", "drive", "drive.file"].contains(&scope)
        };
        Some(scopes.split_whitespace().any(covers))
    }
}

/// A refusal as the token endpoint words it.
pub(super) fn refusal(status: StatusCode, error: &str, description: &str) -> Response {
    (
        status,
        Json(json!({ "error": error, "error_description": description })),
    )
        .into_response()
}
