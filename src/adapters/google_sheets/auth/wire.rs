//! Requests for tokens, other than those of the OAuth crate: sent once, in time, of bounded size, and their refusals in words.
//!
//! What a far end says in its refusal is shown, as text of a stranger, with our own secrets struck out.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use google_sheets4::hyper::body::{Body, Incoming};
use google_sheets4::hyper::{Request, StatusCode};
use google_sheets4::hyper_util::client::legacy::Client;
use google_sheets4::hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::super::failure::{ErrorBody, error, unconnected};
use crate::adapters::outbound::Connector;
use crate::calls::{Calls, Wait};
use crate::sheet::{SheetError, SheetErrorKind};
use crate::text::short;

/// Largest answer that is read: tokens have some thousand bytes.
const LARGEST: usize = 256 << 10;

/// Most characters that are shown of what a far end said.
const SAID_MAX: usize = 240;

/// Shorter texts are no secrets, and striking them out would spoil the words around them.
const SECRET_MIN: usize = 8;

/// A client that repeats nothing by itself: each request passes the limiter and is counted.
pub(in crate::adapters::google_sheets) fn http_client<B>(connector: Connector) -> Client<Connector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build(connector)
}

/// How far ends are asked.
#[derive(Clone)]
pub(in crate::adapters::google_sheets) struct Wire {
    pub(super) connector: Connector,
    pub(super) timeout: Duration,
    pub(super) calls: Calls,
}

/// What a request is about, for messages.
pub(super) struct Ask<'a> {
    /// Who is asked, to begin a sentence.
    pub(super) who: &'a str,
    /// The name in the count of requests.
    pub(super) counted: &'static str,
    /// What must not be shown, should the answer repeat it.
    pub(super) secrets: &'a [&'a str],
    /// What to do when it refuses.
    pub(super) fix: &'a str,
}

impl Wire {
    pub(in crate::adapters::google_sheets) fn new(connector: Connector, timeout: Duration, calls: Calls) -> Self {
        Self {
            connector,
            timeout,
            calls,
        }
    }

    /// How long all steps to one token may take together. Each has the time of a request, and the first that is late is named.
    pub(in crate::adapters::google_sheets) fn limit(&self) -> Duration {
        self.timeout * 2
    }

    /// A token is waited for from now on.
    pub(in crate::adapters::google_sheets) fn wait(&self) -> Wait {
        self.calls.wait("asking for a token of Google's")
    }

    /// The body of a good answer.
    pub(super) async fn send(&self, request: Request<String>, ask: &Ask<'_>) -> Result<Vec<u8>, SheetError> {
        let who = ask.who;
        self.calls.count(ask.counted);
        let exchange = async {
            let client = http_client::<String>(self.connector.clone());
            let response = client.request(request).await.map_err(|e| {
                let (kind, why) = unconnected(&e);
                error(kind, &format!("{who} is not reachable: {why}"))
            })?;
            let status = response.status();
            let body = whole(response.into_body()).await;
            let body = body.map_err(|why| error(SheetErrorKind::Transient, &format!("{who}: {why}")))?;
            if status.is_success() {
                Ok(body)
            } else {
                Err(refusal(status, &body, ask))
            }
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(error(SheetErrorKind::Transient, &format!("{who} does not answer"))),
        }
    }

    /// The same of an answer in JSON.
    pub(super) async fn json(&self, request: Request<String>, ask: &Ask<'_>) -> Result<Value, SheetError> {
        let body = self.send(request, ask).await?;
        // The text is left out: it could be anything, a token too.
        serde_json::from_slice(&body).map_err(|_| {
            error(
                SheetErrorKind::Transient,
                &format!("{} did not answer with JSON", ask.who),
            )
        })
    }
}

async fn whole(mut body: Incoming) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| "the answer broke off".to_owned())?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
        if bytes.len() > LARGEST {
            return Err("the answer is too long for a token".to_owned());
        }
    }
    Ok(bytes)
}

fn refusal(status: StatusCode, body: &[u8], ask: &Ask<'_>) -> SheetError {
    let code = status.as_u16();
    let passes = status.is_server_error() || [408, 429].contains(&code);
    let said = struck(&said(body), ask.secrets);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let (kind, fix) = if passes {
        (SheetErrorKind::Transient, String::new())
    } else {
        (SheetErrorKind::Denied, format!("; {}", ask.fix))
    };
    error(kind, &format!("{} refuses with {code}{said}{fix}", ask.who))
}

/// What an answer that is not good says. A page of HTML says nothing that a line could hold.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let json: Option<Value> = serde_json::from_str(text).ok();
    let words = ErrorBody::of(json.as_ref()).said();
    if !words.is_empty() {
        return short(&words, SAID_MAX);
    }
    let plain = ["message", "Message", "error_message", "detail"];
    match json
        .as_ref()
        .and_then(|json| plain.iter().find_map(|field| json[*field].as_str()))
    {
        Some(said) => short(said.trim(), SAID_MAX),
        None if text.starts_with('<') => String::new(),
        None => short(text, SAID_MAX),
    }
}

/// The text without our own secrets.
pub(super) fn struck(text: &str, secrets: &[&str]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= SECRET_MIN);
    long.fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
}

/// A request that asks for what a form holds.
pub(super) fn form(url: &str, fields: &[(&str, &str)], login: Option<&str>) -> Result<Request<String>, SheetError> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let mut request = Request::post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", body.len());
    if let Some(login) = login {
        request = request.header("authorization", login);
    }
    made(request.body(body))
}

/// A request, if it could be made.
pub(super) fn made<E>(request: Result<Request<String>, E>) -> Result<Request<String>, SheetError> {
    request.map_err(|_| error(SheetErrorKind::Denied, "a field of the file cannot stand in a request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_far_end_says_is_shown_without_our_secrets() {
        let oauth = br#"{"error": "invalid_grant", "error_description": "The token s3cret-token is expired."}"#;
        let shown = struck(&said(oauth), &["s3cret-token", "x"]);
        assert!(
            shown.contains("invalid_grant") && shown.contains("The token [secret] is expired"),
            "{shown}"
        );
        let iam = br#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "Permission denied.",
            "details": [{"reason": "IAM_PERMISSION_DENIED", "metadata": {"permission": "iam.serviceAccounts.getAccessToken"}}]}}"#;
        let shown = said(iam);
        assert!(
            shown.contains("IAM_PERMISSION_DENIED") && shown.contains("getAccessToken"),
            "{shown}"
        );
        assert_eq!(said(br#"{"message": "no session"}"#), "no session");
        assert_eq!(said(b" role not found \n"), "role not found");
        assert_eq!(said(b"<html>no</html>"), "");
    }
}
