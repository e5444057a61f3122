//! Any letter as a message: its headers are those that we write, each on its line, and it has two parts that say what was meant.

use chrono::DateTime;
use fleetsheet::adapters::smtp::message;
use fleetsheet::mail::Outgoing;

/// Headers of a message, in lower case.
const HEADERS: [&str; 8] = [
    "auto-submitted",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
];

/// Subject, recipient, id, text and HTML, parted by lines of `%%`.
pub fn smtp(data: &[u8]) {
    let all = String::from_utf8_lossy(data);
    let mut fields = all.split("\n%%\n");
    let mut field = || fields.next().unwrap_or_default();
    let (subject, to, id, text, html) = (field(), field(), field(), field(), field());
    // Numbers and store ids are ours, but the file that they come out of is not.
    let id: String = id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '.')
        .take(60)
        .collect();
    let to = [to.to_owned()];
    let letter = Outgoing {
        id,
        date: DateTime::UNIX_EPOCH,
        to: &to,
        recipients: Vec::new(),
        subject,
        text,
        html,
    };
    let from = match "Fleet <fleet@example.com>".parse() {
        Ok(from) => from,
        Err(error) => panic!("{error}"),
    };
    let Ok(bytes) = message::bytes(&from, &letter) else {
        return;
    };
    assert_eq!(
        Ok(&bytes),
        message::bytes(&from, &letter).as_ref(),
        "the same letter is the same bytes"
    );
    // All but addresses with other letters, which only servers get that take them, is encoded.
    let message = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}"));
    let (head, body) = message
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no end of headers: {message:?}"));
    headers(head);
    let boundary = boundary(head);
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    let [_, plain, page, end] = parts[..] else {
        panic!("{} parts: {message:?}", parts.len())
    };
    assert_eq!(end.trim_end(), "--", "{message:?}");
    for (part, meant, kind) in [(plain, text, "text/plain"), (page, html, "text/html")] {
        let (head, body) = part.split_once("\r\n\r\n").unwrap_or((part, ""));
        assert!(head.contains(kind), "{head:?}");
        assert_eq!(lines(&decoded(head, body)), lines(meant), "{message:?}");
    }
}

fn headers(head: &str) {
    let mut names = Vec::new();
    for line in head.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a header gained a line: {head:?}");
        assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{line:?}");
        if !line.starts_with([' ', '\t']) {
            names.push(line.split(':').next().unwrap_or_default().to_ascii_lowercase());
        }
    }
    names.sort();
    assert!(names.iter().all(|name| HEADERS.contains(&name.as_str())), "{names:?}");
    names.dedup();
    let own = HEADERS.iter().filter(|name| names.iter().any(|n| n == *name)).count();
    assert_eq!(own, names.len(), "{names:?}");
}

fn boundary(head: &str) -> &str {
    let rest = head.split_once("boundary=\"").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no boundary: {head:?}"))
}

/// White space at ends of lines, and how lines end, may change on the way.
fn lines(text: &str) -> Vec<&str> {
    let text = text.trim_end_matches(['\r', '\n']);
    text.split('\n').map(|line| line.trim_end_matches('\r')).collect()
}

/// A part's body, decoded as its header says (RFC 2045, 6).
fn decoded(head: &str, body: &str) -> String {
    let head = head.to_ascii_lowercase();
    let bytes = if head.contains("quoted-printable") {
        quoted_printable(body)
    } else if head.contains("base64") {
        base64(body)
    } else {
        body.as_bytes().to_vec()
    };
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let body = body.replace("=\r\n", "");
    let mut out = Vec::new();
    let mut rest = body.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, hex) {
            (b'=', Some(byte)) => {
                out.push(byte);
                rest = &after[2..];
            }
            (byte, _) => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

fn base64(body: &str) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for six in body.bytes().filter_map(value) {
        bits = (bits << 6 | u32::from(six)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or(0));
        }
    }
    out
}
