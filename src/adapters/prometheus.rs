//! Prometheus behind the trait of the vocabulary: one instant query a call, at a time that is given.
//!
//! A query is sent once, answered in time, read to a bounded length and followed nowhere else. Whatever goes wrong is an answer,
//! in words.

pub mod answer;
mod login;

use std::fmt;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use google_sheets4::hyper::body::{Body as _, Incoming};
use google_sheets4::hyper::{Request, Response};
use google_sheets4::hyper_util::client::legacy::Client;
use google_sheets4::hyper_util::rt::TokioExecutor;

use crate::adapters::outbound::{Connector, connector_trusting, untrusted};
use crate::calls::Calls;
use crate::endpoint::Endpoint;
use crate::gate::{Answer, QuerySource, Unanswered};
use crate::text::plain;
use answer::said;
use login::Header;
pub use login::Login;

/// The name in the count of requests.
const COUNTED: &str = "prometheus.query";

/// Largest answer that is read: one number has some hundred bytes.
pub const LARGEST: usize = 1 << 20;

/// Where Prometheus is and how to get at it.
#[derive(Clone, Debug)]
pub struct PrometheusSettings {
    /// Its address, up to `/api/v1`.
    pub url: Endpoint,
    /// How to log in.
    pub login: Login,
    /// Authorities that count besides those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How long a query may take.
    pub timeout: Duration,
}

/// The client.
pub struct Prometheus {
    settings: PrometheusSettings,
    /// Or why there is none.
    client: Result<Client<Connector, String>, String>,
    calls: Calls,
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Prometheus {
    /// Makes the client. No request is made yet: what is wrong shows with the first query, and keeps no pass from its work.
    #[must_use]
    pub fn new(settings: PrometheusSettings, calls: Calls) -> Self {
        let client = connector_trusting("prometheus.ca_file", settings.ca_file.as_deref());
        Self {
            client: client.map(|connector| {
                let mut builder = Client::builder(TokioExecutor::new());
                builder.retry_canceled_requests(false).build(connector)
            }),
            settings,
            calls,
        }
    }

    async fn ask(&self, query: &str, at: DateTime<Utc>) -> Result<Answer, String> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let login = self.settings.login.header()?;
        let request = request(&self.settings.url, query, at, login.as_ref())?;
        self.calls.may_leave()?;
        self.calls.count(COUNTED);
        let _waits = self.calls.wait("asking Prometheus");
        let exchange = async {
            let response = client.request(request).await.map_err(|error| unconnected(&error))?;
            let status = response.status().as_u16();
            Ok((status, whole(response).await?))
        };
        let limit = self.settings.timeout;
        let (status, body) = tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
            let limit = humantime::format_duration(limit);
            Err(format!(
                "Prometheus does not answer within {limit} (prometheus.timeout)"
            ))
        })?;
        let answer = answer::read(status, &body);
        Ok(match login {
            Some(login) => login.strike_out(answer),
            None => answer,
        })
    }
}

#[async_trait]
impl QuerySource for Prometheus {
    async fn query(&self, query: &str, at: DateTime<Utc>) -> Answer {
        self.ask(query, at)
            .await
            .unwrap_or_else(|why| Answer::Failed(Unanswered(why)))
    }
}

fn request(url: &Endpoint, query: &str, at: DateTime<Utc>, login: Option<&Header>) -> Result<Request<String>, String> {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", query)
        .append_pair("time", &seconds(at))
        .finish();
    let mut request = Request::post(format!("{}/api/v1/query", url.without_slash()))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", form.len())
        .header("accept", "application/json");
    if let Some(login) = login {
        request = request.header("authorization", login.value());
    }
    request
        .body(form)
        .map_err(|_| "prometheus.url cannot stand in a request; write https://HOST".to_owned())
}

/// A time as Prometheus takes it: seconds since 1970, with milliseconds.
fn seconds(at: DateTime<Utc>) -> String {
    format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis().min(999))
}

async fn whole(response: Response<Incoming>) -> Result<Vec<u8>, String> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| "the answer of Prometheus broke off".to_owned())?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
        if bytes.len() > LARGEST {
            return Err("the answer of Prometheus has more than 1 MiB; write a query that gives one number".to_owned());
        }
    }
    Ok(bytes)
}

/// Why there is no connection, and what to do about it where we know.
fn unconnected(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let why = said(&cause.to_string());
    // The proxy's refusals bring their own advice, which reads as ours.
    if why.contains("(HTTPS_PROXY)") {
        return format!("Prometheus is not reachable: {}", plain(&cause.to_string()));
    }
    match untrusted(&why) {
        Some(_) => format!(
            "Prometheus is not reachable: {why}; the authority of its certificate is not trusted here, name a file that holds it in \
             prometheus.ca_file"
        ),
        None => format!("Prometheus is not reachable: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_sent_as_a_form_with_its_time() {
        let url: Endpoint = "https://prometheus.example/team-a/".parse().unwrap();
        let at = "2026-12-01T12:00:00.25Z".parse().unwrap();
        let request = request(&url, "a{b=\"c&d\"}", at, None).unwrap();
        assert_eq!(request.uri(), "https://prometheus.example/team-a/api/v1/query");
        assert_eq!(request.body(), "query=a%7Bb%3D%22c%26d%22%7D&time=1796126400.250");
    }
}
