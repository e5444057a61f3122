//! What single values look like. Each function reads one text and says what is wrong with it and what to write instead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::cron::Cron;
use super::model::{Smtp, SmtpSecurity};
use crate::endpoint::{Endpoint, is_loopback};
use crate::sheet::names::GROUP;
use crate::text::describe_char;

/// The units of lengths of time.
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest tag key that is safe: the service model of EC2 says 127, its guide 128.
const MAX_TAG_KEY: usize = 127;
/// Longest name that the spreadsheet's editor takes for a tab.
const MAX_TAB_NAME: usize = 100;

/// Longest host name (RFC 1035, 2.3.4).
const MAX_HOST_NAME: usize = 253;

/// One of a few words.
pub(super) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("{text:?} is not known; use {}", known.join(" or "))
        })
    }
}

/// Text without control characters, which would forge lines in logs and headers in mail.
pub(super) fn printable(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("holds a line break or another control character; take it out".to_owned());
    }
    Ok(())
}

/// Six cron fields.
pub(super) fn cron(text: &str) -> Result<Cron, String> {
    let fields = text.split_whitespace().count();
    if fields == 5 && Cron::parse(&format!("0 {text}")).is_ok() {
        return Err(format!("{text:?} has five fields; put the seconds first: \"0 {text}\""));
    }
    if fields != 6 {
        let noun = if fields == 1 { "field" } else { "fields" };
        return Err(format!(
            "{text:?} has {fields} {noun}; write second, minute, hour, day, month and weekday: \"0 */5 * * * *\""
        ));
    }
    match Cron::parse(text) {
        Err(error) => Err(format!(
            "{text:?} is not a schedule ({error}); every five minutes is \"0 */5 * * * *\""
        )),
        Ok(cron) if cron.next(&DateTime::UNIX_EPOCH).is_none() => Err(format!(
            "{text:?} names a time that never comes; every five minutes is \"0 */5 * * * *\""
        )),
        Ok(cron) => Ok(cron),
    }
}

/// A spreadsheet's id, not its address.
pub(super) fn spreadsheet_id(text: &str) -> Result<String, String> {
    let fits = |id: &str| {
        !id.is_empty()
            && id
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
    };
    if fits(text) {
        return Ok(text.to_owned());
    }
    if text.contains("/d/e/") {
        return Err(
            "is the address of a published copy, which holds no id; open the spreadsheet itself and copy what stands \
             between /d/ and /edit in its address"
                .to_owned(),
        );
    }
    let pasted = text
        .split_once("/d/")
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    match pasted.filter(|id| fits(id)) {
        Some(id) => Err(format!(
            "holds the spreadsheet's whole address; write its id alone: {id:?}"
        )),
        None => Err(format!(
            "{text:?} is not an id; copy what stands between /d/ and /edit in the spreadsheet's address"
        )),
    }
}

/// A tab's name.
pub(super) fn tab(text: &str) -> Result<String, String> {
    if text.chars().count() > MAX_TAB_NAME {
        return Err(format!(
            "is longer than a tab's name can be; use at most {MAX_TAB_NAME} characters"
        ));
    }
    Ok(text.to_owned())
}

/// A path, taken as it stands.
#[expect(clippy::unnecessary_wraps, reason = "stands where functions that can fail stand")]
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

/// The address of an API.
pub(super) fn endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse()
}

/// The ARN of an IAM role.
pub(super) fn role_arn(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let fits = match parts[..] {
        ["arn", partition, "iam", "", account, resource] => {
            let name = resource.strip_prefix("role/").unwrap_or_default();
            partition.starts_with("aws")
                && partition
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-')
                && account.len() == 12
                && account.bytes().all(|digit| digit.is_ascii_digit())
                && !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "_+=,.@-/".contains(letter))
        }
        _ => false,
    };
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not the ARN of a role; it looks like arn:aws:iam::123456789012:role/fleetsheet"
    ))
}

/// What STS takes as an external id: 2 to 1,224 characters (API reference of AssumeRole, `ExternalId`).
pub(super) fn external_id(text: &str) -> Result<String, String> {
    let odd = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !"_+=,.@:/-".contains(*c));
    match (odd, text.len()) {
        (Some(odd), _) => Err(format!(
            "holds {}; an external id has letters, digits and _ + = , . @ : / - only",
            describe_char(odd)
        )),
        (None, 2..=1224) => Ok(text.to_owned()),
        (None, count) => Err(format!("has {count} characters; an external id has 2 to 1224")),
    }
}

/// A region such as `eu-west-1` or `us-gov-east-1`.
pub(super) fn region(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let fits = match parts.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words
                    .iter()
                    .all(|word| !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_lowercase()))
                && (1..=2).contains(&number.len())
                && number.bytes().all(|digit| digit.is_ascii_digit())
        }
        None => false,
    };
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a region; write its code, such as \"eu-west-1\", without a zone letter"
    ))
}

/// A tag's key that may be written.
pub(super) fn tag_key(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("is empty; name a tag".to_owned());
    }
    if text.chars().count() > MAX_TAG_KEY {
        return Err(format!(
            "is longer than EC2 takes; use at most {MAX_TAG_KEY} characters"
        ));
    }
    if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(format!(
            "{text:?} belongs to AWS, which lets nobody change aws: tags; use another key"
        ));
    }
    Ok(text.to_owned())
}

/// The address of a user or a group, in lower case.
pub(super) fn address(text: &str) -> Result<String, String> {
    match text.parse::<lettre::Address>() {
        Ok(_) => Ok(text.to_lowercase()),
        Err(_) => Err(format!(
            "{text:?} is not an e-mail address; write one such as \"sre@example.com\""
        )),
    }
}

/// Who may edit a column, in lower case: the address of a user, or of a group, which may follow `group:`.
pub(super) fn editor(text: &str) -> Result<String, String> {
    let lower = text.to_lowercase();
    match lower.strip_prefix(GROUP) {
        Some(group) => Ok(format!("{GROUP}{}", address(group.trim())?)),
        None => address(text),
    }
}

/// A sender or recipient of mail.
pub(super) fn mailbox(text: &str) -> Result<String, String> {
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!(
            "{text:?} is not an e-mail address; write \"ops@example.com\" or \"Operations <ops@example.com>\""
        )),
    }
}

/// How to name ourselves to a mail server: a host name, or an address in brackets (RFC 5321, 4.1.2 and 4.1.3).
pub(super) fn hello_name(text: &str) -> Result<String, String> {
    const FORM: &str = "write a full host name, such as \"fleetsheet.example.com\", or an address in brackets, such as \
                        \"[192.0.2.7]\" or \"[IPv6:2001:db8::7]\"";
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let fits = match inner.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => inner.parse::<Ipv4Addr>().is_ok(),
        };
        return fits
            .then(|| text.to_owned())
            .ok_or_else(|| format!("{text:?} holds no address in its brackets; {FORM}"));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.parse::<IpAddr>().is_err() && text.len() <= MAX_HOST_NAME && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is not a name that a mail server takes; {FORM}"))
}

/// The file of `sqlite:PATH`.
pub(super) fn sqlite(text: &str) -> Result<PathBuf, String> {
    const FORM: &str =
        "write sqlite:PATH, such as \"sqlite:state/fleetsheet.db\" or \"sqlite:/var/lib/fleetsheet/state.db\"";
    let Some(path) = text.strip_prefix("sqlite:") else {
        return Err(format!(
            "is not an address of a store; {FORM}, or postgres://USER@HOST:PORT/DATABASE"
        ));
    };
    if path.starts_with("//") {
        return Err(format!("the path begins with //; {FORM}"));
    }
    if path.contains(":memory:") {
        return Err(format!(
            "a store in memory forgets every release when the program ends; {FORM}"
        ));
    }
    if path.contains(['?', '#']) {
        return Err(format!("options after ? are not read; {FORM}"));
    }
    if path.starts_with('~') {
        return Err(format!("~ does not stand for a home directory here; {FORM}"));
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(format!("names no file; {FORM}"));
    }
    Ok(PathBuf::from(path))
}

/// The address of a mail server. It may hold a password, so messages never repeat it.
pub(super) fn smtp(text: &str) -> Result<Smtp, String> {
    const FORM: &str = "write smtps://USER@HOST, or smtp://USER@HOST for STARTTLS";
    let url = Url::parse(text).map_err(|error| format!("is not an address ({error}); {FORM}"))?;
    let (is_smtp, is_tls) = (url.scheme() == "smtp", url.scheme() == "smtps");
    if !is_smtp && !is_tls {
        return Err(format!("does not begin with smtp:// or smtps://; {FORM}"));
    }
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| format!("names no host; {FORM}"))?;
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c)) {
        return Err(
            "names a host that cannot be looked up; write its name in ASCII: a name with other letters begins with xn--"
                .to_owned(),
        );
    }
    let (security, port) = match is_tls {
        true => (SmtpSecurity::Tls, 465),
        false if is_loopback(host) => (SmtpSecurity::Plain, 25),
        false => (SmtpSecurity::StartTls, 587),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("goes on after the host and port, which is not read; {FORM}"));
    }
    let decode = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(text) if printable(&text).is_ok() => Ok(text.into_owned()),
        Ok(_) => Err("holds a control character in its user or password, which is not text; take it out".to_owned()),
        Err(_) => Err("holds a user or password that is not text; write special characters as %XX in UTF-8".to_owned()),
    };
    let user = Some(url.username())
        .filter(|user| !user.is_empty())
        .map(decode)
        .transpose()?;
    let password = url.password().map(decode).transpose()?.map(SecretString::from);
    if password.is_some() && user.is_none() {
        return Err(format!("holds a password and no user; {FORM}"));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Smtp {
        security,
        host,
        port: url.port().unwrap_or(port),
        user,
        password,
    })
}
