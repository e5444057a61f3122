//! Requests that the API crate would spoil, or whose answers it would hold many times over. They are sent over the crate's client
//! with the crate's token, and failures are told in the crate's terms.

use std::future::poll_fn;
use std::pin::Pin;

use google_sheets4::common::{self, Delegate as _, Error, GetToken as _, Response};
use google_sheets4::hyper::body::{Body as _, Bytes, Incoming};
use google_sheets4::hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, USER_AGENT};
use google_sheets4::hyper::{Method, Request};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use url::Url;

use super::attempt::Probe;
use super::auth::SCOPE;
use super::{Inner, USER};

/// Most bytes that are set aside for an answer because it says that it will have them.
const ANNOUNCED_MAX: u64 = 64 << 20;

/// An answer that is a success, of which the body is still to come.
pub(super) struct Answer {
    response: Response,
    body: Incoming,
}

impl Inner {
    /// Asks for something.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)], probe: Probe) -> Result<Answer, Error> {
        let request = Request::builder().method(Method::GET).header(CONTENT_LENGTH, 0);
        self.send(request, path, query, None, probe).await
    }

    /// Sends JSON.
    pub(super) async fn post(&self, path: &str, body: String, probe: Probe) -> Result<Answer, Error> {
        let request = Request::builder()
            .method(Method::POST)
            .header(CONTENT_TYPE, "application/json");
        self.send(request, path, &[], Some(body), probe).await
    }

    async fn send(
        &self,
        request: google_sheets4::hyper::http::request::Builder,
        path: &str,
        query: &[(&str, &str)],
        body: Option<String>,
        mut probe: Probe,
    ) -> Result<Answer, Error> {
        let token = self.tokens.get_token(&[SCOPE]).await.map_err(Error::MissingToken)?;
        let url = format!("{}v4/spreadsheets/{}{path}", self.endpoint, self.spreadsheet_id);
        let query = query.iter().chain(&[("alt", "json")]);
        let url = Url::parse_with_params(&url, query).map_err(invalid)?;
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", token.unwrap_or_default())).map_err(invalid)?;
        authorization.set_sensitive(true);
        let request = request
            .uri(url.as_str())
            .header(USER_AGENT, USER)
            .header(AUTHORIZATION, authorization)
            .body(common::to_body(body))
            .map_err(invalid)?;

        probe.pre_request();
        let response = self.hub.client.request(request).await.map_err(Error::HttpError)?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            let response = common::to_response(parts, None::<Bytes>);
            return Ok(Answer { response, body });
        }
        let bytes = common::to_bytes(body).await.unwrap_or_default();
        let said: Option<Value> = serde_json::from_str(&String::from_utf8_lossy(&bytes)).ok();
        let response = common::to_response(parts, Some(bytes));
        probe.http_failure(&response, said.as_ref());
        Err(said.map_or(Error::Failure(response), Error::BadRequest))
    }
}

impl Answer {
    /// Gives the body to `take`, piece by piece. One that is cut off is not JSON, and is reported as that.
    pub(super) async fn pieces(mut self, mut take: impl FnMut(&[u8])) -> Result<Response, Error> {
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {
            match frame {
                Ok(frame) => frame.data_ref().into_iter().for_each(|piece| take(piece)),
                Err(_) => return Err(cut_off()),
            }
        }
        Ok(self.response)
    }

    /// Reads the body as one piece of JSON.
    pub(super) async fn json<T: DeserializeOwned>(self) -> google_sheets4::Result<(Response, T)> {
        let announced = self.body.size_hint().lower().min(ANNOUNCED_MAX);
        let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
        let response = self.pieces(|piece| bytes.extend_from_slice(piece)).await?;
        let answer = serde_json::from_str(&String::from_utf8_lossy(&bytes)).map_err(not_json)?;
        Ok((response, answer))
    }
}

/// The failure of an answer that cannot be read.
pub(super) fn not_json(error: serde_json::Error) -> Error {
    Error::JsonDecodeError(String::new(), error)
}

fn cut_off() -> Error {
    match serde_json::from_str::<IgnoredAny>("") {
        Err(error) => not_json(error),
        Ok(_) => Error::Cancelled,
    }
}

/// What cannot go out as a request: no text of it can be wrong, as each was checked when it came in.
fn invalid(error: impl std::error::Error) -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, error.to_string()))
}
