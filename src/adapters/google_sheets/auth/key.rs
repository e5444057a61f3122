//! A service account's key, and what the OAuth crate does with it: it signs assertions, and it asks the metadata server.

use chrono::DateTime;
use serde_json::Value;
use url::Url;
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::{ServiceAccountAuthenticator, ServiceAccountKey};

use super::super::failure::{error, unconnected};
use super::fields::{AGAIN, Fields};
use super::token::Token;
use super::trust::UNIVERSE;
use super::wire::{Wire, http_client};
use crate::adapters::outbound::Connector;
use crate::endpoint::is_private;
use crate::sheet::{SheetError, SheetErrorKind};
use crate::text::without_semicolons;

/// Reads a service-account key. Problems are worded to follow the file's name and never quote its content.
pub(super) fn read_key(file: Value) -> Result<ServiceAccountKey, String> {
    let fields = Fields::of(&file);
    for field in ["client_email", "private_key", "token_uri"] {
        fields.text(field)?;
    }
    let domain = fields.maybe("universe_domain")?.unwrap_or(UNIVERSE);
    if domain != UNIVERSE {
        return Err(format!(
            "universe_domain is not {UNIVERSE}, and there is no Google Sheets elsewhere"
        ));
    }
    let key: ServiceAccountKey =
        serde_json::from_value(file).map_err(|_| format!("has a field of the wrong type; {AGAIN}"))?;
    check_token_uri(&key.token_uri)?;
    Ok(key)
}

/// Accepts `https`, and `http` to this machine only: a token must not cross a network in plain text. Another host could do
/// nothing with the assertion, which is made out to it.
pub(super) fn check_token_uri(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| "token_uri is not a URL".to_owned())?;
    if is_private(&url) {
        return Ok(());
    }
    Err("token_uri must start with https://".to_owned())
}

/// What signs with the key.
pub(super) async fn signer(key: ServiceAccountKey, connector: Connector) -> Result<Authenticator<Connector>, String> {
    let client = CustomHyperClientBuilder::from(http_client(connector));
    let built = ServiceAccountAuthenticator::with_client(key, client).build().await;
    // The error could only say which step failed on the key; the fix is the same.
    built.map_err(|_| "private_key is not an RSA key in PEM form; download the key again".into())
}

/// A token for a scope.
pub(super) async fn token(from: &Authenticator<Connector>, scope: &str, wire: &Wire) -> Result<Token, SheetError> {
    wire.calls.count("oauth2.token");
    // Our own cache decides; the crate's would neither count nor wait for a fetch that is under way.
    let scopes = [scope];
    let fetch = from.force_refreshed_token(&scopes);
    let token = match tokio::time::timeout(wire.timeout, fetch).await {
        Ok(fetched) => fetched.map_err(|e| token_failure(&e))?,
        Err(_) => return Err(transient("the token endpoint does not answer")),
    };
    let expires = token.expiration_time().map(|time| time.unix_timestamp());
    let expires = expires.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Token::new(token.token().unwrap_or_default(), expires)
        .ok_or_else(|| transient("the token endpoint answered without a usable token"))
}

fn transient(message: &str) -> SheetError {
    error(SheetErrorKind::Transient, message)
}

fn unreachable_endpoint(failure: &(dyn std::error::Error + 'static)) -> SheetError {
    let (kind, why) = unconnected(failure);
    error(kind, &format!("the token endpoint is not reachable: {why}"))
}

/// Says what a failed fetch means. The status of the answer is lost in the crate, so its words have to do.
pub(super) fn token_failure(failure: &yup_oauth2::Error) -> SheetError {
    use yup_oauth2::error::AuthErrorCode::{self, InvalidGrant, Other};
    let passing = |code: &AuthErrorCode| {
        matches!(code, Other(word) if ["internal_failure", "server_error", "temporarily_unavailable", "backend_error",
            "rate_limit_exceeded"].contains(&word.as_str()))
    };
    match failure {
        yup_oauth2::Error::AuthError(e) if !passing(&e.error) => {
            let said = match e.error_description.as_deref() {
                Some(said) => without_semicolons(&format!("{said} ({})", e.error.as_str())),
                None => e.error.as_str().to_owned(),
            };
            let fix = if e.error == InvalidGrant {
                "check that the service account and its key are not disabled or deleted, and that this machine's clock is right"
            } else {
                "check the credentials"
            };
            error(SheetErrorKind::Denied, &format!("no access token: {said}; {fix}"))
        }
        yup_oauth2::Error::AuthError(e) => {
            let said = e.error_description.as_deref().unwrap_or_default();
            let said = without_semicolons(&format!("{} {said}", e.error.as_str()));
            transient(&format!("the token endpoint failed: {said}"))
        }
        yup_oauth2::Error::HttpError(e) => unreachable_endpoint(e),
        yup_oauth2::Error::HttpClientError(e) => unreachable_endpoint(e),
        yup_oauth2::Error::UserError(_) | yup_oauth2::Error::CredentialSourceError(_) => error(
            SheetErrorKind::Denied,
            "no access token: the credentials are not usable",
        ),
        // A page of HTML from a front end, a body that broke off. The text is left out: it could be anything.
        _ => transient("the token endpoint did not answer with a token"),
    }
}
