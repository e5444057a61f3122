//! The one request that the API crate cannot make. It strips nulls from the arrays of a request as well, and in a
//! column of values a null is what skips a cell: without them all later values would move up, over the header and into
//! other rows. So this request is sent over the crate's client with the crate's token, and failures are told in the
//! crate's terms.

use google_sheets4::api::BatchUpdateValuesByDataFilterResponse;
use google_sheets4::common::{self, Delegate as _, Error, GetToken as _, Response};
use google_sheets4::hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use google_sheets4::hyper::{Method, Request};
use serde_json::Value;

use super::attempt::Probe;
use super::auth::SCOPE;
use super::{Inner, USER};

/// Makes one attempt at `values.batchUpdateByDataFilter`.
pub(super) async fn write(
    inner: &Inner,
    body: &Value,
    mut probe: Probe,
) -> google_sheets4::Result<(Response, BatchUpdateValuesByDataFilterResponse)> {
    let token = inner.tokens.get_token(&[SCOPE]).await.map_err(Error::MissingToken)?;
    let url = format!(
        "{}v4/spreadsheets/{}/values:batchUpdateByDataFilter?alt=json",
        inner.endpoint, inner.spreadsheet_id
    );
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.unwrap_or_default())).map_err(invalid)?;
    authorization.set_sensitive(true);
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(USER_AGENT, USER)
        .header(AUTHORIZATION, authorization)
        .header(CONTENT_TYPE, "application/json")
        .body(common::to_body(Some(body.to_string())))
        .map_err(invalid)?;

    probe.pre_request();
    let response = inner.hub.client.request(request).await.map_err(Error::HttpError)?;
    let (parts, body) = response.into_parts();
    let success = parts.status.is_success();
    // As in the crate: a body that was cut off is not JSON, and is reported as that.
    let bytes = common::to_bytes(body).await.unwrap_or_default();
    let response = common::to_response(parts, Some(bytes.clone()));
    if success {
        let answer = serde_json::from_slice(&bytes).map_err(|e| Error::JsonDecodeError(String::new(), e))?;
        return Ok((response, answer));
    }
    let said: Option<Value> = serde_json::from_slice(&bytes).ok();
    probe.http_failure(&response, said.as_ref());
    Err(said.map_or(Error::Failure(response), Error::BadRequest))
}

/// What cannot go out as a request: neither text can be wrong, as both were checked when they came in.
fn invalid(error: impl std::error::Error) -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, error.to_string()))
}
