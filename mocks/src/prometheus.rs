//! The query API of Prometheus, as far as fleetsheet uses it: instant queries by POST.
//!
//! It evaluates nothing: a test says what each query is answered with. It is strict about how it is asked, and answers in the
//! shapes of the documented API.

mod reply;
#[cfg(test)]
mod tests;

pub use reply::Reply;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;

use crate::faults::{Refusal, Script, Server, serve_on};

/// The name of queries in the script and its log.
pub const QUERY: &str = "prometheus.query";

/// A query that came in as it must.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The query.
    pub query: String,
    /// The time that it is about, in seconds since 1970.
    pub time: f64,
    /// What came to log in.
    pub authorization: Option<String>,
}

type Answers = Box<dyn Fn(&Query) -> Reply + Send>;

struct Shared {
    script: Script,
    answers: Mutex<Answers>,
    queries: Mutex<Vec<Query>>,
    /// What must come to log in.
    login: Mutex<Option<String>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("script", &self.script)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The emulator, running until it is dropped. Until it is told otherwise, it knows no series.
#[derive(Debug)]
pub struct PrometheusEmulator {
    server: Server,
    shared: Arc<Shared>,
}

impl PrometheusEmulator {
    /// Starts on a free port of the loopback address.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on the given address.
    pub async fn start_on(addr: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            script: Script::new(),
            answers: Mutex::new(Box::new(|_| Reply::vector([]))),
            queries: Mutex::default(),
            login: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let shared = Arc::clone(&served);
            async move {
                let handle = async { handle(&shared, &method, &uri, &headers, &body).response() };
                shared.script.run(QUERY, refuse, handle).await
            }
        });
        let server = serve_on(addr, router).await?;
        Ok(Self { server, shared })
    }

    /// Its address, to which clients add `/api/v1/query`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// Says what each query is answered with from now on.
    pub fn serve(&self, answers: impl Fn(&Query) -> Reply + Send + 'static) {
        *lock(&self.shared.answers) = Box::new(answers);
    }

    /// Lets only those in who send this as `Authorization`.
    pub fn ask_for(&self, authorization: &str) {
        *lock(&self.shared.login) = Some(authorization.to_owned());
    }

    /// Every query that came in as it must, in order.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        lock(&self.shared.queries).clone()
    }

    /// Forgets the queries so far.
    pub fn forget_queries(&self) {
        lock(&self.shared.queries).clear();
    }

    /// Rules, hooks and log; the method is [`QUERY`].
    #[must_use]
    pub fn script(&self) -> Script {
        self.shared.script.clone()
    }
}

/// A scripted refusal in the words of Prometheus, or of what stands before it.
fn refuse(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Throttle => Reply::plain(429, "too many requests"),
        Refusal::Unauthorized => Reply::plain(401, "Unauthorized"),
        Refusal::Forbidden => Reply::plain(403, "Forbidden"),
        Refusal::Status(422) => Reply::error(422, "execution", "found duplicate series for the match group"),
        Refusal::Status(503) => Reply::error(503, "timeout", "query timed out in expression evaluation"),
        Refusal::Status(code @ 500..) => Reply::error(code, "internal", "the storage is away"),
        Refusal::Status(code) => Reply::error(code, "bad_data", "invalid parameter \"query\": 1:5: parse error"),
    }
    .response()
}

fn handle(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Reply {
    if uri.path() != "/api/v1/query" {
        return Reply::plain(404, "404 page not found");
    }
    if method != Method::POST {
        return Reply::plain(405, "the query comes by POST");
    }
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header(header::AUTHORIZATION).map(str::to_owned);
    if let Some(wanted) = &*lock(&shared.login)
        && authorization.as_ref() != Some(wanted)
    {
        return Reply::plain(401, "Unauthorized");
    }
    match query(header(header::CONTENT_TYPE), uri, body) {
        Ok((query, time)) => {
            let query = Query {
                query,
                time,
                authorization,
            };
            let reply = lock(&shared.answers)(&query);
            lock(&shared.queries).push(query);
            reply
        }
        Err(why) => Reply::error(400, "bad_data", &why),
    }
}

/// The query and its time, if the form holds them once each and nothing else.
fn query(content_type: Option<&str>, uri: &Uri, body: &[u8]) -> Result<(String, f64), String> {
    if content_type != Some("application/x-www-form-urlencoded") {
        return Err(format!("the content type is {content_type:?}"));
    }
    if uri.query().is_some() {
        return Err("parameters in the address end up in the logs of proxies".to_owned());
    }
    let (mut query, mut time) = (None, None);
    for (key, value) in form_urlencoded::parse(body) {
        let twice = match &*key {
            "query" => query.replace(value.into_owned()).is_some(),
            "time" => time.replace(value.into_owned()).is_some(),
            other => return Err(format!("unknown parameter {other:?}")),
        };
        if twice {
            return Err(format!("{key} comes twice"));
        }
    }
    let query = query.filter(|query| !query.trim().is_empty());
    let query =
        query.ok_or("invalid parameter \"query\": unknown position: parse error: no expression found in input")?;
    let time = time.ok_or("there is no time, so that the query cannot be asked again")?;
    // A number of seconds, or RFC 3339.
    let seconds = time
        .parse::<f64>()
        .ok()
        .filter(|seconds| seconds.is_finite())
        .or_else(|| {
            let at = chrono::DateTime::parse_from_rfc3339(&time).ok()?;
            Some(at.timestamp_millis() as f64 / 1000.0)
        });
    let seconds =
        seconds.ok_or_else(|| format!("invalid parameter \"time\": cannot parse {time:?} to a valid timestamp"))?;
    Ok((query, seconds))
}
