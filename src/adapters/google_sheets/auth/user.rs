//! A person's login, as `gcloud auth application-default login` leaves it: a refresh token that gives access tokens.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::super::failure::error;
use super::fields::Fields;
use super::token::{SCOPE, Token};
use super::trust;
use super::wire::{Ask, Wire, form};
use crate::sheet::{SheetError, SheetErrorKind};

/// Where Google gives tokens, unless the file says so.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// How to log in so that the spreadsheet can be had.
const LOGIN: &str = "log in again: gcloud auth application-default login --scopes=openid,\
                     https://www.googleapis.com/auth/userinfo.email,https://www.googleapis.com/auth/cloud-platform,\
                     https://www.googleapis.com/auth/spreadsheets";

/// Scopes that cover the spreadsheet.
const COVERING: [&str; 2] = [SCOPE, "https://www.googleapis.com/auth/drive"];

/// The login.
#[derive(Debug)]
pub(super) struct User {
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    token_uri: String,
    /// Whose it is: the file says so, or the first answer.
    email: OnceLock<String>,
}

impl User {
    pub(super) fn of(file: &Value) -> Result<Self, String> {
        let fields = Fields::of(file);
        let uri = fields.maybe("token_uri")?.unwrap_or(TOKEN_URI);
        let account = fields.maybe("account")?.filter(|account| is_address(account));
        let email = account.map(|account| account.to_owned().into()).unwrap_or_default();
        Ok(Self {
            client_id: fields.text("client_id")?.to_owned(),
            client_secret: fields.secret("client_secret")?,
            refresh_token: fields.secret("refresh_token")?,
            token_uri: trust::google("token_uri", uri)?.into(),
            email,
        })
    }

    /// Whose login it is, if that is known yet.
    pub(super) fn email(&self) -> Option<&str> {
        self.email.get().map(String::as_str)
    }

    /// A token; the answer says whose it is, mostly. `direct`: the token is for the spreadsheet itself.
    pub(super) async fn token(&self, direct: bool, wire: &Wire) -> Result<Token, SheetError> {
        let (secret, refresh) = (self.client_secret.expose_secret(), self.refresh_token.expose_secret());
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", secret),
            ("refresh_token", refresh),
        ];
        let ask = Ask {
            who: "Google's token endpoint",
            counted: "oauth2.token",
            secrets: &[secret, refresh],
            fix: LOGIN,
        };
        let answer = wire.json(form(&self.token_uri, &fields, None)?, &ask).await?;
        if let Some(scopes) = answer["scope"].as_str()
            && direct
            && !scopes.split_whitespace().any(|scope| COVERING.contains(&scope))
        {
            let why = format!("this login does not cover spreadsheets; {LOGIN}");
            return Err(error(SheetErrorKind::Denied, &why));
        }
        let expires = Token::expiry(answer["expires_in"].as_i64());
        let token = Token::new(answer["access_token"].as_str().unwrap_or_default(), expires);
        let token = token.ok_or_else(|| {
            let why = "Google's token endpoint answered without a usable token";
            error(SheetErrorKind::Transient, why)
        })?;
        if let Some(email) = answer["id_token"].as_str().and_then(email_of) {
            self.email.get_or_init(|| email);
        }
        Ok(token)
    }
}

/// The address in an id token. It came straight from the issuer, so that its signature says nothing more.
fn email_of(id_token: &str) -> Option<String> {
    let claims = id_token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["email"]
        .as_str()
        .filter(|email| is_address(email))
        .map(str::to_owned)
}

fn is_address(text: &str) -> bool {
    text.contains('@') && !text.contains(char::is_whitespace)
}
