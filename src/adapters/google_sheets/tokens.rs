//! Access tokens: fetched one at a time and in time, counted, and kept until they expire. No message shows a token.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use google_sheets4::common::GetToken;
use secrecy::{ExposeSecret as _, SecretString};

use super::auth::{Credentials, Token, Wire};
use super::failure::error;
use crate::sheet::{SheetError, SheetErrorKind};

struct Shared {
    credentials: Credentials,
    wire: Wire,
    /// Held while a token is fetched, so that callers at the same time wait for one request instead of making their
    /// own.
    current: tokio::sync::Mutex<Option<Token>>,
    /// The last token, forgotten or not, to keep it out of messages.
    last: Mutex<Option<SecretString>>,
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
    pub(super) fn new(credentials: Credentials, wire: Wire) -> Self {
        Self(Arc::new(Shared {
            credentials,
            wire,
            current: tokio::sync::Mutex::default(),
            last: Mutex::default(),
        }))
    }

    /// The credentials that they are had with.
    pub(super) fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// Forgets the token, so that the next call fetches a fresh one.
    pub(super) async fn forget(&self) {
        self.0.current.lock().await.take();
    }

    /// Strikes the token out of a text, should a far end repeat it.
    pub(super) fn redact(&self, text: &str) -> String {
        match &*self.0.last.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(token) => text.replace(token.expose_secret(), "[token]"),
            None => text.to_owned(),
        }
    }

    /// The token, fetched if there is none that is still good.
    pub(super) async fn get(&self) -> Result<String, SheetError> {
        let mut current = self.0.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| !token.is_expired()) {
            return Ok(token.text().to_owned());
        }
        // Several steps are one fetch for whoever waits for it.
        let _waits = self.0.wire.wait();
        let fetch = self.0.credentials.token(&self.0.wire);
        let token = match tokio::time::timeout(self.0.wire.limit(), fetch).await {
            Ok(fetched) => fetched?,
            Err(_) => return Err(error(SheetErrorKind::Transient, "there is no access token in time")),
        };
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.text().into());
        let text = token.text().to_owned();
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
