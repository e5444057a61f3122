//! A signed request for GetCallerIdentity in place of a token, checked as STS checks it: its form, whom it is made out to, and
//! what AWS would say to it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::state::{AUDIENCE, AWS_ACCOUNT};
use crate::cloud::Fleet;
use crate::cloud::signature::{Claim, Received, verify};

const QUERY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const TARGET: &str = "x-goog-cloud-target-resource";

type Why = (&'static str, String);

/// Whether the token is such a request, and whether AWS knows who signed it.
pub(super) fn verified(fleet: &Fleet, token: &str) -> Result<(), Why> {
    let bad = |why: &str| ("invalid_grant", format!("Unable to verify the AWS request: {why}."));
    // The form was decoded before: one layer of percent-encoding must be left.
    if token.contains(['{', '"', ' ']) {
        return Err(bad("the subject token is not URL-encoded"));
    }
    let text: String = form_urlencoded::parse(format!("t={}", token.replace('+', "%2B")).as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect();
    let request: Value = serde_json::from_str(&text).map_err(|_| bad("the subject token is not JSON"))?;
    let fields = request
        .as_object()
        .ok_or_else(|| bad("the subject token is not an object"))?;
    if fields.len() != 3 || request["method"] != "POST" {
        return Err(bad("it must have url, method (POST) and headers"));
    }
    let url = request["url"].as_str().ok_or_else(|| bad("there is no url"))?;
    let (place, query) = url.split_once('?').ok_or_else(|| bad("the url has no query"))?;
    let host = place.strip_prefix("https://").map(|host| host.trim_end_matches('/'));
    let host = host.ok_or_else(|| bad("the url is not https"))?;
    if query != QUERY {
        return Err(bad("the url does not ask for GetCallerIdentity"));
    }
    let headers = headers(&request["headers"]).ok_or_else(|| bad("headers is not a list of key and value"))?;
    let claim = Claim::read(&headers).ok_or_else(|| bad("the Authorization header is not a signature"))?;
    let own = headers.get("host").and_then(|value| value.to_str().ok());
    let fits = host == format!("sts.{}.amazonaws.com", claim.region);
    if own != Some(host) || !fits || claim.service != "sts" {
        return Err(bad("host, region and service do not fit"));
    }
    let target = headers.get(TARGET).and_then(|value| value.to_str().ok());
    let signs = headers.get("authorization").and_then(|value| value.to_str().ok());
    if target != Some(AUDIENCE) || !signs.is_some_and(|text| text.contains(TARGET)) {
        return Err(bad(
            "x-goog-cloud-target-resource is not the audience, or is not signed",
        ));
    }
    let received = Received {
        method: "POST",
        path: "/",
        query,
        headers: &headers,
        body: b"",
    };
    let principal = verify(fleet, &claim, received).map_err(|flaw| bad(&format!("AWS refuses it: {flaw:?}")))?;
    if principal.account != AWS_ACCOUNT {
        return Err((
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.".into(),
        ));
    }
    Ok(())
}

fn headers(list: &Value) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for entry in list.as_array()? {
        if entry.as_object()?.len() != 2 {
            return None;
        }
        let name: HeaderName = entry["key"].as_str()?.to_lowercase().parse().ok()?;
        let value: HeaderValue = entry["value"].as_str()?.parse().ok()?;
        headers.append(name, value);
    }
    Some(headers)
}
