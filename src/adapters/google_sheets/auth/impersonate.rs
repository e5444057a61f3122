//! The token of a service account, had from IAM with another token: the last step of a federation, and impersonation.

use chrono::{DateTime, Utc};
use google_sheets4::hyper::Request;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::super::failure::error;
use super::fields::{AGAIN, Fields};
use super::token::Token;
use super::trust;
use super::wire::{Ask, Wire, made};
use crate::sheet::{SheetError, SheetErrorKind};

/// How long a token is to be good, in seconds: Google's default, the least it gives and the most.
const LIFETIME: i64 = 3600;
const LIFETIMES: std::ops::RangeInclusive<i64> = 600..=43_200;

/// A service account whose token others may have.
#[derive(Debug)]
pub(super) struct Account {
    url: String,
    pub(super) email: String,
    delegates: Vec<String>,
    lifetime: i64,
}

impl Account {
    /// Reads `service_account_impersonation_url`, if the file has it, and what goes with it.
    pub(super) fn of(file: &Value) -> Result<Option<Self>, String> {
        const URL: &str = "service_account_impersonation_url";
        let Some(text) = Fields::of(file).maybe(URL)? else {
            return Ok(None);
        };
        let url = trust::google(URL, text)?;
        let name = url.path().rsplit_once("/serviceAccounts/").map(|(_, name)| name);
        let name = name.and_then(|name| name.strip_suffix(":generateAccessToken"));
        let email = name.and_then(|name| percent_decode_str(name).decode_utf8().ok());
        let email = email.filter(|email| email.contains('@') && !email.contains(char::is_whitespace));
        let email = email
            .ok_or_else(|| format!("{URL} does not end in /serviceAccounts/ADDRESS:generateAccessToken; {AGAIN}"))?;
        Ok(Some(Self {
            email: email.into_owned(),
            delegates: delegates(&file["delegates"])?,
            lifetime: lifetime(&file["service_account_impersonation"])?,
            url: url.into(),
        }))
    }

    /// A token of the account for a scope, had with a token that may ask for it.
    pub(super) async fn token(&self, with: &Token, scope: &str, wire: &Wire) -> Result<Token, SheetError> {
        let body = json!({
            "delegates": self.delegates,
            "scope": [scope],
            "lifetime": format!("{}s", self.lifetime),
        });
        let body = body.to_string();
        let request = Request::post(&self.url)
            .header("authorization", format!("Bearer {}", with.text()))
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .body(body);
        let fix = format!(
            "enable the IAM Service Account Credentials API in its project, and grant who asks the role Workload Identity \
             User (a federation) or Service Account Token Creator on {}",
            self.email
        );
        let ask = Ask {
            who: "IAM (generateAccessToken)",
            counted: "iamcredentials.generateAccessToken",
            secrets: &[with.text()],
            fix: &fix,
        };
        let answer = wire.json(made(request)?, &ask).await?;
        let expires = answer["expireTime"].as_str();
        let expires = expires.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let expires = expires
            .map(|time| time.with_timezone(&Utc))
            .or_else(|| Token::expiry(Some(self.lifetime)));
        let token = answer["accessToken"].as_str().unwrap_or_default();
        Token::new(token, expires)
            .ok_or_else(|| error(SheetErrorKind::Transient, "IAM answered without a usable token"))
    }
}

/// Accounts on the way, in the form of the API. Files hold addresses alone, too.
fn delegates(list: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("delegates is not a list of service accounts; {AGAIN}");
    let list = match list {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(wrong()),
    };
    let each = list.iter().map(|entry| match entry.as_str() {
        Some(name) if name.starts_with("projects/") => Ok(name.to_owned()),
        Some(email) if email.contains('@') => Ok(format!("projects/-/serviceAccounts/{email}")),
        _ => Err(wrong()),
    });
    each.collect()
}

fn lifetime(options: &Value) -> Result<i64, String> {
    const FIELD: &str = "token_lifetime_seconds";
    match &options[FIELD] {
        Value::Null => Ok(LIFETIME),
        seconds => seconds
            .as_i64()
            .filter(|seconds| LIFETIMES.contains(seconds))
            .ok_or_else(|| {
                format!(
                    "service_account_impersonation.{FIELD} is not a whole number from {} to {}",
                    LIFETIMES.start(),
                    LIFETIMES.end()
                )
            }),
    }
}
