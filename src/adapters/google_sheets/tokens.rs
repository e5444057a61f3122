//! Access tokens: fetched one at a time and in time, counted, and kept until they expire. No message shows a token.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use google_sheets4::common::GetToken;
use yup_oauth2::AccessToken;
use yup_oauth2::authenticator::Authenticator;

use super::auth::SCOPE;
use super::failure::{error, unconnected};
use crate::adapters::outbound::Connector;
use crate::calls::Calls;
use crate::sheet::{SheetError, SheetErrorKind};

struct Shared {
    authenticator: Authenticator<Connector>,
    /// Held while a token is fetched, so that callers at the same time wait for one request instead of making their
    /// own.
    current: tokio::sync::Mutex<Option<AccessToken>>,
    /// The last token, forgotten or not, to keep it out of messages.
    last: Mutex<Option<String>>,
    timeout: Duration,
    calls: Calls,
}

/// The access tokens of one account. A clone shares them.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Shared>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// `timeout` is for one fetch.
    pub(super) fn new(authenticator: Authenticator<Connector>, timeout: Duration, calls: Calls) -> Self {
        Self(Arc::new(Shared {
            authenticator,
            current: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            timeout,
            calls,
        }))
    }

    /// Forgets the token, so that the next call fetches a fresh one.
    pub(super) async fn forget(&self) {
        self.0.current.lock().await.take();
    }

    /// Strikes the token out of a text, should a far end repeat it.
    pub(super) fn redact(&self, text: &str) -> String {
        match &*self.0.last.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(token) => text.replace(token, "[token]"),
            None => text.to_owned(),
        }
    }

    /// The token, fetched if there is none that is still good.
    pub(super) async fn get(&self) -> Result<String, SheetError> {
        let mut current = self.0.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| !token.is_expired()) {
            return usable(token);
        }
        self.0.calls.count("oauth2.token");
        // Our own cache decides; the crate's would neither count nor wait for a fetch that is under way.
        let fetch = self.0.authenticator.force_refreshed_token(&[SCOPE]);
        let token = match tokio::time::timeout(self.0.timeout, fetch).await {
            Ok(fetched) => fetched.map_err(|e| token_failure(&e))?,
            Err(_) => return Err(transient("the token endpoint does not answer")),
        };
        let text = usable(&token)?;
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        *current = Some(token);
        Ok(text)
    }
}

impl GetToken for Tokens {
    fn get_token<'a>(
        &'a self,
        _scopes: &'a [&str],
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>
    {
        Box::pin(async move { Ok(Some(self.get().await?)) })
    }
}

/// The token's text, if it can stand in a header: the API crate panics on one that cannot.
fn usable(token: &AccessToken) -> Result<String, SheetError> {
    match token.token() {
        Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(transient("the token endpoint answered without a usable token")),
    }
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
                Some(said) => format!("{said} ({})", e.error.as_str()),
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
            transient(&format!("the token endpoint failed: {} {said}", e.error.as_str()))
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
