//! Credentials and access tokens: a service-account key, or what the machine has (application default credentials).
//!
//! Tokens are fetched one at a time, in time, counted, and kept until they expire. Nothing here shows a token or a part
//! of a key: not in messages, not in `Debug`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use google_sheets4::common;
use google_sheets4::hyper::Request;
use google_sheets4::hyper_util::client::legacy::{Client, Error as ClientError};
use google_sheets4::hyper_util::rt::TokioExecutor;
use serde_json::Value;
use url::Url;
use yup_oauth2::authenticator::{ApplicationDefaultCredentialsTypes, Authenticator};
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::{
    ApplicationDefaultCredentialsAuthenticator, ApplicationDefaultCredentialsFlowOpts, ServiceAccountAuthenticator,
    ServiceAccountKey,
};

use super::failure::{error, root_cause};
use crate::adapters::outbound::Connector;
use crate::endpoint::is_private;
use crate::sheet::{SheetError, SheetErrorKind};
use crate::text::short;

/// The one scope of all calls: tokens are cached by scope, and the ByDataFilter reads refuse the read-only one.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

/// The variable that names a key file where the config names none, as in all Google clients.
const KEY_FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The host of the metadata server, and the variable that overrides it, as in all Google clients.
const METADATA_HOST: &str = "metadata.google.internal";
const METADATA_HOST_VARIABLE: &str = "GCE_METADATA_HOST";

/// How long the metadata server may take: it is on the same host, so silence means that there is none.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// Most characters that are shown of what the metadata server said.
const SAID_MAX: usize = 120;

/// Who we are, and what fetches tokens for it.
pub(super) struct Credentials {
    pub(super) authenticator: Authenticator<Connector>,
    pub(super) email: String,
}

/// Finds the credentials: the given key file, else the one that the environment names, else the machine's own.
pub(super) async fn find(file: Option<&Path>, connector: Connector) -> Result<Credentials, SheetError> {
    let named = || {
        std::env::var_os(KEY_FILE_VARIABLE)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    match file.map(Path::to_owned).or_else(named) {
        Some(path) => of_key_file(&path, connector).await,
        None => {
            let host = std::env::var(METADATA_HOST_VARIABLE).unwrap_or_default();
            let host = if host.is_empty() { METADATA_HOST } else { &host };
            of_machine(host, connector).await
        }
    }
}

async fn of_key_file(path: &Path, connector: Connector) -> Result<Credentials, SheetError> {
    let denied = |why: String| {
        error(
            SheetErrorKind::Denied,
            &format!("credentials file {}: {why}", path.display()),
        )
    };

    let text = tokio::fs::read(path).await.map_err(|e| {
        let fix = match e.kind() {
            std::io::ErrorKind::NotFound => {
                "there is no such file; set sheets.credentials_file to a service-account key"
            }
            std::io::ErrorKind::PermissionDenied => "not readable; let the user that fleetsheet runs as read it",
            _ => return denied(format!("not readable: {e}")),
        };
        denied(fix.into())
    })?;
    let key = read_key(&text).map_err(denied)?;
    check_token_uri(&key.token_uri).map_err(denied)?;
    let email = key.client_email.clone();
    let client = CustomHyperClientBuilder::from(http_client(connector));
    let authenticator = ServiceAccountAuthenticator::with_client(key, client)
        .build()
        .await
        .map_err(|_| {
            // The error could only say which step failed on the key; the fix is the same.
            denied("private_key is not an RSA key in PEM form; download the key again".into())
        })?;
    Ok(Credentials { authenticator, email })
}

/// Reads a service-account key. Problems are worded to follow the file's name and never quote its content.
pub(super) fn read_key(text: &[u8]) -> Result<ServiceAccountKey, String> {
    const FIX: &str = "make a JSON key for a service account in the Google Cloud console";
    let value: Value = serde_json::from_slice(text)
        .map_err(|e| format!("not JSON (line {}, column {}); {FIX}", e.line(), e.column()))?;
    match value["type"].as_str() {
        Some("service_account") => {}
        Some(
            other @ ("authorized_user" | "external_account" | "impersonated_service_account" | "gdch_service_account"),
        ) => {
            return Err(format!("holds {other} credentials, not a service-account key; {FIX}"));
        }
        _ if value["installed"].is_object() || value["web"].is_object() => {
            return Err(format!(
                "holds an OAuth client secret, not a service-account key; {FIX}"
            ));
        }
        _ => {
            return Err(format!(
                "not a service-account key (its type is not service_account); {FIX}"
            ));
        }
    }
    for field in ["client_email", "private_key", "token_uri"] {
        if value[field].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(format!("{field} is missing; download the key again"));
        }
    }
    serde_json::from_value(value).map_err(|_| format!("has a field of the wrong type; {FIX}"))
}

async fn of_machine(host: &str, connector: Connector) -> Result<Credentials, SheetError> {
    let base = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default");
    let email = machine_email(&base, connector.clone()).await.map_err(|why| {
        let message = format!(
            "no Google credentials: sheets.credentials_file and {KEY_FILE_VARIABLE} are not set, and this machine has no \
             service account ({why})"
        );
        error(SheetErrorKind::Denied, &message)
    })?;
    let client = CustomHyperClientBuilder::from(http_client(connector));
    let options = ApplicationDefaultCredentialsFlowOpts {
        metadata_url: Some(format!("{base}/token")),
    };
    let built = match ApplicationDefaultCredentialsAuthenticator::with_client(options, client).await {
        ApplicationDefaultCredentialsTypes::InstanceMetadata(builder) => builder.build().await,
        ApplicationDefaultCredentialsTypes::ServiceAccount(builder) => builder.build().await,
    };
    let authenticator = built.map_err(|e| error(SheetErrorKind::Denied, &format!("no Google credentials: {e}")))?;
    Ok(Credentials { authenticator, email })
}

/// Asks the metadata server for the service account's address: the decision about editors needs it, not only messages.
async fn machine_email(base: &str, connector: Connector) -> Result<String, String> {
    let request = Request::get(format!("{base}/email"))
        .header("Metadata-Flavor", "Google")
        .body(String::new())
        .map_err(|_| format!("{METADATA_HOST_VARIABLE} is not a host name"))?;
    let client: Client<Connector, String> = http_client(connector);
    let fetch = async {
        let response = client.request(request).await.map_err(|e: ClientError| root_cause(&e))?;
        let status = response.status();
        let body = common::to_bytes(response.into_body()).await.unwrap_or_default();
        let email = String::from_utf8_lossy(&body).trim().to_owned();
        if !status.is_success() {
            // A page of HTML says nothing that a line could hold.
            let said = Some(short(&email, SAID_MAX)).filter(|said| !said.is_empty() && !said.starts_with('<'));
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            return Err(format!("its metadata server answered {}{said}", status.as_u16()));
        }
        let looks_right = email.contains('@') && !email.contains(char::is_whitespace);
        looks_right
            .then_some(email)
            .ok_or_else(|| "its metadata server gave no address".into())
    };
    match tokio::time::timeout(METADATA_TIMEOUT, fetch).await {
        Ok(result) => result,
        Err(_) => Err("its metadata server does not answer".into()),
    }
}

/// A client that repeats nothing by itself: each request passes the limiter and is counted.
pub(super) fn http_client<B>(connector: Connector) -> Client<Connector, B>
where
    B: google_sheets4::hyper::body::Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build(connector)
}

/// Accepts `https`, and `http` to this machine only: a token must not cross a network in plain text.
pub(super) fn check_token_uri(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| "token_uri is not a URL".to_owned())?;
    if is_private(&url) {
        return Ok(());
    }
    Err("token_uri must start with https://".to_owned())
}

#[cfg(test)]
mod tests;
