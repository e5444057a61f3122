//! The address of an API: `https://`, or `http://` to this machine and to no other.
//!
//! Keys, tokens and tags travel to such an address. An [`Endpoint`] can only be made from one that keeps them off the network
//! in plain text, so that the clients need not check it again.

use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

/// The address of an API that may be sent credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The address, to be followed by a path that begins with a slash.
    pub(crate) fn without_slash(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The address, to be followed by a path that begins without a slash.
    pub(crate) fn with_slash(&self) -> String {
        let text = self.0.as_str();
        if text.ends_with('/') {
            text.to_owned()
        } else {
            format!("{text}/")
        }
    }

    /// Reads an address that may be `http://` to other machines, too, if somebody has said so: whoever is on the way can read and
    /// forge what goes there.
    ///
    /// # Errors
    /// What is wrong, in words that follow the name of the setting.
    pub fn even_plain(text: &str, allow_http: bool) -> Result<Self, String> {
        let url = alone(text)?;
        match (url.scheme(), url.host_str()) {
            _ if is_private(&url) => Ok(Self(url)),
            ("http", Some(_)) if allow_http => Ok(Self(url)),
            ("http", Some(host)) => Err(format!(
                "would send queries to {host} in plain text, and whoever is on the way could forge the answers; use https://, or set \
                 allow_http = true beside it"
            )),
            (scheme, _) => Err(format!("{scheme}: is not a way to reach an API; use https://")),
        }
    }

    /// Whether what is sent there is encrypted or stays on this machine.
    pub(crate) fn is_private(&self) -> bool {
        is_private(&self.0)
    }

    /// Whether it is `http://`, to which no proxy leads: on this machine, but for an address of [`Endpoint::even_plain`].
    pub(crate) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

impl FromStr for Endpoint {
    type Err = String;

    /// Reads an address. What is wrong is said in words that follow the name of the setting.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = alone(text)?;
        if is_private(&url) {
            return Ok(Self(url));
        }
        match (url.scheme(), url.host_str()) {
            ("http", Some(host)) => Err(format!(
                "would send credentials to {host} in plain text; use https:// (http:// is for 127.0.0.1, [::1] and localhost)"
            )),
            (scheme, _) => Err(format!("{scheme}: is not a way to reach an API; use https://")),
        }
    }
}

/// An address without anything else in it.
fn alone(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not an address ({error}); write https://HOST"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password; write the address alone".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("holds a ? or #; write the address up to there".to_owned());
    }
    Ok(url)
}

/// Whether what is sent to the URL is encrypted or stays on this machine.
pub(crate) fn is_private(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => is_loopback(host),
        _ => false,
    }
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (text, plain) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost:8/x", true),
            ("http://[::1]:1/", true),
            ("https://ec2.example", false),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.is_plain(), plain, "{text}");
        }
        for text in [
            "http://ec2.example",
            "http://localhost.example",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "127.0.0.1",
            "sheets",
            "",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_goes_further_only_where_somebody_says_so() {
        for (text, allow_http, taken) in [
            ("http://127.0.0.1:9090", false, true),
            ("https://prometheus.example/a", false, true),
            ("http://prometheus.example", false, false),
            ("http://prometheus.example", true, true),
            ("ftp://prometheus.example", true, false),
            ("https://u:p@prometheus.example", true, false),
            ("https://prometheus.example/?a=b", true, false),
        ] {
            assert_eq!(
                Endpoint::even_plain(text, allow_http).is_ok(),
                taken,
                "{text} {allow_http}"
            );
        }
        let said = Endpoint::even_plain("http://prometheus.example", false).unwrap_err();
        assert!(said.contains("allow_http = true"), "{said}");
    }

    #[test]
    fn paths_follow_with_one_slash() {
        for (text, bare) in [
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
            ("https://a.example/b", "https://a.example/b"),
            ("https://a.example/b/", "https://a.example/b"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.without_slash(), bare);
            assert_eq!(endpoint.with_slash(), format!("{bare}/"));
        }
    }
}
