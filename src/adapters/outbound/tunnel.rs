//! A connection to a far end: direct, or through the proxy's CONNECT, so that the proxy sees a host name and no content.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use google_sheets4::hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What a proxy made of a request for a connection.
#[derive(Debug, thiserror::Error)]
#[error(
    "the proxy {proxy} (HTTPS_PROXY) gives no connection to {host}: {why}; {}",
    fix(host, why)
)]
struct Refused {
    proxy: String,
    host: String,
    why: String,
}

/// What hyper says of a proxy that wants a user and a password, or others.
pub(in crate::adapters) const LOGIN_WANTED: &str = "proxy authorization required";

/// What to do about that.
pub(in crate::adapters) const FIX_LOGIN: &str =
    "correct the user and password in HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT)";

/// What to do about a proxy's refusal.
fn fix(host: &str, why: &str) -> String {
    if why.contains(LOGIN_WANTED) {
        FIX_LOGIN.to_owned()
    } else {
        format!("if {host} can be reached without it, name it in NO_PROXY")
    }
}

/// Connects to far ends by the proxy, where there is one for them.
#[derive(Clone)]
pub(crate) struct ByProxy {
    matcher: Arc<Matcher>,
    direct: HttpConnector,
    /// To proxies: some are themselves reached over TLS.
    to_proxy: HttpsConnector<HttpConnector>,
}

impl ByProxy {
    pub(super) fn new(matcher: Matcher, tls: ClientConfig) -> Self {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        // The end of a request would wait until the far end has confirmed its beginning.
        direct.set_nodelay(true);
        let to_proxy = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(direct.clone());
        Self {
            matcher: Arc::new(matcher),
            direct,
            to_proxy,
        }
    }
}

impl Service<Uri> for ByProxy {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.matcher.intercept(&to) else {
            let connecting = self.direct.call(to);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        let (proxy, host) = (place(proxy.uri()), to.host().unwrap_or_default().to_owned());
        let connecting = tunnel.call(to);
        Box::pin(async move {
            let refused = |error: &dyn Error| Refused {
                proxy,
                host,
                why: reason(error),
            };
            connecting.await.map_err(|error| refused(&error).into())
        })
    }
}

/// Host and port, without user and password.
fn place(proxy: &Uri) -> String {
    let host = proxy.host().unwrap_or_default();
    proxy
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What happened, down to the innermost cause.
fn reason(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
