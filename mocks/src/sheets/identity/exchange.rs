//! What gives tokens for tokens: STS for a subject token, IAM for a federated one, the token endpoint for a refresh token.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::token::refusal;
use super::super::world::World;
use super::asked::Asked;
use super::aws;
use super::state::{AUDIENCE, CLOUD, Identity, PERSON, REFRESH_TOKEN};

const FIELDS: [&str; 7] = [
    "grant_type",
    "audience",
    "scope",
    "requested_token_type",
    "subject_token_type",
    "subject_token",
    "options",
];

type Why = (&'static str, String);

/// Answers STS's `token`.
pub(super) fn token(identity: &mut Identity, asked: &Asked) -> Response {
    match verified(identity, asked) {
        Ok(scope) => {
            let token = format!("ya29.d.federated-{}", identity.federated.len() + 1);
            identity.federated.insert(token.clone(), scope);
            Json(json!({
                "access_token": token,
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "token_type": "Bearer",
                "expires_in": 3_599,
            }))
            .into_response()
        }
        Err((error, description)) => refusal(StatusCode::BAD_REQUEST, error, &description),
    }
}

fn verified(identity: &Identity, asked: &Asked) -> Result<String, Why> {
    let bad = |why: &str| ("invalid_request", why.to_owned());
    let form = asked.form().ok_or_else(|| bad("The request is not a form."))?;
    if let Some(unknown) = form.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(bad(&format!("Unknown field {unknown}.")));
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
        return Err(("unsupported_grant_type", "Invalid grant_type.".into()));
    }
    if field("requested_token_type") != "urn:ietf:params:oauth:token-type:access_token" {
        return Err(bad("Invalid requested_token_type."));
    }
    if field("audience") != AUDIENCE {
        return Err((
            "invalid_target",
            format!(
                "The target service indicated by the \"audience\" parameters is invalid: {}",
                field("audience")
            ),
        ));
    }
    if field("scope").trim().is_empty() {
        return Err(("invalid_scope", "Empty or missing scope not allowed.".into()));
    }
    let subject = field("subject_token");
    match field("subject_token_type") {
        "urn:ietf:params:aws:token-type:aws4_request" => aws::verified(&identity.fleet, subject)?,
        "urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:id_token" => {
            if !identity.subjects.contains(subject) {
                return Err((
                    "invalid_grant",
                    format!("The token {subject} in the request is expired or not signed by the issuer."),
                ));
            }
        }
        _ => return Err(bad("Invalid subject_token_type.")),
    }
    Ok(field("scope").to_owned())
}

/// Answers IAM's `generateAccessToken`.
pub(super) fn impersonated(world: &mut World, path: &str, asked: &Asked) -> Response {
    let denied = |message: &str| iam_error(403, "PERMISSION_DENIED", message, "IAM_PERMISSION_DENIED");
    let invalid = |message: &str| iam_error(400, "INVALID_ARGUMENT", message, "BAD_REQUEST");
    let bearer = asked
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let scopes = bearer.and_then(|token| {
        let federated = world.identity.federated.get(token).cloned();
        federated.or_else(|| world.tokens.scopes(token))
    });
    let Some(scopes) = scopes else {
        return iam_error(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials.",
            "ACCESS_TOKEN_EXPIRED",
        );
    };
    if !scopes.split_whitespace().any(|scope| scope == CLOUD) {
        return denied("Request had insufficient authentication scopes.");
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(email) = name.strip_suffix(":generateAccessToken") else {
        return iam_error(404, "NOT_FOUND", "No such method.", "NOT_FOUND");
    };
    let Ok(body) = serde_json::from_slice::<Value>(&asked.body) else {
        return invalid("The body is not JSON.");
    };
    let known = |body: &Value| {
        let fields = body.as_object()?;
        fields
            .keys()
            .all(|name| ["delegates", "scope", "lifetime"].contains(&name.as_str()))
            .then_some(())
    };
    if known(&body).is_none() {
        return invalid("Invalid JSON payload received. Unknown name.");
    }
    let list = |field: &str| -> Option<Vec<String>> {
        let list = body[field].as_array()?.iter();
        list.map(|entry| entry.as_str().map(str::to_owned)).collect()
    };
    let Some(scope) = list("scope").filter(|scope| !scope.is_empty()) else {
        return invalid("Request must have scopes.");
    };
    let lifetime = body["lifetime"]
        .as_str()
        .and_then(|text| text.strip_suffix('s')?.parse::<i64>().ok());
    let Some(lifetime) = lifetime.filter(|seconds| (1..=43_200).contains(seconds)) else {
        return invalid("Invalid lifetime.");
    };
    let delegates = list("delegates").unwrap_or_default();
    world.identity.asked = body.clone();
    let through: Option<Vec<String>> = world.identity.accounts.get(email).map(|through| {
        let named = |address: &String| format!("projects/-/serviceAccounts/{address}");
        through.iter().map(named).collect()
    });
    if through != Some(delegates) {
        return denied("Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).");
    }
    let token = world.tokens.give(&scope.join(" "));
    let expires = crate::clock::now() + TimeDelta::seconds(lifetime);
    Json(json!({ "accessToken": token, "expireTime": expires.format("%Y-%m-%dT%H:%M:%SZ").to_string() }))
        .into_response()
}

/// Answers the token endpoint for a person's refresh token.
pub(super) fn refreshed(world: &mut World, asked: &Asked) -> Response {
    let refuse = |error: &str, why: &str| refusal(StatusCode::BAD_REQUEST, error, why);
    let Some(form) = asked.form() else {
        return refuse("invalid_request", "No form.");
    };
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "refresh_token" {
        return refuse("unsupported_grant_type", "Invalid grant_type: ");
    }
    if field("client_id").is_empty() || field("client_secret").is_empty() {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "The OAuth client was not found.",
        );
    }
    if field("refresh_token") != REFRESH_TOKEN {
        return refuse("invalid_grant", "Token has been expired or revoked.");
    }
    let scopes = world.identity.agreed.clone();
    let token = world.tokens.give(&scopes);
    let claims = URL_SAFE_NO_PAD.encode(json!({ "email": PERSON, "email_verified": true }).to_string());
    Json(json!({
        "access_token": token,
        "expires_in": 3_599,
        "scope": scopes,
        "token_type": "Bearer",
        "id_token": format!("eyJhbGciOiJSUzI1NiJ9.{claims}.c2lnbmF0dXJl"),
    }))
    .into_response()
}

/// A refusal as IAM words it.
pub(super) fn iam_error(code: u16, word: &str, message: &str, reason: &str) -> Response {
    let details = json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "iam.googleapis.com",
        "metadata": { "permission": "iam.serviceAccounts.getAccessToken" },
    }]);
    let error = json!({ "error": { "code": code, "message": message, "status": word, "details": details } });
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    (code, Json(error)).into_response()
}
