//! Who may call: this page alone. A page of another site reaches a server on loopback through the browser of whoever tries the
//! sandbox; with a name of its own that leads here, it could even read the answers.

use axum::http::{HeaderMap, Method, header};

/// Why the request is refused, if it is.
pub(super) fn refusal(method: &Method, headers: &HeaderMap, port: u16) -> Option<&'static str> {
    let one = |name: &str| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().and_then(|value| value.to_str().ok());
        (first, all.next().is_none())
    };
    let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
    let (host, once) = one(header::HOST.as_str());
    if !once || !host.is_some_and(|host| hosts.iter().any(|own| own.eq_ignore_ascii_case(host))) {
        return Some("the sandbox answers to 127.0.0.1 and localhost only");
    }
    let own = format!("http://{}", host.unwrap_or_default());
    let (origin, once) = one(header::ORIGIN.as_str());
    if !once || origin.is_some_and(|origin| !origin.eq_ignore_ascii_case(&own)) {
        return Some("the sandbox answers to its own page only");
    }
    let (site, once) = one("sec-fetch-site");
    // A person who types the address, or follows a link in a terminal, comes from nowhere.
    let good = match site {
        None | Some("same-origin") => true,
        Some("none") => method == Method::GET,
        Some(_) => false,
    };
    if !once || !good {
        // Somebody who follows a link from elsewhere gets the page as such, which is all that a navigation can do.
        let looks = method == Method::GET && one("sec-fetch-mode").0 == Some("navigate");
        if !(once && looks) {
            return Some("the sandbox answers to its own page only");
        }
    }
    let json = |kind: &str| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json")
    };
    if method == Method::POST && !one(header::CONTENT_TYPE.as_str()).0.is_some_and(json) {
        // A form of another site cannot send this kind.
        return Some("a request to change something is JSON");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, headers: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        refusal(&method, &map, 8000)
    }

    #[test]
    fn only_its_own_page_may_call() {
        let host = ("host", "127.0.0.1:8000");
        let json = ("content-type", "application/json");
        let origin = ("origin", "http://127.0.0.1:8000");
        assert_eq!(asked(Method::GET, &[host]), None);
        assert_eq!(
            asked(Method::GET, &[("host", "localhost:8000"), ("sec-fetch-site", "none")]),
            None
        );
        assert_eq!(
            asked(Method::POST, &[host, json, origin, ("sec-fetch-site", "same-origin")]),
            None
        );
        assert_eq!(
            asked(
                Method::GET,
                &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
            ),
            None
        );
        for bad in [
            &[][..],
            &[("host", "evil.example:8000")],
            &[("host", "127.0.0.1:8001")],
            &[("host", "127.0.0.1")],
            &[host, ("host", "evil.example")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://localhost:8000")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
        ] {
            assert!(asked(Method::GET, bad).is_some(), "{bad:?}");
        }
        for bad in [
            &[host][..],
            &[host, ("content-type", "text/plain")],
            &[host, ("content-type", "application/x-www-form-urlencoded")],
            &[host, json, ("sec-fetch-site", "none")],
            &[
                host,
                json,
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
            ],
            &[host, json, ("origin", "http://evil.example")],
        ] {
            assert!(asked(Method::POST, bad).is_some(), "{bad:?}");
        }
    }
}
