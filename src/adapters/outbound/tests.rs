use std::collections::BTreeMap;
use std::io::Write as _;

use google_sheets4::hyper::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::authorities::{self, bundle_of};
use super::*;

fn route(set: &[(&str, &str)]) -> Result<Route, String> {
    let set: BTreeMap<&str, &str> = set.iter().copied().collect();
    Route::of(|name| set.get(name).map(|value| (*value).to_owned()))
}

/// The proxy for an address, and whether there is a login for it.
fn taken(route: &Route, to: &'static str) -> Option<(String, bool)> {
    let proxy = route.matcher().intercept(&Uri::from_static(to))?;
    Some((proxy.uri().to_string(), proxy.basic_auth().is_some()))
}

const SHEETS: &str = "https://sheets.googleapis.com/v4";

#[test]
fn either_spelling_names_the_proxy_and_an_empty_one_names_none() {
    for (name, value) in [
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("https_proxy", "proxy:3128"),
        ("ALL_PROXY", "http://proxy:3128/"),
        ("all_proxy", " http://proxy:3128/ignored "),
    ] {
        let route = route(&[(name, value)]).unwrap();
        let proxy = Some(("http://proxy:3128/".to_owned(), false));
        assert_eq!(taken(&route, SHEETS), proxy, "{name}");
        assert_eq!(taken(&route, "http://169.254.169.254/latest"), None, "{name}");
        assert!(!route.for_aws().is_disabled(), "{name}");
    }
    let both = route(&[("HTTPS_PROXY", ""), ("https_proxy", "https://u:p%40ss@proxy")]).unwrap();
    assert_eq!(taken(&both, SHEETS), Some(("https://proxy/".to_owned(), true)));
    let none = route(&[("HTTP_PROXY", "http://proxy:3128")]).unwrap();
    assert_eq!(taken(&none, SHEETS), None);
    assert!(none.for_aws().is_disabled());
}

#[test]
fn exceptions_are_taken_in_every_usual_spelling() {
    for except in [
        "sheets.googleapis.com",
        "googleapis.com",
        ".googleapis.com",
        "*.googleapis.com",
        "x.example, GoogleAPIs.com",
        "x.example sheets.googleapis.com:443",
        "*",
    ] {
        for name in EXCEPT {
            let route = route(&[("HTTPS_PROXY", "proxy:1"), (name, except)]).unwrap();
            assert_eq!(taken(&route, SHEETS), None, "{name}={except}");
        }
    }
    let others = route(&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "apis.com,10.0.0.0/8,fd00::/8")]).unwrap();
    assert!(taken(&others, SHEETS).is_some());
    assert_eq!(taken(&others, "https://10.1.2.3/"), None);
    assert_eq!(taken(&others, "https://[fd00::1]/"), None);
    assert_eq!(taken(&others, "https://127.0.0.1:8443/"), None);
}

#[test]
fn a_proxy_that_cannot_be_used_is_told_without_its_password() {
    for value in [
        "socks5://u:hunter2@proxy:1080",
        "http://u:hunter2@:x",
        "ftp://u:hunter2@h",
    ] {
        let said = route(&[("HTTPS_PROXY", value)]).unwrap_err();
        assert!(said.contains("HTTPS_PROXY") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_authorities_are_the_same_in_every_form() {
    let all = authorities::all().unwrap();
    let pem = authorities::pem().unwrap();
    let read: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    assert_eq!(read.unwrap(), all);
    assert_eq!(authorities::trusted().unwrap().len(), all.len());
    assert!(!all.is_empty());
}

#[test]
fn a_bundle_of_authorities_is_read_whole_or_refused_with_its_name() {
    assert_eq!(bundle_of(None), Ok(Vec::new()));
    assert_eq!(bundle_of(Some("".into())), Ok(Vec::new()));
    let refused = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        bundle_of(Some(file.path().into())).unwrap_err()
    };
    assert!(refused("").contains("AWS_CA_BUNDLE"));
    assert!(refused("nonsense").contains("holds no certificate"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(broken).contains("cannot be used"));
    let absent = bundle_of(Some("/nowhere/ca.pem".into())).unwrap_err();
    assert!(absent.contains("/nowhere/ca.pem"), "{absent}");
}
