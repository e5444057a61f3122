//! Signature version 4, checked in full: a client with a wrong secret, a stale clock or a forgotten session token is
//! refused as the real service refuses it.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::credentials::Principal;
use super::fleet::Fleet;

/// How far a client's clock may be off.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What the `Authorization` header says, before anything of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) access_key: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    signed_headers: String,
    signature: String,
}

impl Claim {
    /// Reads the header; `None` if it is absent or has another form.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("authorization")?.to_str().ok()?;
        let fields = text.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [access_key, date, region, service, "aws4_request"] = scope.as_slice() else {
            return None;
        };
        Some(Self {
            access_key: (*access_key).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers: field("SignedHeaders")?.to_owned(),
            signature: field("Signature")?.to_owned(),
        })
    }
}

/// A request as it came in: what its signature is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'r> {
    pub(crate) method: &'r str,
    pub(crate) path: &'r str,
    pub(crate) query: &'r str,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
}

/// Why a signature is not accepted; each service has its own words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// No signature, or one without a sensible form.
    Absent,
    /// No such keys, or temporary ones without their token.
    UnknownKey,
    /// The keys were good once.
    Expired,
    /// The request is too old, or from the future.
    Stale,
    /// The signature does not fit the request.
    Wrong,
}

/// Checks the signature of a request and tells who made it.
pub(crate) fn verify(fleet: &Fleet, claim: &Claim, request: Received<'_>) -> Result<Principal, Flaw> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let stamp = header("x-amz-date").ok_or(Flaw::Absent)?;
    let key = fleet.credentials.find(&claim.access_key).ok_or(Flaw::UnknownKey)?;
    match &key.session {
        Some(session) if header("x-amz-security-token") != Some(&session.token) => return Err(Flaw::UnknownKey),
        Some(session) if session.expires <= fleet.now() => return Err(Flaw::Expired),
        _ => {}
    }
    let at = stamp_time(stamp).ok_or(Flaw::Absent)?;
    // The client's clock is the real one, so the fleet's own time does not count here.
    if (crate::clock::now() - at).abs() > MAX_SKEW || !stamp.starts_with(&claim.date) {
        return Err(Flaw::Stale);
    }
    let canonical = canonical_request(claim, request).ok_or(Flaw::Wrong)?;
    if sign(claim, &key.secret, stamp, &canonical) != claim.signature {
        return Err(Flaw::Wrong);
    }
    Ok(key.principal.clone())
}

fn stamp_time(stamp: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ")
        .ok()
        .map(|naive| naive.and_utc())
}

/// The request in the form that is signed; `None` if a header that must be signed is not.
fn canonical_request(claim: &Claim, request: Received<'_>) -> Option<String> {
    let headers = request.headers;
    let names: Vec<&str> = claim.signed_headers.split(';').collect();
    let must = ["host", "x-amz-date", "x-amz-security-token"];
    let unsigned = |name: &&&str| headers.contains_key(**name) && !names.contains(*name);
    if must.iter().any(|name| unsigned(&name)) {
        return None;
    }
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for name in names {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes());
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let hash = hex(digest::digest(&digest::SHA256, request.body).as_ref());
    canonical.push_str(&format!("\n{}\n{hash}", claim.signed_headers));
    Some(canonical)
}

fn sign(claim: &Claim, secret: &str, stamp: &str, canonical: &str) -> String {
    let scope = [&claim.date, &claim.region, &claim.service].map(String::as_str);
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.into_iter().chain(["aws4_request"]) {
        key = mac(&key, part.as_bytes());
    }
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{}/aws4_request\n{hash}", scope.join("/"));
    hex(&mac(&key, text.as_bytes()))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
        .as_ref()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Signs a request as a client would, for the tests: adds `Authorization` and `X-Amz-Date`.
#[cfg(test)]
pub(crate) fn authorize(
    access_key: &str,
    secret: &str,
    region: &str,
    service: &str,
    headers: &mut HeaderMap,
    body: &[u8],
) -> anyhow::Result<()> {
    let stamp = crate::clock::now().format("%Y%m%dT%H%M%SZ").to_string();
    headers.insert("x-amz-date", stamp.parse()?);
    let mut names = vec!["host", "x-amz-date"];
    if headers.contains_key("x-amz-security-token") {
        names.push("x-amz-security-token");
    }
    let mut claim = Claim {
        access_key: access_key.to_owned(),
        date: stamp.chars().take(8).collect(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_headers: names.join(";"),
        signature: String::new(),
    };
    let request = Received {
        method: "POST",
        path: "/",
        query: "",
        headers,
        body,
    };
    let canonical = canonical_request(&claim, request).unwrap_or_default();
    claim.signature = sign(&claim, secret, &stamp, &canonical);
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}/{}/{}/aws4_request, SignedHeaders={}, Signature={}",
        claim.access_key, claim.date, claim.region, claim.service, claim.signed_headers, claim.signature
    );
    headers.insert("authorization", value.parse()?);
    Ok(())
}
