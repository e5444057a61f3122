//! Mail: what waits in the outbox, and what the server said to a test mail.

use super::{Finding, Item};
use crate::mail::Backlog;

/// Mail that waits and addresses that were refused stop no pass, but somebody should know.
#[must_use]
pub fn judge_backlog(backlog: &Backlog) -> Vec<Finding> {
    let mut findings = Vec::new();
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
        findings.push(Finding::note(Item::Outbox, "email", message));
    }
    for (address, refused) in &backlog.refused {
        let on = refused.at.format("%Y-%m-%d %H:%M UTC");
        let message = format!(
            "the mail server refused this recipient for good on {on}: {}",
            refused.why
        );
        findings.push(
            Finding::note(Item::Outbox, address.as_str(), message)
                .fix("correct it in [email], or have the mailbox made"),
        );
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            Item::Outbox,
            "email",
            "no mail waits, and nobody was refused",
        ));
    }
    findings
}

/// One finding for each recipient.
#[must_use]
pub fn judge_test_mail(outcomes: Vec<(String, Result<(), String>)>) -> Vec<Finding> {
    let judge = |(to, outcome): (String, Result<(), String>)| match outcome {
        Ok(()) => Finding::ok(Item::TestMail, to, "the mail server took it; check that it arrives"),
        Err(why) => Finding::wrong(Item::TestMail, to, why),
    };
    outcomes.into_iter().map(judge).collect()
}
