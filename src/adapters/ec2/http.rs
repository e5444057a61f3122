//! The HTTP client under the SDKs: one pool of connections for all accounts and regions, and a count of every request.
//!
//! Requests are counted here, below anything that could repeat them, so the count is of what really left. It must
//! never look at more of a request than its action.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use url::form_urlencoded;

use crate::adapters::outbound::{Route, authorities};
use crate::calls::Calls;

/// A form with this version is a request to EC2. The only other service that is called with forms is STS.
const EC2_VERSION: &str = "2016-11-15";

/// What is before the action in the address of a request to CloudWatch, which speaks another protocol.
const CLOUDWATCH: &str = "/service/GraniteServiceVersion20100801/operation/";

/// Connectors are kept apart by these timeouts: for connecting, and for reading.
type Timeouts = (Option<Duration>, Option<Duration>);

/// The client. Connections are kept per pair of timeouts: EC2 and STS share them, the sources of credentials may not.
#[derive(Clone)]
pub(crate) struct CountingClient {
    calls: Calls,
    proxies: bool,
    /// What carries the requests; `None`: our own connections.
    under: Option<SharedHttpClient>,
    connectors: Arc<Mutex<HashMap<Timeouts, SharedHttpConnector>>>,
}

impl CountingClient {
    /// A client that counts into `calls`. With `proxies` it takes the way that the environment names for all far ends; an
    /// emulator on loopback must be reached without a proxy.
    pub(crate) fn new(calls: Calls, proxies: bool) -> Self {
        Self {
            calls,
            proxies,
            under: None,
            connectors: Arc::default(),
        }
    }

    /// A client that counts into `calls` and leaves the rest to `under`.
    pub(super) fn through(calls: Calls, under: SharedHttpClient) -> Self {
        Self {
            under: Some(under),
            ..Self::new(calls, false)
        }
    }

    fn connect(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        if let Some(under) = &self.under {
            return under.http_connector(settings, components);
        }
        let proxy = match self.proxies.then(Route::from_env) {
            None => ProxyConfig::disabled(),
            Some(Ok(route)) => route.for_aws(),
            // Nothing goes past a proxy that was asked for.
            Some(Err(why)) => return SharedHttpConnector::new(Nowhere(why)),
        };
        let authorities = match authorities::pem() {
            Ok(pem) => tls::TrustStore::empty().with_pem_certificate(pem),
            Err(why) => {
                tracing::warn!("{why}");
                tls::TrustStore::default()
            }
        };
        let context = tls::TlsContext::builder().with_trust_store(authorities).build();
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.unwrap_or_default())
            .connector_settings(settings.clone())
            .proxy_config(proxy);
        builder.set_sleep_impl(components.sleep_impl());
        SharedHttpConnector::new(builder.build())
    }
}

/// Reaches nothing, and says why.
#[derive(Clone, Debug)]
struct Nowhere(String);

impl HttpConnector for Nowhere {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::user(self.0.clone().into())))
    }
}

impl fmt::Debug for CountingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingClient")
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

impl HttpClient for CountingClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = connectors
            .entry(timeouts)
            .or_insert_with(|| self.connect(settings, components))
            .clone();
        let calls = self.calls.clone();
        SharedHttpConnector::new(CountingConnector { inner, calls })
    }
}

#[derive(Debug)]
struct CountingConnector {
    inner: SharedHttpConnector,
    calls: Calls,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // After signing and all waits: nothing that could take long comes between this and the socket.
        if let Err(not_sent) = self.calls.may_leave() {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(not_sent.into())));
        }
        self.calls
            .count(&method(request.uri(), request.body().bytes().unwrap_or_default()));
        self.inner.call(request)
    }
}

/// The name that a request is counted under.
fn method(uri: &str, body: &[u8]) -> String {
    if let Some((_, action)) = uri.split_once(CLOUDWATCH) {
        return format!("cloudwatch.{action}");
    }
    let (mut action, mut version) = (None, None);
    for (key, value) in form_urlencoded::parse(body).take(2) {
        match &*key {
            "Action" => action = Some(value),
            "Version" => version = Some(value),
            _ => {}
        }
    }
    match (action, version) {
        (Some(action), Some(version)) if version == EC2_VERSION => format!("ec2.{action}"),
        (Some(action), Some(_)) => format!("sts.{action}"),
        // The metadata service of an instance or container, or single sign-on.
        _ => "aws.credentials".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn requests_are_counted_by_service_and_action() {
        let ec2 = b"Action=CreateTags&Version=2016-11-15&ResourceId.1=i-1&Tag.1.Key=Action";
        let uri = "https://example.com/";
        let method = |body| super::method(uri, body);
        assert_eq!(method(ec2), "ec2.CreateTags");
        assert_eq!(
            method(b"Action=AssumeRole&Version=2011-06-15&RoleArn=x"),
            "sts.AssumeRole"
        );
        assert_eq!(method(b""), "aws.credentials");
        assert_eq!(method(b"{\"Action\":1}"), "aws.credentials");
        let cloudwatch = "https://example.com/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
        assert_eq!(super::method(cloudwatch, b"\xbf\xff"), "cloudwatch.DescribeAlarms");
    }
}
