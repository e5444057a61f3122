//! Sheets, fleets and names that somebody made to do harm or that went wrong in a large way: the real program against the
//! emulators, and what a pass leaves behind. What single readers take, the targets of `tests/fuzz` try.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

mod large;
mod letters;
mod names;

use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};

use crate::mailbox::Mail;
use crate::stage::{RELEASE, Ran, SERVERS, Stage, words};

/// Longest text in a cell that the service writes, and of a message: what fits a line of a log and a glance.
const SHORT: usize = 1000;

/// Characters that steer a terminal, forge a line, turn the reading direction or hide.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Panics if a text that is printed or mailed holds such a character.
#[track_caller]
fn assert_visible(what: &str, text: &str) {
    let found = text.lines().find(|line| line.chars().any(is_unsafe));
    assert_eq!(found, None, "{what}");
}

/// A mail server for a stage.
async fn with_mail(stage: &mut Stage) -> SmtpEmulator {
    let smtp = SmtpEmulator::start(SmtpOptions::default()).await.unwrap();
    stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &smtp.url());
    stage.setting("FLEETSHEET_EMAIL__FROM", "fleetsheet <fleetsheet@example.com>");
    stage.setting("FLEETSHEET_EMAIL__TO", "[\"ops@example.com\"]");
    smtp
}

/// The mail that came in, forgotten by the server.
fn take(smtp: &SmtpEmulator) -> Vec<Mail> {
    let mails = smtp.messages().iter().map(|m| Mail::parse(&m.text())).collect();
    smtp.forget_messages();
    mails
}

/// Panics unless every message and every cell that the service wrote is short and holds nothing unseen.
#[track_caller]
fn assert_short(stage: &Stage, ran: &Ran) {
    for problem in ran.json["problems"].as_array().expect("problems") {
        let message = problem["message"].as_str().unwrap();
        assert!(message.chars().count() <= SHORT, "{message:.300}");
        assert_visible("a problem", message);
    }
    let book = stage.sheets.book();
    for (tab, headers) in [
        (RELEASE, &["status"][..]),
        (SERVERS, &["status", "name", "releaseVersion"]),
        ("AuditLog", &["from", "to", "detail"]),
    ] {
        let Some(tab) = book.tab(tab) else { continue };
        for header in headers {
            let column = tab.column(header).unwrap();
            for row in 1..tab.rows.len() {
                let text = words(tab.value(row, column));
                assert!(text.chars().count() <= SHORT, "{header}: {text:.300}");
                assert_visible(header, &text);
            }
        }
    }
}
