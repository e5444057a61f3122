//! What a machine can ask about itself: Google's metadata server, that of AWS in its second version, and an identity provider
//! beside it.

use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::json;

use super::super::token::SERVICE_ACCOUNT;
use super::super::world::World;
use super::asked::Asked;
use super::state::{AWS_ROLE, Identity};

/// The region of the machine, by one of its zones.
const ZONE: &str = "eu-west-1b";

/// Answers the metadata server of Google.
pub(super) fn google(world: &mut World, path: &str, query: &str, asked: &Asked) -> Response {
    if asked.header("metadata-flavor") != Some("Google") || asked.header("x-forwarded-for").is_some() {
        return (StatusCode::FORBIDDEN, "Missing Metadata-Flavor:Google header").into_response();
    }
    let flavoured = |body: Response| ([("metadata-flavor", "Google")], body).into_response();
    match path.strip_prefix("/computeMetadata/v1/instance/service-accounts/default/") {
        Some("email") => flavoured(SERVICE_ACCOUNT.into_response()),
        Some("token") => {
            let scopes: String = form_urlencoded::parse(query.as_bytes())
                .filter(|(name, _)| name == "scopes")
                .map(|(_, value)| value.replace(',', " "))
                .collect();
            let token = world.tokens.give(&scopes);
            flavoured(
                Json(json!({ "access_token": token, "expires_in": 3_599, "token_type": "Bearer" })).into_response(),
            )
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers an identity provider: as text, or as JSON with `?json`.
pub(super) fn subject(identity: &Identity, query: &str, asked: &Asked) -> Response {
    if asked.header("metadata") != Some("True") {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error_description": "Required metadata header not specified" })),
        )
            .into_response();
    }
    let token = identity.subjects.iter().next().cloned().unwrap_or_default();
    if query == "json" {
        return Json(json!({ "id": { "n": 1 }, "access_token": token })).into_response();
    }
    format!("{token}\n").into_response()
}

/// Answers the metadata server of AWS. Nothing is told without a session.
pub(super) fn aws(identity: &mut Identity, method: &Method, path: &str, asked: &Asked) -> Response {
    if method == Method::PUT {
        let lives = asked.header("x-aws-ec2-metadata-token-ttl-seconds");
        let lives = lives.and_then(|text| text.parse::<u32>().ok());
        if path != "/latest/api/token" || !lives.is_some_and(|seconds| (1..=21_600).contains(&seconds)) {
            return StatusCode::BAD_REQUEST.into_response();
        }
        let token = format!("AQAEA-session-{}==", identity.sessions.len() + 1);
        identity.sessions.insert(token.clone());
        return ([("x-aws-ec2-metadata-token-ttl-seconds", "21600")], token).into_response();
    }
    let session = asked.header("x-aws-ec2-metadata-token");
    if !session.is_some_and(|session| identity.sessions.contains(session)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let role = AWS_ROLE.rsplit('/').next().unwrap_or_default();
    let page = path
        .strip_prefix("/latest/meta-data/")
        .unwrap_or_default()
        .trim_end_matches('/');
    match page {
        "placement/availability-zone" => ZONE.into_response(),
        "placement/region" => ZONE.trim_end_matches('b').into_response(),
        "iam/security-credentials" => role.to_owned().into_response(),
        page if page.strip_prefix("iam/security-credentials/") == Some(role) => keys(identity),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn keys(identity: &mut Identity) -> Response {
    let now = crate::clock::now();
    let expires = now + TimeDelta::hours(6);
    let Some((access_key, key)) = identity
        .fleet
        .credentials
        .assume(AWS_ROLE, "i-0123456789abcdef0", None, expires)
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    Json(json!({
        "Code": "Success",
        "LastUpdated": now.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key,
        "SecretAccessKey": key.secret,
        "Token": key.session.as_ref().map_or("", |session| &session.token),
        "Expiration": expires.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }))
    .into_response()
}
