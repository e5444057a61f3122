//! Two calls of EC2, signed here: `CreateTags` and `DescribeTags`, on this server only.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::adapters::http::ask;
use crate::adapters::imds::Credentials;
use crate::digest::{hex, keyed, sha256};
use crate::rules::Tags;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Later it may work.
    pub throttled: bool,
    /// Why.
    pub why: String,
}

/// EC2 of one region.
#[derive(Debug)]
pub struct Ec2<'a> {
    /// Its address.
    pub endpoint: String,
    /// Its region.
    pub region: &'a str,
    /// Who asks.
    pub credentials: &'a Credentials,
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

/// What of a request is signed.
#[derive(Debug)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// The query, in its canonical form.
    pub query: &'a str,
    /// Names, in lower case and in order, and values.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a str,
    /// Its region.
    pub region: &'a str,
    /// Its service.
    pub service: &'a str,
}

/// The value of `authorization`, signature version 4.
#[must_use]
pub fn authorization(signed: &Signed<'_>, key_id: &str, secret: &str, at: DateTime<Utc>) -> String {
    let (stamp, day) = (at.format("%Y%m%dT%H%M%SZ").to_string(), at.format("%Y%m%d").to_string());
    let names: Vec<&str> = signed.headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let headers: String = signed
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let canonical = format!(
        "{}\n/\n{}\n{headers}\n{names}\n{}",
        signed.method,
        signed.query,
        sha256(signed.body.as_bytes())
    );
    let scope = format!("{day}/{}/{}/aws4_request", signed.region, signed.service);
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let first = keyed(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    let key = [signed.region, signed.service, "aws4_request"]
        .iter()
        .fold(first, |key, part| keyed(&key, part.as_bytes()));
    let signature = hex(&keyed(&key, text.as_bytes()));
    format!("AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

impl Ec2<'_> {
    fn call(&self, parameters: &[(String, String)], now: DateTime<Utc>) -> Result<String, Refusal> {
        let body: Vec<String> = parameters
            .iter()
            .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
            .collect();
        let body = body.join("&");
        let host = self
            .endpoint
            .split_once("://")
            .map_or("", |(_, rest)| rest)
            .trim_end_matches('/')
            .to_owned();
        let mut headers = vec![
            (
                "content-type".to_owned(),
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            ),
            ("host".to_owned(), host),
            ("x-amz-date".to_owned(), now.format("%Y%m%dT%H%M%SZ").to_string()),
            ("x-amz-security-token".to_owned(), self.credentials.token.clone()),
        ];
        headers.retain(|(_, value)| !value.is_empty());
        let signed = Signed {
            method: "POST",
            query: "",
            headers: &headers,
            body: &body,
            region: self.region,
            service: "ec2",
        };
        let value = authorization(
            &signed,
            &self.credentials.access_key_id,
            &self.credentials.secret_access_key,
            now,
        );
        headers.push(("authorization".to_owned(), value));
        headers.retain(|(name, _)| name != "host");
        let url = format!("{}/", self.endpoint.trim_end_matches('/'));
        let answer = ask("POST", &url, &headers, Some(&body), TIMEOUT);
        let answer = answer.map_err(|silence| Refusal {
            throttled: true,
            why: format!("EC2 {}", crate::problem::quoted(&silence.to_string())),
        })?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let code = between(&answer.body, "<Code>", "</Code>").next().unwrap_or_default();
        let throttled = answer.status >= 500 || code.contains("Throttl") || code == "RequestLimitExceeded";
        Err(Refusal {
            throttled,
            why: format!("EC2 says {} {}", answer.status, crate::problem::plain(code)),
        })
    }

    /// Writes tags on this server, all in one call.
    ///
    /// # Errors
    /// It was refused.
    pub fn create_tags(&self, instance: &str, tags: &[(&str, &str)], now: DateTime<Utc>) -> Result<(), Refusal> {
        let mut parameters = vec![
            ("Action".to_owned(), "CreateTags".to_owned()),
            ("Version".to_owned(), "2016-11-15".to_owned()),
            ("ResourceId.1".to_owned(), instance.to_owned()),
        ];
        for (n, (key, value)) in (1..).zip(tags) {
            parameters.push((format!("Tag.{n}.Key"), (*key).to_owned()));
            parameters.push((format!("Tag.{n}.Value"), (*value).to_owned()));
        }
        self.call(&parameters, now).map(drop)
    }

    /// Reads the tags of this server.
    #[must_use]
    pub fn tags(&self, instance: &str, channel: &str, version: &str, now: DateTime<Utc>) -> Tags {
        let parameters = [
            ("Action", "DescribeTags"),
            ("Version", "2016-11-15"),
            ("Filter.1.Name", "resource-id"),
            ("Filter.1.Value.1", instance),
        ];
        let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned()));
        match self.call(&parameters, now) {
            Ok(body) => named(&body, channel, version),
            Err(refusal) => Tags::Unreadable(refusal.why),
        }
    }
}

/// The two tags in an answer of `DescribeTags`.
fn named(body: &str, channel: &str, version: &str) -> Tags {
    if !body.contains("<DescribeTagsResponse") || !body.contains("</DescribeTagsResponse>") {
        return Tags::Unreadable("are no answer of EC2".into());
    }
    let value = |wanted: &str| {
        let item = between(body, "<item>", "</item>")
            .find(|item| between(item, "<key>", "</key>").next().map(unescape).as_deref() == Some(wanted));
        item.and_then(|item| between(item, "<value>", "</value>").next().map(unescape))
    };
    Tags::Read {
        channel: value(channel),
        version: value(version),
    }
}

fn between<'t>(text: &'t str, from: &'t str, to: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(from)
        .skip(1)
        .filter_map(move |rest| rest.split_once(to).map(|(inner, _)| inner))
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of AWS's page on `DescribeTags`.
    #[test]
    fn tags_are_read_from_an_answer_of_ec2_and_from_nothing_else() {
        let item = |key: &str, value: &str| {
            format!(
                "<item><resourceId>i-1</resourceId><resourceType>instance</resourceType><key>{key}</key><value>{value}</value></item>"
            )
        };
        let body = |items: &str| {
            format!(
                "<DescribeTagsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>7a62</requestId>\
                 <tagSet>{items}</tagSet></DescribeTagsResponse>"
            )
        };
        let read = |channel: Option<&str>, version: Option<&str>| Tags::Read {
            channel: channel.map(str::to_owned),
            version: version.map(str::to_owned),
        };
        let both = item("Name", "R") + &item("R&amp;D", "web") + &item("V", "2.4.0&lt;");
        assert_eq!(named(&body(&both), "R&D", "V"), read(Some("web"), Some("2.4.0<")));
        assert_eq!(named(&body(""), "R&D", "V"), read(None, None));
        for torn in ["", "<html>", &body(&both)[..200]] {
            assert!(matches!(named(torn, "R&D", "V"), Tags::Unreadable(_)), "{torn}");
        }
    }

    /// The example of AWS's own page on signature version 4.
    #[test]
    fn a_request_is_signed_as_aws_shows_it() {
        let headers = [
            (
                "content-type".to_owned(),
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            ),
            ("host".to_owned(), "iam.amazonaws.com".to_owned()),
            ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()),
        ];
        let signed = Signed {
            method: "GET",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &headers,
            body: "",
            region: "us-east-1",
            service: "iam",
        };
        let at = "2015-08-30T12:36:00Z".parse().unwrap();
        let value = authorization(&signed, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", at);
        assert!(
            value.ends_with("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
            "{value}"
        );
    }
}
