//! Identities without a key: Google's STS and IAM, a person's refresh token, the metadata servers of Google and of AWS, and an
//! identity provider that gives tokens over HTTP.
//!
//! Written from AIP-4117 and the references of STS v1, IAM Credentials v1, the OAuth 2.0 token endpoint and IMDSv2.

mod asked;
mod aws;
mod exchange;
mod machine;
pub(super) mod state;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::token::refusal;
use super::world::Shared;
use crate::faults::Refusal;
use asked::Asked;
use exchange::iam_error;
pub use state::{AUDIENCE, AWS_ACCOUNT, PERSON, REFRESH_TOKEN};

const LARGEST: usize = 1 << 20;

/// Which far end a request is for, as it is named in the log.
pub(super) fn named(method: &Method, path: &str) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("POST", "/v1/token") => Some("sts.token"),
        ("POST", "/refresh") => Some("oauth2.token"),
        ("GET", "/subject") => Some("identity_provider.token"),
        ("POST", path) if path.starts_with("/v1/projects/-/serviceAccounts/") => {
            Some("iamcredentials.generateAccessToken")
        }
        ("GET", path) if path.starts_with("/computeMetadata/v1/") => Some("metadata"),
        ("PUT" | "GET", path) if path.starts_with("/latest/") => Some("imds"),
        _ => None,
    }
}

/// Answers one.
pub(super) async fn answer(shared: &Shared, name: &'static str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let handle = async {
        let Ok(body) = to_bytes(body, LARGEST).await else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let asked = Asked {
            headers: parts.headers,
            body: body.to_vec(),
        };
        let world = &mut *shared.world();
        match name {
            "sts.token" => exchange::token(&mut world.identity, &asked),
            "oauth2.token" => exchange::refreshed(world, &asked),
            "iamcredentials.generateAccessToken" => exchange::impersonated(world, &path, &asked),
            "identity_provider.token" => machine::subject(&world.identity, &query, &asked),
            "metadata" => machine::google(world, &path, &query, &asked),
            _ => machine::aws(&mut world.identity, &parts.method, &path, &asked),
        }
    };
    shared.script.run(name, |refused| refuse(name, refused), handle).await
}

fn refuse(name: &str, refused: Refusal) -> Response {
    let (code, error, description) = match refused {
        Refusal::Throttle => (429, "rate_limit_exceeded", "Too many requests."),
        Refusal::Status(code) => (code, "internal_failure", "Something went wrong."),
        Refusal::Unauthorized => (401, "invalid_client", "The client is not known."),
        Refusal::Forbidden => (403, "access_denied", "The caller is not admitted."),
    };
    if name == "iamcredentials.generateAccessToken" {
        return iam_error(code, "PERMISSION_DENIED", description, "IAM_PERMISSION_DENIED");
    }
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    refusal(code, error, description)
}
