//! How requests leave this machine: through which proxy, and which authorities vouch for the far end. One rule for all far ends
//! that speak HTTP, read from the environment; the mail server is reached directly, with the same authorities.
//!
//! `HTTPS_PROXY` (else `ALL_PROXY`) names the proxy, `NO_PROXY` those who are reached without it; lower case counts, too.
//! Plain HTTP, which goes to this machine and to a cloud's metadata server only, never takes a proxy.

pub(crate) mod authorities;
mod tunnel;

pub(in crate::adapters) use authorities::untrusted;
use std::path::Path;

use aws_smithy_http_client::proxy::ProxyConfig;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

pub(crate) use tunnel::ByProxy;
pub(in crate::adapters) use tunnel::{FIX_LOGIN, LOGIN_WANTED};

/// What carries requests to far ends.
pub(crate) type Connector = HttpsConnector<ByProxy>;

/// Variables that name the proxy, the first that is set counts.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Variables that name hosts that are reached without it.
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// This machine is never behind the proxy.
const HERE: &str = "localhost,127.0.0.0/8,::1";

/// Which proxy requests take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// Its address, which may hold a user and password.
    proxy: Option<String>,
    /// Who is reached without it, in the notation of `NO_PROXY`.
    except: String,
}

impl Route {
    /// Reads the environment.
    ///
    /// # Errors
    /// When it names a proxy that cannot be used; the words show no password.
    pub(crate) fn from_env() -> Result<Self, String> {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = variable(name)?.trim().to_owned();
                (!value.is_empty()).then_some((*name, value))
            })
        };
        let proxy = first(&PROXY).map(|(name, value)| address(name, &value)).transpose()?;
        let except = first(&EXCEPT).map(|(_, value)| exceptions(&value)).unwrap_or_default();
        Ok(Self { proxy, except })
    }

    fn matcher(&self) -> Matcher {
        let builder = Matcher::builder().no(self.except.clone());
        match &self.proxy {
            Some(proxy) => builder.https(proxy.clone()).build(),
            None => builder.build(),
        }
    }

    /// The same for the AWS SDK, which brings a connector of its own.
    pub(crate) fn for_aws(&self) -> ProxyConfig {
        let proxy = self
            .proxy
            .as_ref()
            .and_then(|proxy| ProxyConfig::https(proxy.as_str()).ok());
        proxy.map_or_else(ProxyConfig::disabled, |config| config.no_proxy(&self.except))
    }
}

/// The proxy's address; one without a scheme speaks HTTP, as for curl.
fn address(name: &str, value: &str) -> Result<String, String> {
    let text = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    let url = Url::parse(&text).map_err(|_| format!("{name} is not the address of a proxy: write http://HOST:PORT"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        let scheme = url.scheme();
        return Err(format!(
            "{name} names a {scheme} proxy; only http:// and https:// proxies can be used"
        ));
    }
    // Only what leads to the proxy: a path would be refused further below.
    let end = text.find("://").map_or(0, |at| at + 3);
    let authority = text[end..].split(['/', '?', '#']).next().unwrap_or_default();
    Ok(format!("{}://{authority}", url.scheme()))
}

/// Exceptions in the one notation that all readers share: `*.example.com` and `example.com:443` are spellings that curl, Go or
/// Python take.
fn exceptions(value: &str) -> String {
    let each = value.split(|c: char| c == ',' || c.is_whitespace()).map(|entry| {
        let entry = entry.trim().to_lowercase();
        let entry = entry.strip_prefix("*.").map(|rest| format!(".{rest}")).unwrap_or(entry);
        match entry.rsplit_once(':') {
            // With more than one colon it is an IPv6 address.
            Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host.to_owned(),
            _ => entry,
        }
    });
    let each: Vec<String> = each
        .filter(|entry| !entry.is_empty())
        .chain([HERE.to_owned()])
        .collect();
    each.join(",")
}

/// Connections to all far ends that the AWS SDK does not reach. Plain http is for this machine and its cloud's metadata server:
/// [`crate::endpoint::Endpoint`] and the checks of credentials see to that.
///
/// # Errors
/// When the environment names a proxy or authorities that cannot be used.
pub(crate) fn connector() -> Result<Connector, String> {
    over(authorities::trusted()?)
}

/// The same to a far end whose authority stands in a file that `setting` names, besides those that count for all far ends.
///
/// # Errors
/// As [`connector`], and when the file cannot be used.
pub(in crate::adapters) fn connector_trusting(setting: &str, file: Option<&Path>) -> Result<Connector, String> {
    match file {
        Some(file) => over(authorities::trusted_with(setting, file)?),
        None => connector(),
    }
}

fn over(authorities: RootCertStore) -> Result<Connector, String> {
    let tls = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("cannot set up TLS: {error}"))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    let by_proxy = ByProxy::new(Route::from_env()?.matcher(), tls.clone());
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(by_proxy))
}

#[cfg(test)]
mod tests;
