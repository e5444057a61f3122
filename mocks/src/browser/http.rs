//! The server of the page: its files, what changed, and what somebody does there.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State as Given};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router as Routes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::assets::{self, Asset};
use super::edit;
use super::guard::refusal;
use super::state::{Answer, State};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Of a mail: no script, nothing from elsewhere, and a page of no origin, whose looks are in itself.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The port that it listens on, once that is known.
pub(super) type Port = Arc<OnceLock<SocketAddr>>;

pub(super) fn router(state: Arc<State>, port: Port) -> Router {
    Routes::new()
        .route("/", get(index))
        .route("/app/{name}", get(file))
        .route("/api/look", get(look))
        .route("/api/edit", post(edited))
        .route("/api/undo", post(undo))
        .route("/api/pass", post(pass))
        .route("/api/switch", post(switch))
        .route("/api/terminate", post(terminate))
        .route("/api/again", post(again))
        .route("/mail/{number}", get(mail))
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(state)
        .layer(from_fn_with_state(port, guarded))
}

/// Nobody but the page itself gets past this, and every answer has the headers.
async fn guarded(Given(port): Given<Port>, request: Request, next: Next) -> Response {
    let own = port.get().map(SocketAddr::port).unwrap_or_default();
    let mut response = match refusal(request.method(), request.headers(), own) {
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    response
}

async fn index(Given(state): Given<Arc<State>>) -> Response {
    state.opened.notify_one();
    served(&assets::INDEX)
}

async fn file(Path(name): Path<String>) -> Response {
    assets::find(&name).map_or_else(|| StatusCode::NOT_FOUND.into_response(), served)
}

fn served(asset: &Asset) -> Response {
    ([(header::CONTENT_TYPE, asset.kind)], asset.text).into_response()
}

#[derive(Deserialize)]
struct Seen {
    #[serde(default)]
    seen: u64,
    tab: Option<i64>,
    #[serde(default)]
    rows: u64,
}

async fn look(Given(state): Given<Arc<State>>, Query(asked): Query<Seen>) -> Response {
    Json(state.look(asked.seen, asked.tab.map(|tab| (tab, asked.rows)))).into_response()
}

/// The answer to a request: 200 with what became of it, or 400 where it asks for nothing that there is.
fn outcome(done: Option<Value>) -> Response {
    done.map_or_else(
        || StatusCode::BAD_REQUEST.into_response(),
        |done| Json(done).into_response(),
    )
}

fn done(good: bool) -> Option<Value> {
    good.then(|| json!({ "outcome": "done" }))
}

fn body(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

async fn edited(Given(state): Given<Arc<State>>, bytes: Bytes) -> Response {
    let answer = edit::read(&body(&bytes)).and_then(|edit| state.edit(&edit));
    outcome(answer.map(|answer| match answer {
        Answer::Done => json!({ "outcome": "done" }),
        Answer::Refused(why) => json!({ "outcome": "refused", "why": why }),
        Answer::Warned => json!({
            "outcome": "warned",
            "why": "Heads up! You're trying to edit part of this sheet that shouldn't be changed accidentally. Edit anyway?",
        }),
    }))
}

async fn undo(Given(state): Given<Arc<State>>, bytes: Bytes) -> Response {
    let asked = body(&bytes);
    let undone = asked["who"].as_str().map(|who| state.undo(who));
    outcome(undone.map(|undone| json!({ "outcome": if undone { "done" } else { "nothing" } })))
}

async fn pass(Given(state): Given<Arc<State>>) -> Response {
    state.asked.notify_one();
    outcome(done(true))
}

async fn switch(Given(state): Given<Arc<State>>, bytes: Bytes) -> Response {
    let asked = body(&bytes);
    let turned = asked["name"].as_str().zip(asked["on"].as_bool());
    outcome(turned.and_then(|(name, on)| done(state.turn(name, on))))
}

async fn terminate(Given(state): Given<Arc<State>>, bytes: Bytes) -> Response {
    outcome(body(&bytes)["id"].as_str().and_then(|id| done(state.terminate(id))))
}

async fn again(Given(state): Given<Arc<State>>) -> Response {
    state.again.notify_one();
    outcome(done(true))
}

async fn mail(Given(state): Given<Arc<State>>, Path(number): Path<usize>) -> Response {
    let Some(letter) = state.letter(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (kind, text) = match letter.html {
        Some(html) => ("text/html; charset=utf-8", html),
        None => ("text/plain; charset=utf-8", letter.text),
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, MAIL_POLICY),
    ];
    (headers, text).into_response()
}
