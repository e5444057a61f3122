//! One HTTP client for all: an end to each request, no redirects, no proxy, bodies that end.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Longest body that is read.
const LONGEST: u64 = 1 << 20;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; what is no text is replaced.
    pub body: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The time was over: nobody knows.
    Late,
    /// It was refused, or broke off.
    Other(String),
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => f.write_str("no answer in time"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

fn tls() -> TlsConfig {
    static ROOTS: OnceLock<Arc<Vec<Certificate<'static>>>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        Arc::new(
            found
                .certs
                .iter()
                .map(|der| Certificate::from_der(der.as_ref()).to_owned())
                .collect(),
        )
    });
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::Specific(Arc::clone(roots)))
        .build()
}

/// Asks.
///
/// # Errors
/// There is no answer.
pub fn ask(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: Option<&str>,
    timeout: Duration,
) -> Result<Answer, Silence> {
    let mut config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None);
    // The certificates of the system are read when one is needed.
    if url.starts_with("https:") {
        config = config.tls_config(tls());
    }
    let agent: Agent = config.build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let other = |error: String| Silence::Other(crate::problem::plain(&crate::problem::cut(&error, 120)));
    let request = request
        .body(body.unwrap_or_default().to_owned())
        .map_err(|error| other(error.to_string()))?;
    let told = |error: ureq::Error| match error {
        ureq::Error::Timeout(_) => Silence::Late,
        ureq::Error::Io(io) if matches!(io.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock) => {
            Silence::Late
        }
        error => other(error.to_string()),
    };
    let mut answer = agent.run(request).map_err(told)?;
    let status = answer.status().as_u16();
    let bytes = answer
        .body_mut()
        .with_config()
        .limit(LONGEST)
        .read_to_vec()
        .map_err(told)?;
    Ok(Answer {
        status,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    })
}
