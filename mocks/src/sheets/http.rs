//! The server: who calls, whether they may, and what they get.

use std::collections::HashMap;

use axum::body::to_bytes;
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::answer::{Params, read, write};
use super::error::{ApiError, Result};
use super::mask::Mask;
use super::route::{Endpoint, Traits};
use super::token::{self, SERVICE_ACCOUNT};
use super::world::Shared;
use super::{identity, schema};
use crate::faults::Refusal;

const LARGEST_BODY: usize = 64 << 20;

pub(super) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    if let Some((id, endpoint)) = Endpoint::find(request.method(), request.uri()) {
        let traits = endpoint.traits();
        let handle = async {
            match call(&shared, &id, &endpoint, &traits, request).await {
                Ok(value) => Json(value).into_response(),
                Err(error) => error.into_response(),
            }
        };
        let refuse = |refusal| refuse(refusal, traits.writes);
        let mut response = shared.script.run(traits.name, refuse, handle).await;
        if response.status() == StatusCode::TOO_MANY_REQUESTS
            && let Some(seconds) = shared.world().retry_after()
        {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        return response;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if let Some(name) = identity::named(&method, &path) {
        return identity::answer(&shared, name, request).await;
    }
    match (method, path.as_str()) {
        (Method::POST, "/token") => {
            let handle = async {
                match Form::<HashMap<String, String>>::from_request(request, &()).await {
                    Ok(Form(form)) => shared.world().tokens.grant(&form),
                    Err(_) => token::refusal(StatusCode::BAD_REQUEST, "invalid_request", "No form."),
                }
            };
            shared.script.run("oauth2.token", refuse_token, handle).await
        }
        _ => ApiError::status(404).into_response(),
    }
}

fn refuse(refusal: Refusal, writes: bool) -> Response {
    let error = match refusal {
        Refusal::Throttle | Refusal::Status(429) => ApiError::quota(!writes, 60),
        Refusal::Status(code) => ApiError::status(code),
        Refusal::Unauthorized => ApiError::unauthenticated(),
        Refusal::Forbidden => ApiError::denied(),
    };
    error.into_response()
}

fn refuse_token(refusal: Refusal) -> Response {
    let (code, error, description) = match refusal {
        Refusal::Throttle => (429, "rate_limit_exceeded", "Too many requests."),
        Refusal::Status(code) => (code, "internal_failure", "Something went wrong."),
        Refusal::Unauthorized => (401, "invalid_client", "The account is not known."),
        Refusal::Forbidden => (403, "access_denied", "The account is disabled."),
    };
    token::refusal(
        StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST),
        error,
        description,
    )
}

async fn call(shared: &Shared, id: &str, endpoint: &Endpoint, traits: &Traits, request: Request) -> Result<Value> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let bytes = to_bytes(body, LARGEST_BODY)
        .await
        .map_err(|_| ApiError::invalid("The body is cut off."))?;
    let mut world = shared.world();
    if world.identity.is_federated(header("authorization")) {
        return Err(ApiError::denied());
    }
    match world.tokens.allows(header("authorization"), traits.full_scope) {
        None => return Err(ApiError::unauthenticated()),
        Some(false) => return Err(ApiError::scope()),
        Some(true) => {}
    }
    if let Some(quota) = &mut world.quota {
        quota.take(traits.writes)?;
    }
    let params = Params::read(&parts.uri, traits)?;
    let body = match traits.request {
        Some(kind) => {
            let body = if bytes.is_empty() {
                Ok(json!({}))
            } else {
                serde_json::from_slice(&bytes)
            };
            let body =
                body.map_err(|error| ApiError::malformed("", format!("Invalid JSON payload received. {error}")))?;
            schema::check(kind, &body)?;
            body
        }
        None => Value::Null,
    };
    let mask = params.get("fields").or_else(|| header("x-goog-fieldmask"));
    let mask = mask.map(|text| Mask::parse(text, traits.response)).transpose()?;
    if world.book.id != id {
        return Err(ApiError::not_found());
    }
    if !world.shared {
        return Err(ApiError::denied());
    }
    if world.viewer && traits.writes {
        return Err(ApiError::denied());
    }
    let answer = if traits.writes {
        world.revision += 1;
        write(&mut world, endpoint, traits, &params, body)?
    } else {
        // Editors are shown to those only who may edit both the range and the file.
        let caller = if world.viewer { "" } else { SERVICE_ACCOUNT };
        read(&world.book, caller, endpoint, &params, body, mask.as_ref())?
    };
    Ok(match mask {
        Some(mask) => mask.apply(answer),
        None => answer,
    })
}
