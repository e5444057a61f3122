//! Mail after a pass: sends what waits in the outbox. And a letter that only shows whether mail arrives.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::adapters::files::host_name;
use crate::adapters::smtp::Smtp;
use crate::alert::{Audience, Rules, test_letter};
use crate::calls::Calls;
use crate::clients::smtp;
use crate::config::{Config, Email, Mode};
use crate::delivery;
use crate::journal::Journal;
use crate::mail::{Backlog, Carrier, MailError, Outgoing, Sent};
use crate::sheet::names::Names;

/// The longest time that mail may take after a pass: the next pass waits for the store.
const BUDGET: Duration = Duration::from_secs(20);

/// Who is to be told what.
pub(super) fn rules<'a>(config: &'a Config, names: &'a Names) -> Rules<'a> {
    let audience = config.email.as_ref().map(|email| Audience {
        to: &email.to,
        routes: &email.routes,
        repeat_after: TimeDelta::from_std(email.repeat_after).unwrap_or(TimeDelta::MAX),
        failure_threshold: email.failure_threshold,
    });
    Rules {
        audience,
        spreadsheet: &config.sheets.spreadsheet_id,
        names,
        observe: config.mode == Mode::Observe,
    }
}

/// Carries letters for as long as the lease of the pass lasts; what is not offered is left to the next pass.
struct Leaving {
    smtp: Smtp,
    calls: Calls,
}

#[async_trait]
impl Carrier for Leaving {
    async fn open(&mut self) -> Result<(), MailError> {
        self.calls.may_leave().map_err(|why| MailError(why.to_owned()))?;
        self.smtp.open().await
    }

    async fn send(&mut self, letter: &Outgoing<'_>) -> Sent {
        if let Err(why) = self.calls.may_leave() {
            return Sent {
                trouble: why.to_owned(),
                ..Sent::default()
            };
        }
        self.smtp.send(letter).await
    }

    async fn close(&mut self) {
        self.smtp.close().await;
    }
}

/// Sends what waits in the outbox and is due. Trouble is logged and remembered; it never changes how a pass ended.
/// Gives what still waits, if that is known.
pub(super) async fn deliver(
    journal: &mut Journal<'_>,
    config: &Config,
    calls: &Calls,
    now: DateTime<Utc>,
) -> Option<Backlog> {
    let email = config.email.as_ref()?;
    let smtp = Smtp::new(smtp(email));
    let server = smtp.server();
    let mut smtp = Leaving {
        smtp,
        calls: calls.clone(),
    };
    let deadline = Instant::now() + BUDGET;
    match delivery::deliver(journal, &mut smtp, &server, now, deadline).await {
        Ok(backlog) => Some(backlog),
        Err(error) => {
            tracing::warn!(error = %error, "no mail sent: the outbox could not be updated");
            None
        }
    }
}

/// Checks that the mail server takes our login, within `limit`. Sends nothing.
///
/// # Errors
/// What is wrong and what to do, in words without a secret.
pub async fn probe(email: &Email, limit: Duration) -> Result<(), String> {
    let mut smtp = Smtp::new(smtp(email));
    match tokio::time::timeout(limit, smtp.open()).await {
        Ok(opened) => opened.map_err(|error| error.to_string())?,
        Err(_) => {
            let limit = humantime::format_duration(limit);
            return Err(format!(
                "the mail server did not answer within {limit}; check email.smtp_url and the network"
            ));
        }
    }
    smtp.close().await;
    Ok(())
}

/// Sends a test letter to everybody who gets mail, and gives for each recipient what the server said. It does not go
/// through the outbox: the answer is what the server says now.
pub async fn send_test_mail(config: &Config, names: &Names, now: DateTime<Utc>) -> Vec<(String, Result<(), String>)> {
    let Some(email) = &config.email else { return Vec::new() };
    let mut to: Vec<String> = email
        .to
        .iter()
        .chain(email.routes.values().flatten())
        .cloned()
        .collect();
    to.sort();
    to.dedup();
    let mut smtp = Smtp::new(smtp(email));
    if let Err(error) = smtp.open().await {
        return to.into_iter().map(|to| (to, Err(error.to_string()))).collect();
    }
    let (subject, text, html) = test_letter(&rules(config, names), &host_name(), now);
    let letter = Outgoing {
        id: format!("test.{}", uuid::Uuid::new_v4().simple()),
        date: now,
        to: &to,
        recipients: to.iter().map(String::as_str).collect(),
        subject: &subject,
        text: &text,
        html: &html,
    };
    let sent = smtp.send(&letter).await;
    smtp.close().await;
    let outcome = |to: &String| {
        if sent.delivered.contains(to) {
            return Ok(());
        }
        Err(sent.refused.get(to).unwrap_or(&sent.trouble).clone())
    };
    to.iter().map(|to| (to.clone(), outcome(to))).collect()
}
