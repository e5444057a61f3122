//! A letter as the bytes of a message (RFC 5322, MIME): the same letter is always the same bytes.

use std::time::SystemTime;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use crate::mail::{MailError, Outgoing};

/// The message. Lines that are long or not ASCII are encoded, so that any server takes it.
///
/// # Errors
/// When a header cannot be written.
pub fn bytes(from: &Mailbox, letter: &Outgoing<'_>) -> Result<Vec<u8>, MailError> {
    let no = |what: &str| MailError(format!("cannot write the mail: {what}"));
    let mut builder = Message::builder()
        .from(from.clone())
        .message_id(Some(format!("<fleetsheet.{}@{}>", letter.id, from.email.domain())))
        .date(SystemTime::from(letter.date))
        .subject(letter.subject.replace(char::is_control, " "))
        // Keeps out-of-office replies away (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for to in letter.to {
        // A recipient that is not an address is refused when the mail is sent.
        if let Ok(mailbox) = to.parse::<Mailbox>() {
            builder = builder.to(mailbox);
        }
    }
    let parts = MultiPart::alternative()
        .boundary(boundary(letter))
        .singlepart(part(ContentType::TEXT_PLAIN, letter.text))
        .singlepart(part(ContentType::TEXT_HTML, letter.html));
    let message = builder.multipart(parts).map_err(|error| no(&error.to_string()))?;
    Ok(message.formatted())
}

/// The boundary between the parts. It appears in neither, even if a cell holds one that this letter would have had.
fn boundary(letter: &Outgoing<'_>) -> String {
    let mut boundary = format!("fleetsheet-{}", letter.id);
    let mut number = 0;
    while [letter.text, letter.html].iter().any(|part| part.contains(&boundary)) {
        number += 1;
        boundary = format!("fleetsheet{number}-{}", letter.id);
    }
    boundary
}

fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(kind).body(text.to_owned())
}
