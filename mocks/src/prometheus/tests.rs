//! The emulator itself, asked as it must be and otherwise.

use axum::http::{HeaderMap, Method, Uri};

use super::*;

fn shared() -> Shared {
    Shared {
        script: Script::new(),
        answers: Mutex::new(Box::new(|_| Reply::scalar(1.0))),
        queries: Mutex::default(),
        login: Mutex::default(),
    }
}

/// The status of the answer to a request.
fn asked(shared: &Shared, method: Method, to: &'static str, kind: &'static str, body: &str) -> u16 {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
    let reply = handle(shared, &method, &Uri::from_static(to), &headers, body.as_bytes());
    reply.response().status().as_u16()
}

const FORM: &str = "application/x-www-form-urlencoded";
const PATH: &str = "/api/v1/query";

#[test]
fn only_a_form_by_post_with_a_query_and_a_time_is_answered() {
    let shared = shared();
    assert_eq!(
        asked(&shared, Method::POST, PATH, FORM, "query=up&time=1764590400.25"),
        200
    );
    assert_eq!(
        asked(
            &shared,
            Method::POST,
            PATH,
            FORM,
            "time=2025-12-01T12:00:00.25Z&query=up"
        ),
        200
    );
    for (method, to, kind, body, status) in [
        (Method::GET, PATH, FORM, "query=up&time=1", 405),
        (Method::POST, "/api/v1/query_range", FORM, "query=up&time=1", 404),
        (Method::POST, "/api/v1/query?query=up", FORM, "query=up&time=1", 400),
        (Method::POST, PATH, "application/json", "query=up&time=1", 400),
        (Method::POST, PATH, FORM, "query=up", 400),
        (Method::POST, PATH, FORM, "time=1", 400),
        (Method::POST, PATH, FORM, "query=+&time=1", 400),
        (Method::POST, PATH, FORM, "query=up&time=now", 400),
        (Method::POST, PATH, FORM, "query=up&time=NaN", 400),
        (Method::POST, PATH, FORM, "query=up&query=up&time=1", 400),
        (Method::POST, PATH, FORM, "query=up&time=1&step=1", 400),
    ] {
        assert_eq!(asked(&shared, method, to, kind, body), status, "{to} {kind} {body}");
    }
    let queries = lock(&shared.queries);
    assert!(
        queries
            .iter()
            .all(|query| query.query == "up" && query.time == 1_764_590_400.25),
        "{queries:?}"
    );
    assert_eq!(queries.len(), 2);
}

#[test]
fn who_does_not_log_in_is_not_answered() {
    let shared = shared();
    *lock(&shared.login) = Some("Bearer t".to_owned());
    assert_eq!(asked(&shared, Method::POST, PATH, FORM, "query=up&time=1"), 401);
    assert!(lock(&shared.queries).is_empty());
}
