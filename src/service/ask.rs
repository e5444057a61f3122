//! Who may ask for a pass over HTTP: whoever is on this machine, but no page that a browser on this machine shows.
//!
//! A page of a stranger can make a browser send a POST to a loopback address. The browser then says where the page came from
//! (`Origin`, `Sec-Fetch-Site`), or, where the stranger's name leads to a loopback address, that name as `Host`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, Uri, header};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request for a pass is refused; `None` where it is not. `listen` is the address that it came in at.
pub(super) fn refusal(listen: Option<SocketAddr>, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    if !listen.is_some_and(|address| address.ip().is_loopback()) {
        return Some(
            "a pass can be asked for here only where http.listen is a loopback address; send the service SIGUSR1 instead",
        );
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Some("say one Host");
    };
    let host = host.to_str().unwrap_or_default();
    let named = [Some(host), uri.authority().map(|authority| authority.as_str())];
    if !named.into_iter().flatten().all(is_loopback) {
        return Some("the Host is not a loopback address or localhost");
    }
    let own = format!("http://{host}");
    if headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|origin| origin.as_bytes() != own.as_bytes())
    {
        return Some("a page of another origin may not ask for a pass");
    }
    let same = |site: &[u8]| site == b"same-origin" || site == b"none";
    if headers.get_all(SITE).iter().any(|site| !same(site.as_bytes())) {
        return Some("a page of another site may not ask for a pass");
    }
    None
}

/// Whether a host, with or without a port, is this machine by its own name for itself.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let loopback = address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
            (loopback, port.strip_prefix(':').or(port.is_empty().then_some("0")))
        }
        None => {
            let (name, port) = host.split_once(':').map_or((host, "0"), |(name, port)| (name, port));
            let address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            (address || name.eq_ignore_ascii_case("localhost"), Some(port))
        }
    };
    name && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(listen: &str, uri: &str, headers: &[(&'static str, &str)]) -> Option<&'static str> {
        let map = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut all = HeaderMap::new();
        for (name, value) in map {
            all.append(name, value);
        }
        refusal(listen.parse().ok(), &uri.parse().unwrap(), &all)
    }

    #[test]
    fn who_is_on_the_machine_may_ask() {
        for host in [
            "localhost",
            "LOCALHOST:9464",
            "127.0.0.1:9464",
            "127.1.2.3",
            "[::1]",
            "[::1]:80",
        ] {
            assert_eq!(asked("127.0.0.1:9464", "/pass", &[("host", host)]), None, "{host}");
        }
        let own = [
            ("host", "localhost:9464"),
            ("origin", "http://localhost:9464"),
            ("sec-fetch-site", "same-origin"),
        ];
        assert_eq!(asked("[::1]:9464", "/pass", &own), None);
        assert_eq!(
            asked(
                "127.0.0.1:1",
                "/pass",
                &[("host", "localhost"), ("sec-fetch-site", "none")]
            ),
            None
        );
    }

    #[test]
    fn nobody_may_ask_from_elsewhere_and_no_page() {
        for listen in ["0.0.0.0:9464", "[::]:9464", "10.0.0.7:9464", ""] {
            assert!(
                asked(listen, "/pass", &[("host", "127.0.0.1:9464")]).is_some(),
                "{listen}"
            );
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:9464",
            "evil.example:127.0.0.1",
            "localhost@evil.example",
            "evil@localhost",
            "x.localhost",
            "localhost:",
            "localhost:x",
            "[::1]x",
            "[::2]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "2130706433",
            "",
        ] {
            assert!(asked("127.0.0.1:9464", "/pass", &[("host", host)]).is_some(), "{host}");
        }
        for headers in [
            &[][..],
            &[("host", "localhost"), ("host", "evil.example")],
            &[("host", "localhost"), ("origin", "https://evil.example")],
            &[("host", "localhost"), ("origin", "null")],
            &[("host", "localhost:9464"), ("origin", "http://localhost:3000")],
            &[("host", "localhost:9464"), ("origin", "https://localhost:9464")],
            &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
            &[("host", "localhost"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(asked("127.0.0.1:9464", "/pass", headers).is_some(), "{headers:?}");
        }
        assert!(asked("127.0.0.1:9464", "http://evil.example/pass", &[("host", "localhost")]).is_some());
    }
}
