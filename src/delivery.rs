//! Sends what waits in the outbox, and remembers what became of it before it goes on.
//!
//! A letter is sealed before a server is offered it: whatever happens then, it is only ever sent again as it is, under the same
//! id. A server that cannot be used is left alone for a while that grows, so that an outage costs next to nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info, warn};

use crate::journal::Journal;
use crate::mail::{Backlog, Carrier, Letter, Mail, MailError, MailUpdate, Number, Outgoing, Refused, Sent, Standing};
use crate::memory::{StoreError, Update};

/// The first pause after a failure; it doubles with each.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);
/// The longest pause: a server that is up again gets its mail within this.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(15);
/// A server that made us wait is left alone for so many times as long, so that it costs no pass more than a thirtieth of its time.
const PATIENCE: i32 = 30;
/// How long an address that was refused for good is left out of letters: a mailbox may come into being.
const REFUSED_PAUSE: TimeDelta = TimeDelta::hours(24);

/// Sends what is due until `deadline`, and says what still waits; `server` names the mail server without its password.
///
/// # Errors
/// When the store cannot be written. Trouble with mail is no error: it is logged, and remembered.
pub async fn deliver(
    journal: &mut Journal<'_>,
    carrier: &mut dyn Carrier,
    server: &str,
    now: DateTime<Utc>,
    deadline: Instant,
) -> Result<Backlog, StoreError> {
    let mail = &journal.memory().mail;
    if mail.outbox.is_empty() {
        return Ok(mail.backlog());
    }
    let mut standing = mail.standing.clone();
    if standing.server != server {
        standing = anew(standing, server);
    }
    if standing
        .pause_until
        .is_some_and(|until| waits(now, until, LONGEST_PAUSE))
    {
        debug!(
            letters = mail.outbox.len(),
            "mail waits until the server is tried again"
        );
        return Ok(mail.backlog());
    }
    let mut round = Round {
        journal,
        standing,
        now,
        deadline,
    };
    let done = round.go(carrier).await;
    carrier.close().await;
    done.map(|()| journal.memory().mail.backlog())
}

/// Forgets what another server said: it says nothing about this one.
fn anew(standing: Standing, server: &str) -> Standing {
    Standing {
        server: server.to_owned(),
        attempts: 0,
        pause_until: None,
        trouble: String::new(),
        refused: [].into(),
        ..standing
    }
}

struct Round<'a, 'j> {
    journal: &'a mut Journal<'j>,
    standing: Standing,
    now: DateTime<Utc>,
    deadline: Instant,
}

impl Round<'_, '_> {
    fn mail(&self) -> &Mail {
        &self.journal.memory().mail
    }

    async fn go(&mut self, carrier: &mut dyn Carrier) -> Result<(), StoreError> {
        let changed = self.standing.server != self.mail().standing.server;
        let due = |letter: &Letter| changed || !letter.next_try.is_some_and(|at| waits(self.now, at, REFUSED_PAUSE));
        let numbers: Vec<Number> = self
            .mail()
            .outbox
            .iter()
            .filter(|(_, letter)| due(letter))
            .map(|(number, _)| number.clone())
            .collect();
        for number in numbers {
            if Instant::now() >= self.deadline {
                break;
            }
            let Some(mut letter) = self.mail().outbox.get(&number).cloned() else {
                continue;
            };
            self.leave_out(&mut letter);
            if letter.missing().is_empty() {
                self.settle(&number, letter).await?;
                continue;
            }
            let began = Instant::now();
            let opened = timeout_at(self.deadline, carrier.open()).await;
            let opened = opened.unwrap_or_else(|_| Err(MailError("the mail server did not answer in time".into())));
            if let Err(MailError(why)) = opened {
                return self.pause(&why, began.elapsed()).await;
            }
            (self.standing.attempts, self.standing.pause_until) = (0, None);
            self.standing.trouble.clear();
            letter.sealed = true;
            letter.attempts = letter.attempts.saturating_add(1);
            self.keep(&number, letter.clone()).await?;
            let sent = self.offer(carrier, &number, &letter).await;
            self.note(&mut letter, sent, began.elapsed());
            self.settle(&number, letter).await?;
        }
        Ok(())
    }

    /// Addresses that were refused lately are not tried again.
    fn leave_out(&self, letter: &mut Letter) {
        // One that nobody took is tried as a whole again when its time has come.
        if letter.delivered.is_empty() && !letter.to.is_empty() && letter.missing().is_empty() {
            letter.refused.clear();
        }
        for (address, refused) in &self.standing.refused {
            if letter.to.contains(address) && (self.now - refused.at).abs() < REFUSED_PAUSE {
                letter.refused.insert(address.clone(), refused.why.clone());
            }
        }
    }

    async fn offer(&self, carrier: &mut dyn Carrier, number: &Number, letter: &Letter) -> Sent {
        let outgoing = Outgoing {
            id: format!("{number}.{}", self.journal.memory().store),
            date: letter.composed,
            to: &letter.to,
            recipients: letter.missing(),
            subject: &letter.subject,
            text: &letter.text,
            html: &letter.html,
        };
        let offered = timeout_at(self.deadline, carrier.send(&outgoing)).await;
        offered.unwrap_or_else(|_| Sent {
            trouble: "the mail server did not answer in time".into(),
            unknown: true,
            ..Sent::default()
        })
    }

    fn note(&mut self, letter: &mut Letter, sent: Sent, took: Duration) {
        let Sent {
            delivered,
            refused,
            trouble,
            unknown,
        } = sent;
        for address in &delivered {
            self.standing.refused.remove(address);
        }
        for (address, why) in &refused {
            warn!(mail.refused = %why, "a mail address was refused for good; fleetsheet check names it");
            let refused = Refused {
                at: self.now,
                why: why.clone(),
            };
            self.standing.refused.insert(address.clone(), refused);
        }
        letter.delivered.extend(delivered);
        letter.refused.extend(refused);
        // What the server said no to, it does not have.
        letter.sealed = unknown || !letter.delivered.is_empty();
        if !letter.missing().is_empty() {
            warn!(mail.trouble = %trouble, "a mail waits: it was not taken, and is tried again");
            letter.next_try = Some(self.now + pause(letter.attempts, took));
        }
        letter.trouble = trouble;
    }

    /// Forgets a letter that everybody has who can get it, and keeps any other.
    async fn settle(&mut self, number: &Number, mut letter: Letter) -> Result<(), StoreError> {
        if letter.missing().is_empty() && !letter.delivered.is_empty() {
            info!(mail.recipients = letter.delivered.len(), "mail sent");
            let update = MailUpdate {
                done: [number.clone()].into(),
                ..MailUpdate::default()
            };
            return self.commit(update).await;
        }
        if letter.missing().is_empty() {
            // Nobody would ever read it: it waits for a mailbox, a setting or another server.
            let last = letter.to.iter().filter_map(|to| self.standing.refused.get(to));
            letter.next_try = last.map(|refused| refused.at + REFUSED_PAUSE).min();
            letter.trouble = format!(
                "every recipient was refused: {}",
                letter.refused.values().next().map_or("", String::as_str)
            );
            letter.sealed = false;
        }
        self.keep(number, letter).await
    }

    async fn keep(&mut self, number: &Number, letter: Letter) -> Result<(), StoreError> {
        let update = MailUpdate {
            letters: [(number.clone(), letter)].into(),
            ..MailUpdate::default()
        };
        self.commit(update).await
    }

    async fn pause(&mut self, why: &str, took: Duration) -> Result<(), StoreError> {
        self.standing.attempts = self.standing.attempts.saturating_add(1);
        self.standing.pause_until = Some(self.now + pause(self.standing.attempts, took));
        self.standing.trouble = why.to_owned();
        let oldest = self.mail().backlog().oldest;
        let waits = oldest.map_or(0, |since| (self.now - since).num_seconds());
        warn!(
            letters = self.mail().outbox.len(),
            waits_seconds = waits,
            "mail waits in the outbox: {why}"
        );
        self.commit(MailUpdate::default()).await
    }

    async fn commit(&mut self, mut mail: MailUpdate) -> Result<(), StoreError> {
        let changed = self.standing != self.mail().standing;
        mail.standing = changed.then(|| self.standing.clone());
        let update = Update {
            mail,
            ..Update::default()
        };
        self.journal.remember(&update).await
    }
}

/// Whether it is too early yet. Further ahead than the longest pause lies only what a clock said that was put back since.
fn waits(now: DateTime<Utc>, until: DateTime<Utc>, longest: TimeDelta) -> bool {
    now < until && until - now <= longest
}

/// How long to wait after the nth failure running.
fn pause(failures: u32, took: Duration) -> TimeDelta {
    let doubled = FIRST_PAUSE * (1 << failures.saturating_sub(1).min(16));
    let cost = TimeDelta::from_std(took).unwrap_or(LONGEST_PAUSE) * PATIENCE;
    doubled.max(cost).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_and_with_what_they_cost() {
        let quick = [1, 2, 5, 30].map(|n| pause(n, Duration::ZERO).num_seconds());
        assert_eq!(quick, [1, 2, 16, 900]);
        assert_eq!(pause(1, Duration::from_secs(10)), TimeDelta::minutes(5));
        assert_eq!(pause(u32::MAX, Duration::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn no_pause_is_longer_than_the_longest_whatever_the_clock_said() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let second = TimeDelta::seconds(1);
        let until = |later: TimeDelta| waits(now, now + later, LONGEST_PAUSE);
        assert!(until(second) && until(LONGEST_PAUSE));
        assert!(!until(TimeDelta::zero()) && !until(-second) && !until(LONGEST_PAUSE + second));
        for extreme in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert!(!waits(now, extreme, LONGEST_PAUSE) && !waits(extreme, now, LONGEST_PAUSE));
        }
    }
}
