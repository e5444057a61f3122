//! Mails as a mail program shows them: the subject, the part for people, undone from the encodings of the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::smtp::Message;

/// A mail, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) to: String,
    /// The part with markup, if there is one.
    pub(super) html: Option<String>,
    pub(super) text: String,
}

/// Parts within parts that are followed.
const DEEPEST: u32 = 5;

/// Reads a message.
pub(super) fn read(message: &Message) -> Letter {
    let source = message.text();
    let mut letter = Letter {
        to: message.to.join(", "),
        ..Letter::default()
    };
    let (head, _) = parts_of(&source);
    letter.subject = words(&field(&head, "subject").unwrap_or_default());
    take(&source, &mut letter, 0);
    letter
}

/// The header with its folded lines joined, and the body.
fn parts_of(source: &str) -> (String, &str) {
    let (head, body) = source.split_once("\r\n\r\n").unwrap_or((source, ""));
    (head.replace("\r\n ", " ").replace("\r\n\t", " "), body)
}

fn field(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn take(source: &str, letter: &mut Letter, depth: u32) {
    let (head, body) = parts_of(source);
    let kind = field(&head, "content-type").unwrap_or_default();
    if let Some((_, rest)) = kind.split_once("boundary=").filter(|_| depth < DEEPEST) {
        let boundary = rest.split(';').next().unwrap_or_default().trim().trim_matches('"');
        let mark = format!("--{boundary}");
        for part in body
            .split(mark.as_str())
            .skip(1)
            .take_while(|part| !part.starts_with("--"))
        {
            take(part.trim_start_matches("\r\n"), letter, depth + 1);
        }
        return;
    }
    let encoding = field(&head, "content-transfer-encoding").unwrap_or_default();
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "base64" => {
            let packed: String = body.split_whitespace().collect();
            STANDARD.decode(packed).unwrap_or_default()
        }
        "quoted-printable" => quoted_printable(body.as_bytes(), false),
        _ => body.as_bytes().to_vec(),
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if kind.to_ascii_lowercase().starts_with("text/html") {
        letter.html = Some(text);
    } else if letter.text.is_empty() {
        letter.text = text;
    }
}

/// Undoes `=3D` and soft line ends; in a header an underscore is a space.
fn quoted_printable(text: &[u8], header: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', after @ ..]) => rest = after,
            (b'=', [one, two, after @ ..]) => {
                let digit = |byte: &u8| {
                    char::from(*byte)
                        .to_digit(16)
                        .and_then(|digit| u8::try_from(digit).ok())
                };
                if let (Some(one), Some(two)) = (digit(one), digit(two)) {
                    bytes.push(one * 16 + two);
                    rest = after;
                } else {
                    bytes.push(b'=');
                }
            }
            (b'_', _) if header => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

/// Undoes the encoded words of a header, as in `=?utf-8?b?4oCm?=`.
fn words(header: &str) -> String {
    let mut text = String::new();
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("=?") {
        let mut fields = after.splitn(4, '?');
        let (kind, packed, tail) = (fields.nth(1), fields.next(), fields.next());
        let (Some(kind), Some(packed), Some(tail)) = (kind, packed, tail.and_then(|tail| tail.strip_prefix('=')))
        else {
            break;
        };
        // The space between two encoded words is not part of the text.
        if text.is_empty() || !before.trim().is_empty() {
            text.push_str(before);
        }
        let bytes = match kind {
            "b" | "B" => STANDARD.decode(packed).unwrap_or_default(),
            _ => quoted_printable(packed.as_bytes(), true),
        };
        text.push_str(&String::from_utf8_lossy(&bytes));
        rest = tail;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_undone_from_its_encodings() {
        let source = "Subject: =?utf-8?b?4oCm?= =?utf-8?q?a_b?= plain\r\nContent-Type: multipart/alternative;\r\n \
                      boundary=\"xx\"\r\n\r\n--xx\r\nContent-Type: text/plain; charset=utf-8\r\n\
                      Content-Transfer-Encoding: quoted-printable\r\n\r\nsoft =\r\nline =E2=80=A6\r\n--xx\r\n\
                      Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n--xx--\r\n";
        let letter = read(&Message {
            from: String::new(),
            to: vec!["ops@example.com".to_owned()],
            data: source.as_bytes().to_vec(),
            user: None,
            hello: String::new(),
        });
        assert_eq!(letter.subject, "…a b plain");
        assert_eq!(letter.text.trim_end(), "soft line …");
        assert_eq!(letter.html.as_deref(), Some("<b>hi</b>"));
    }
}
