//! The spreadsheet over the Google Sheets API: one request for all that a decision needs, one for each kind of write.
//!
//! Only the batch forms of the API are used: they are atomic, and the single ones paste a tab's name raw into the path.
//! Values go out RAW, columns are addressed by their marks. A write whose outcome is unknown is never repeated here.

pub mod answers;
mod attempt;
pub(crate) mod auth;
mod columns;
mod failure;
mod grid;
mod incoming;
mod pace;
mod patience;
mod reading;
mod reply;
mod request;
mod structure;
mod tokens;
mod value;
mod values;
mod writing;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use google_sheets4::{Sheets, api};

use auth::{SCOPE, Wire};
use failure::{Method, error};
use pace::Pace;
use tokens::Tokens;

use crate::adapters::outbound::{self, Connector};
use crate::calls::Calls;
use crate::endpoint::Endpoint;
use crate::sheet::{SheetError, SheetErrorKind};

/// The name under which requests are made.
const USER: &str = concat!("fleetsheet/", env!("CARGO_PKG_VERSION"));

/// The address of the API.
const ENDPOINT: &str = "https://sheets.googleapis.com/";

/// Where the spreadsheet is and how to get at it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The part of the spreadsheet's address between `/d/` and `/edit`.
    pub spreadsheet_id: String,
    /// Credentials of any kind; unset: application default credentials.
    pub credentials_file: Option<PathBuf>,
    /// Another address of the API, for tests.
    pub endpoint: Option<Endpoint>,
    /// How long one request, or one fetch of a token, may take.
    pub request_timeout: Duration,
    /// Most requests in any minute, reads and writes counted apart. Google allows 60 each (Sheets API, usage limits).
    pub sheets_per_minute: u32,
}

struct Inner {
    hub: Sheets<Connector>,
    tokens: Tokens,
    /// With a slash at its end.
    endpoint: String,
    spreadsheet_id: String,
    timeout: Duration,
    pace: Pace,
    calls: Calls,
}

/// One spreadsheet. A clone shares its connections, token and limits.
#[derive(Clone)]
pub struct GoogleSheets {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
}

impl fmt::Debug for GoogleSheets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleSheets")
            .field("spreadsheet_id", &self.inner.spreadsheet_id)
            .field("service_account", &self.service_account_email())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl GoogleSheets {
    /// Reads the credentials. The token is fetched by the first call, and shared by all calls.
    ///
    /// # Errors
    /// [`SheetErrorKind::Denied`] for settings or credentials that cannot work, with the fix.
    pub async fn connect(settings: Settings, calls: Calls) -> Result<Self, SheetError> {
        let denied = |why: &str| error(SheetErrorKind::Denied, why);
        let id = settings.spreadsheet_id;
        // The API crate pastes the id raw into the path.
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            return Err(denied(
                "sheets.spreadsheet_id is not an id: take the part of the spreadsheet's address between /d/ and /edit",
            ));
        }
        let endpoint = settings
            .endpoint
            .map_or_else(|| ENDPOINT.to_owned(), |endpoint| endpoint.with_slash());
        let connector = connector()?;
        let wire = Wire::new(connector.clone(), settings.request_timeout, calls.clone());
        let credentials = auth::find(settings.credentials_file.as_deref(), &wire).await?;
        let tokens = Tokens::new(credentials, wire);
        let mut hub = Sheets::new(auth::http_client(connector), tokens.clone());
        hub.user_agent(USER.into());
        hub.base_url(endpoint.clone());
        hub.root_url(endpoint.clone());
        let inner = Inner {
            hub,
            tokens,
            endpoint,
            spreadsheet_id: id,
            timeout: settings.request_timeout,
            pace: Pace::new(settings.sheets_per_minute),
            calls,
        };
        Ok(Self {
            inner: Arc::new(inner),
            deadline: None,
        })
    }

    /// The same spreadsheet, with all calls over by the deadline. Without one, each call has two and a half minutes.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            deadline: Some(deadline),
        }
    }

    /// The address that the spreadsheet must be shared with. A federation without a service account has none: it is blank then.
    #[must_use]
    pub fn service_account_email(&self) -> &str {
        self.inner.tokens.credentials().email().unwrap_or_default()
    }

    /// Learns the address if only Google can tell it: that of a person's login.
    ///
    /// # Errors
    /// When no token can be had; the message says why.
    pub async fn identify(&self) -> Result<(), SheetError> {
        if self.inner.tokens.credentials().is_unknown() {
            self.check_token().await?;
        }
        Ok(())
    }

    /// Why there is no address and what to do, where there is none.
    #[must_use]
    pub(crate) fn without_email(&self) -> &'static str {
        self.inner.tokens.credentials().without_email()
    }

    /// Which credentials are used, in words.
    #[must_use]
    pub(crate) fn credentials(&self) -> String {
        self.inner.tokens.credentials().words()
    }

    /// Fetches the access token, unless it is there already.
    ///
    /// # Errors
    /// When no token can be had; the message says why.
    pub(crate) async fn check_token(&self) -> Result<(), SheetError> {
        self.inner.tokens.get().await.map(drop)
    }

    async fn batch_update(
        &self,
        method: Method,
        request: api::BatchUpdateSpreadsheetRequest,
    ) -> Result<api::BatchUpdateSpreadsheetResponse, SheetError> {
        let request = &request;
        self.call(method, |mut probe| async move {
            self.inner
                .hub
                .spreadsheets()
                .batch_update(request.clone(), &self.inner.spreadsheet_id)
                .add_scope(SCOPE)
                .delegate(&mut probe)
                .doit()
                .await
        })
        .await
    }
}

/// Connections for the API and the token endpoint.
fn connector() -> Result<Connector, SheetError> {
    outbound::connector().map_err(|why| error(SheetErrorKind::Denied, &why))
}

fn nonsense(method: Method, why: &str) -> SheetError {
    error(SheetErrorKind::Nonsense, &format!("could not {}: {why}", method.doing))
}

fn refused(method: Method, why: &str) -> SheetError {
    error(SheetErrorKind::Refused, &format!("could not {}: {why}", method.doing))
}
