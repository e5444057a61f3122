//! What a query is answered with, in the shapes of the documented API.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The time that samples carry.
const TIME: f64 = 1_764_590_400.25;

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    body: String,
}

/// A number as Prometheus writes it.
fn text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        format!("{}Inf", if number > 0.0 { '+' } else { '-' })
    } else {
        number.to_string()
    }
}

impl Reply {
    fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json", &body.to_string())
    }

    fn success(kind: &str, result: Value) -> Self {
        Self::json(
            200,
            &json!({ "status": "success", "data": { "resultType": kind, "result": result } }),
        )
    }

    /// A vector: one series for each number.
    pub fn vector(numbers: impl IntoIterator<Item = f64>) -> Self {
        let series = numbers.into_iter().enumerate().map(|(n, number)| {
            json!({ "metric": { "__name__": "errors", "series": n.to_string() }, "value": [TIME, text(number)] })
        });
        Self::success("vector", series.collect())
    }

    /// A scalar.
    #[must_use]
    pub fn scalar(number: f64) -> Self {
        Self::success("scalar", json!([TIME, text(number)]))
    }

    /// A matrix of one series.
    #[must_use]
    pub fn matrix(numbers: &[f64]) -> Self {
        let values: Vec<Value> = numbers.iter().map(|number| json!([TIME, text(*number)])).collect();
        Self::success("matrix", json!([{ "metric": {}, "values": values }]))
    }

    /// A text.
    #[must_use]
    pub fn string(said: &str) -> Self {
        Self::success("string", json!([TIME, said]))
    }

    /// A vector of one native histogram.
    #[must_use]
    pub fn histogram() -> Self {
        let histogram = json!({ "count": "3", "sum": "1.5", "buckets": [[0, "0.5", "1", "3"]] });
        Self::success("vector", json!([{ "metric": {}, "histogram": [TIME, histogram] }]))
    }

    /// The same answer with more in it: `warnings` or `infos`.
    #[must_use]
    pub fn with(self, field: &str, said: &[&str]) -> Self {
        let mut body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body[field] = json!(said);
        Self {
            body: body.to_string(),
            ..self
        }
    }

    /// An error.
    #[must_use]
    pub fn error(status: u16, kind: &str, said: &str) -> Self {
        Self::json(status, &json!({ "status": "error", "errorType": kind, "error": said }))
    }

    /// A line of text, as the HTTP server itself or a proxy answers.
    #[must_use]
    pub fn plain(status: u16, said: &str) -> Self {
        Self::raw(status, "text/plain; charset=utf-8", &format!("{said}\n"))
    }

    /// A page for people, such as that of a login.
    #[must_use]
    pub fn html(status: u16) -> Self {
        Self::raw(
            status,
            "text/html; charset=utf-8",
            "<!DOCTYPE html><html><body>Please log in.</body></html>",
        )
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self {
            location: Some(to.to_owned()),
            ..Self::html(302)
        }
    }

    /// A vector of so many bytes, of which one is a number that would do.
    #[must_use]
    pub fn of_size(bytes: usize) -> Self {
        let reply = |padding: usize| {
            let metric = json!({ "pad": "x".repeat(padding) });
            Self::success("vector", json!([{ "metric": metric, "value": [TIME, "0"] }]))
        };
        reply(bytes.saturating_sub(reply(0).body.len()))
    }

    /// Anything.
    #[must_use]
    pub fn raw(status: u16, content_type: &'static str, body: &str) -> Self {
        Self {
            status,
            content_type,
            location: None,
            body: body.to_owned(),
        }
    }

    pub(super) fn response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response();
        if let Some(location) = self.location.and_then(|location| location.parse().ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}
