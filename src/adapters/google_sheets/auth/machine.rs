//! The service account that a machine of Google's cloud runs as: its metadata server says who that is and gives tokens.

use std::time::Duration;

use google_sheets4::common;
use google_sheets4::hyper::Request;
use google_sheets4::hyper_util::client::legacy::{Client, Error as ClientError};
use yup_oauth2::authenticator::{ApplicationDefaultCredentialsTypes, Authenticator};
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::{ApplicationDefaultCredentialsAuthenticator, ApplicationDefaultCredentialsFlowOpts};

use super::super::failure::{error, root_cause};
use super::place::{KEY_FILE_VARIABLE, METADATA_HOST_VARIABLE};
use super::wire::http_client;
use crate::adapters::outbound::Connector;
use crate::sheet::{SheetError, SheetErrorKind};
use crate::text::short;

/// How long the metadata server may take: it is on the same host, so silence means that there is none.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// Most characters that are shown of what the metadata server said.
const SAID_MAX: usize = 120;

/// What fetches tokens of the machine's account, and the account's address.
pub(super) async fn find(host: &str, connector: Connector) -> Result<(Authenticator<Connector>, String), SheetError> {
    let base = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default");
    let email = machine_email(&base, connector.clone()).await.map_err(|why| {
        let message = format!(
            "no Google credentials: sheets.credentials_file and {KEY_FILE_VARIABLE} are not set, gcloud left no \
             application default credentials, and this machine has no service account ({why})"
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
    Ok((authenticator, email))
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
