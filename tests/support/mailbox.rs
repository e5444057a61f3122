//! Reads messages as a mail program does: unfolds headers, takes the parts of a multipart apart, undoes their encoding.

use std::collections::BTreeMap;

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Headers by name; a name that stands twice fails the test.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mail {
    pub(crate) fn parse(data: &str) -> Self {
        let (headers, body) = head_and_body(data);
        let kind = &headers["Content-Type"];
        assert!(kind.starts_with("multipart/alternative"), "{kind}");
        let boundary = kind.split("boundary=\"").nth(1).expect("boundary").split('"').next();
        let mark = format!("--{}", boundary.expect("boundary"));
        let parts: Vec<(BTreeMap<String, String>, String)> = body
            .split(&mark)
            .skip(1)
            .filter(|part| !part.starts_with("--"))
            .map(|part| head_and_body(part.trim_start_matches("\r\n")))
            .map(|(headers, body)| (headers.clone(), decoded(&headers, &body)))
            .collect();
        let of = |kind: &str| {
            let found: Vec<&String> = parts
                .iter()
                .filter(|(headers, _)| headers["Content-Type"].starts_with(kind))
                .map(|(_, body)| body)
                .collect();
            assert_eq!(found.len(), 1, "{kind}");
            found[0].replace("\r\n", "\n")
        };
        Self {
            text: of("text/plain"),
            html: of("text/html"),
            headers,
        }
    }

    pub(crate) fn subject(&self) -> &str {
        &self.headers["Subject"]
    }

    pub(crate) fn id(&self) -> &str {
        &self.headers["Message-ID"]
    }
}

fn head_and_body(data: &str) -> (BTreeMap<String, String>, String) {
    let (head, body) = data.split_once("\r\n\r\n").expect("an empty line");
    let mut headers = BTreeMap::new();
    for line in head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n") {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
        let before = headers.insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{name} stands twice");
    }
    (headers, body.to_owned())
}

fn decoded(headers: &BTreeMap<String, String>, body: &str) -> String {
    match headers.get("Content-Transfer-Encoding").map(String::as_str) {
        Some("quoted-printable") => quoted_printable(body),
        Some("base64") => {
            let letters: String = body.split_whitespace().collect();
            let bytes = aws_smithy_types::base64::decode(letters);
            String::from_utf8(bytes.expect("base64")).expect("text")
        }
        Some("7bit") => body.to_owned(),
        other => panic!("{other:?}"),
    }
}

fn quoted_printable(body: &str) -> String {
    let mut bytes = Vec::new();
    let joined = body.replace("=\r\n", "");
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            let hex = std::str::from_utf8(&after[..2]).expect("hex");
            bytes.push(u8::from_str_radix(hex, 16).expect("hex"));
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).expect("text")
}
