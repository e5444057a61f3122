//! Health, metrics and the status page over HTTP, to be read only; and, for who is on this machine, a pass now.
//!
//! Everybody who reaches the port may read. So each connection has one request, and no answer takes long to make; the
//! listener limits their number and their time.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::ask::refusal;
use super::page::page;
use super::state::ServiceState;
use crate::adapters::listen::Bounded;
use crate::clock::now;
use crate::text::plain;

/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Headers of each answer: no script runs in the page, nothing keeps or embeds it, and the connection ends.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONNECTION, "close"),
];

/// Answers for ever.
pub async fn serve(listener: Bounded, state: Arc<ServiceState>) {
    let address = listener.address().ok();
    if let Err(error) = axum::serve(listener, router(state, address)).await {
        tracing::error!(error = %error, "health and metrics are no longer served");
    }
}

fn router(state: Arc<ServiceState>, listen: Option<SocketAddr>) -> Router {
    Router::new()
        .route("/", get(status))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route(
            "/pass",
            post(
                async move |State(state): State<Arc<ServiceState>>, uri: Uri, headers: HeaderMap| {
                    pass(&state, listen, &uri, &headers)
                },
            ),
        )
        .fallback(async || {
            answer(
                StatusCode::NOT_FOUND,
                TEXT,
                "there are /, /healthz, /readyz, /metrics and, for a POST, /pass\n",
            )
        })
        .with_state(state)
        .layer(map_response(async |mut response: Response| {
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }))
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

async fn healthz(State(state): State<Arc<ServiceState>>) -> Response {
    match state.alive() {
        Ok(()) => answer(StatusCode::OK, TEXT, "alive\n"),
        Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
    }
}

async fn readyz(State(state): State<Arc<ServiceState>>) -> Response {
    match state.snapshot().ready(now()) {
        Ok(()) => answer(StatusCode::OK, TEXT, "ready\n"),
        Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{}\n", plain(&why))),
    }
}

async fn metrics(State(state): State<Arc<ServiceState>>) -> Response {
    match state.text(now()) {
        Ok(text) => answer(StatusCode::OK, METRICS, text),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

/// Asks the service for a pass, and does not wait for it.
fn pass(state: &ServiceState, listen: Option<SocketAddr>, uri: &Uri, headers: &HeaderMap) -> Response {
    if let Some(why) = refusal(listen, uri, headers) {
        return answer(StatusCode::FORBIDDEN, TEXT, format!("{why}\n"));
    }
    let running = state.snapshot().running.is_some();
    state.ask();
    let body = serde_json::json!({ "outcome": "accepted", "running": running });
    answer(StatusCode::ACCEPTED, JSON, format!("{body}\n"))
}

async fn status(State(state): State<Arc<ServiceState>>) -> Response {
    answer(StatusCode::OK, HTML, page(&state.snapshot(), now()))
}
