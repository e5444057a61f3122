//! Which addresses of a credentials file may be used. The file may come from elsewhere, and a token must not go to whoever is
//! named in it.
//!
//! Google's own clients leave that to whoever accepts the file. Here tokens and secrets go to Google's hosts only, subject
//! tokens are fetched over TLS or from this machine and its metadata server, and the keys of AWS are asked from nobody else.

use std::net::IpAddr;

use url::Url;

use crate::endpoint::is_loopback;

/// The one domain in which there is Google Sheets.
pub(super) const UNIVERSE: &str = "googleapis.com";

/// The metadata server of AWS over IPv6.
const AWS_METADATA_V6: &str = "fd00:ec2::254";

/// An address of Google that may get a token or a secret.
pub(super) fn google(field: &str, text: &str) -> Result<Url, String> {
    let url = read(field, text)?;
    let host = url.host_str().unwrap_or_default();
    let is_google = host == UNIVERSE || host.strip_suffix(UNIVERSE).is_some_and(|rest| rest.ends_with('.'));
    if is_google && url.scheme() == "https" && url.port().is_none() || is_loopback(host) {
        return Ok(url);
    }
    Err(format!(
        "{field} would send a token to {}; it must start with https:// and name a host of {UNIVERSE}: download the file again",
        place(&url)
    ))
}

/// An address that gives the subject token of an identity provider.
pub(super) fn provider(field: &str, text: &str) -> Result<Url, String> {
    let url = read(field, text)?;
    if url.scheme() == "https" || is_near(&url) {
        return Ok(url);
    }
    Err(format!(
        "{field} would fetch a token from {} in plain text; it must start with https:// (http:// is for this machine and its \
         metadata server)",
        place(&url)
    ))
}

/// An address of the metadata server of AWS.
pub(super) fn aws_metadata(field: &str, text: &str) -> Result<Url, String> {
    let url = read(field, text)?;
    if is_near(&url) {
        return Ok(url);
    }
    Err(format!(
        "{field} names {}, which is not the metadata server of AWS; write http://169.254.169.254 (or http://[{AWS_METADATA_V6}])",
        place(&url)
    ))
}

/// The address of STS that a signed request is made for. Google sends the request there: it must ask who we are, and no more.
pub(super) fn aws_identity(field: &str, text: &str) -> Result<Url, String> {
    let url = read(field, text)?;
    let host = url.host_str().unwrap_or_default();
    let mut labels = host.split('.');
    let is_sts = labels.next() == Some("sts")
        && [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
            .iter()
            .any(|end| host.ends_with(end));
    let asks = url.query() == Some("Action=GetCallerIdentity&Version=2011-06-15");
    if asks && (is_loopback(host) || url.scheme() == "https" && is_sts && url.path() == "/" && url.port().is_none()) {
        return Ok(url);
    }
    Err(format!(
        "{field} must be https://sts.{{region}}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    ))
}

fn read(field: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{field} is not a URL"))?;
    let known = ["http", "https"].contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty());
    if !known {
        return Err(format!("{field} must start with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{field} holds a user or password; write the address alone"));
    }
    Ok(url)
}

/// Scheme and host: the rest may hold a secret.
fn place(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Whether the host is this machine or stands beside it: loopback and link-local addresses, which no router passes on.
fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    is_loopback(host)
        || match bare.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.is_link_local(),
            Ok(IpAddr::V6(address)) => address.is_unicast_link_local() || bare == AWS_METADATA_V6,
            Err(_) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_to_google_or_stay_on_this_machine() {
        for good in [
            "https://sts.googleapis.com/v1/token",
            "https://sts.us-east1.rep.googleapis.com/v1/token",
            "https://iamcredentials.googleapis.com/v1/x:generateAccessToken",
            "http://127.0.0.1:1/token",
            "http://[::1]:1/token",
        ] {
            assert!(google("token_url", good).is_ok(), "{good}");
        }
        for bad in [
            "http://sts.googleapis.com/v1/token",
            "https://sts.googleapis.com.example.com/",
            "https://evilgoogleapis.com/",
            "https://example.com/googleapis.com",
            "https://user:p4ss@sts.googleapis.com/",
            "https://sts.googleapis.com:8443/",
            "ftp://sts.googleapis.com/",
            "sts.googleapis.com",
            "",
        ] {
            let said = google("token_url", bad).unwrap_err();
            assert!(said.contains("token_url") && !said.contains("p4ss"), "{said}");
        }
    }

    #[test]
    fn subject_tokens_come_over_tls_or_from_beside_this_machine() {
        for good in [
            "https://idp.example/t",
            "http://169.254.169.254/x",
            "http://localhost:1/t",
            "http://[fe80::1]/",
        ] {
            assert!(provider("url", good).is_ok(), "{good}");
        }
        for bad in [
            "http://idp.example/t",
            "http://10.0.0.1/",
            "file:///etc/passwd",
            "http://169.254.example/",
        ] {
            assert!(provider("url", bad).is_err(), "{bad}");
        }
        for good in [
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/latest",
            "http://127.0.0.1:1/latest",
        ] {
            assert!(aws_metadata("region_url", good).is_ok(), "{good}");
        }
        for bad in [
            "https://169.254.169.254.example.com/",
            "http://10.0.0.1/",
            "https://example.com/",
        ] {
            assert!(aws_metadata("region_url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_signed_asks_who_we_are_and_no_more() {
        const ASK: &str = "?Action=GetCallerIdentity&Version=2011-06-15";
        for host in [
            "sts.eu-west-1.amazonaws.com",
            "sts.amazonaws.com",
            "sts.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(aws_identity("u", &format!("https://{host}{ASK}")).is_ok(), "{host}");
        }
        for bad in [
            format!("http://sts.eu-west-1.amazonaws.com{ASK}"),
            format!("https://sts.example.com{ASK}"),
            format!("https://ec2.amazonaws.com{ASK}"),
            "https://sts.amazonaws.com?Action=AssumeRole&Version=2011-06-15".to_owned(),
            format!("https://sts.amazonaws.com{ASK}&Action=AssumeRole"),
        ] {
            assert!(aws_identity("u", &bad).is_err(), "{bad}");
        }
    }
}
