//! What `check` says of mail: what waits in the outbox, and what became of a test mail.

use super::{Item, Line};
use crate::mail::Backlog;

/// Mail that waits and addresses that were refused stop no pass, but somebody should know.
#[must_use]
pub fn judge_backlog(backlog: &Backlog) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(oldest) = backlog.oldest {
        let why = match backlog.trouble.as_str() {
            "" => "the next pass sends it".to_owned(),
            trouble => format!("the last try: {trouble}"),
        };
        let since = oldest.format("%Y-%m-%d %H:%M UTC");
        let message = match backlog.letters {
            1 => format!("1 mail waits since {since}; {why}"),
            letters => format!("{letters} mails wait, the oldest since {since}; {why}"),
        };
        lines.push(Line::note(Item::Outbox, "email", message));
    }
    for (address, refused) in &backlog.refused {
        let on = refused.at.format("%Y-%m-%d %H:%M UTC");
        let message = format!(
            "the mail server refused this recipient for good on {on}: {}",
            refused.why
        );
        lines.push(
            Line::note(Item::Outbox, address.as_str(), message).fix("correct it in [email], or have the mailbox made"),
        );
    }
    if lines.is_empty() {
        lines.push(Line::ok(Item::Outbox, "email", "no mail waits, and nobody was refused"));
    }
    lines
}

/// One line for each recipient.
#[must_use]
pub fn judge_test_mail(outcomes: Vec<(String, Result<(), String>)>) -> Vec<Line> {
    let judge = |(to, outcome): (String, Result<(), String>)| match outcome {
        Ok(()) => Line::ok(Item::TestMail, to, "the mail server took it; look whether it arrives"),
        Err(why) => Line::wrong(Item::TestMail, to, why),
    };
    outcomes.into_iter().map(judge).collect()
}
