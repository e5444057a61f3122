//! Composes at most one letter for each set of recipients, and takes over what earlier letters said that no server has seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use lettre::message::Mailbox;

use super::input::{Audience, Rules};
use super::links::Links;
use super::track::{self, Tell, Tracked};
use super::{html, page, text};
use crate::mail::{Digest, Item, Letter, Mail, MailUpdate, News, Number, OpenProblem, Reach, Standing};
use crate::memory::Memory;
use crate::problem::{Kind, Problem};
use crate::report::Report;

/// What letters are composed from.
pub(super) struct Composer<'a> {
    pub(super) audience: Audience<'a>,
    pub(super) rules: &'a Rules<'a>,
    pub(super) report: &'a Report,
    pub(super) links: &'a Links,
    pub(super) now: DateTime<Utc>,
    /// Whether it was a rollback by command, of one channel.
    pub(super) is_order: bool,
}

impl Composer<'_> {
    /// Adds the letters that are due to `update`, and notes in `open` what they say.
    pub(super) fn compose(
        &self,
        memory: &Memory,
        standing: &mut Standing,
        open: &mut Tracked,
        update: &mut MailUpdate,
    ) {
        let circles = circles(self.audience);
        let strays = strays(&memory.mail, &circles);
        for (recipients, kinds) in circles {
            let strayed: Vec<Digest> = strays
                .values()
                .filter_map(|letter| about(&letter.digest, &kinds))
                .collect();
            let news: BTreeMap<&Number, &News> = memory
                .mail
                .news
                .iter()
                .filter(|(_, news)| kinds.contains(&news.kind))
                .collect();
            let mut says: BTreeMap<String, Tell> = BTreeMap::new();
            let mut due = !news.is_empty() || !strayed.is_empty();
            for (fingerprint, entry) in open.iter().filter(|(_, entry)| kinds.contains(&entry.kind)) {
                let (what, reason) = track::tell(entry, standing.failing, self.audience, self.now);
                due |= reason;
                says.insert(fingerprint.clone(), what);
            }
            if !due {
                continue;
            }
            let mut digest = self.digest(news.values().map(|news| (*news).clone()).collect(), &says, open);
            let merged = waiting(&memory.mail, &recipients);
            let waits_since = merged.values().map(|letter| letter.waits_since).min();
            let older = merged.values().map(|letter| &letter.digest).chain(&strayed);
            for older in older.collect::<Vec<_>>().into_iter().rev() {
                absorb(&mut digest, older);
            }
            self.measure(&mut digest.news);
            for (fingerprint, what) in says {
                if let Some(entry) = open.get_mut(&fingerprint) {
                    track::told(entry, what, self.now);
                }
            }
            update.told.extend(news.into_keys().cloned());
            update.done.extend(merged.into_keys().cloned());
            let letter = self.letter(recipients, digest, waits_since.unwrap_or(self.now));
            update.letters.insert(standing.number(), letter);
        }
        update.done.extend(strays.into_keys().cloned());
    }

    fn digest(&self, news: Vec<News>, says: &BTreeMap<String, Tell>, open: &Tracked) -> Digest {
        let of = |tell: Tell| -> Vec<Item> {
            let chosen = says.iter().filter(|(_, what)| **what == tell);
            chosen
                .filter_map(|(fingerprint, _)| Some(item(fingerprint, open.get(fingerprint)?, self.now)))
                .collect()
        };
        Digest {
            run: self.report.run.clone(),
            at: self.now,
            sheet: self.links.sheet.clone(),
            observe: self.rules.observe,
            failing: self.report.outcome.is_failing(),
            news,
            new: of(Tell::New),
            open: of(Tell::Open),
            resolved: of(Tell::Resolved),
            ended: self.report.outcome.word().to_owned(),
            failures: self.failures(open),
        }
    }

    /// What kept this pass from its work: one failure is no reason for a letter, but a letter that goes out names it, whoever its
    /// kind is routed to.
    fn failures(&self, open: &Tracked) -> Vec<Item> {
        let causes = self.report.causes().into_iter().map(Problem::fingerprint);
        causes
            .filter_map(|fingerprint| Some(item(&fingerprint, open.get(&fingerprint)?, self.now)))
            .collect()
    }

    /// Whether not all that carry the version now have come to it by this.
    fn goes_back(&self, news: &News) -> bool {
        self.is_order || matches!(news.event.as_str(), "auto_rollback" | "taken_back" | "rollback")
    }

    /// Says of the release that is in force in each channel how far it has come.
    fn measure(&self, news: &mut [News]) {
        for line in &self.report.channels {
            let mut newest = news
                .iter_mut()
                .rev()
                .filter(|n| page::MOVES.contains(&n.event.as_str()) && n.channel == line.name.as_str());
            let Some(news) = newest.next() else { continue };
            let (carrying, concerned) = match &line.rollout {
                Some(rollout) => (rollout.carrying, rollout.members),
                None => (line.carrying, line.concerned),
            };
            if news.to == line.release && concerned > 0 {
                // What a gate said is why it was rolled back, and is not to be lost.
                if news.event != "auto_rollback" {
                    news.cause.clone_from(&line.cause);
                }
                news.reach = Some(Reach {
                    carrying,
                    concerned,
                    failed: line.failed,
                    already: match self.goes_back(news) && !line.moved.is_empty() {
                        true => line.carrying.saturating_sub(line.followed),
                        false => 0,
                    },
                });
            }
        }
    }

    fn letter(&self, to: Vec<String>, digest: Digest, waits_since: DateTime<Utc>) -> Letter {
        let page = page::Page::of(&digest);
        Letter {
            to,
            delivered: BTreeSet::new(),
            refused: BTreeMap::new(),
            composed: self.now,
            waits_since,
            attempts: 0,
            next_try: None,
            trouble: String::new(),
            sealed: false,
            text: text::render(&page),
            html: html::render(&page),
            subject: page.subject,
            digest,
        }
    }
}

fn item(fingerprint: &str, entry: &OpenProblem, now: DateTime<Utc>) -> Item {
    Item {
        fingerprint: fingerprint.to_owned(),
        kind: entry.kind,
        code: entry.code.clone(),
        place: entry.place.clone(),
        link: entry.link.clone(),
        message: entry.message.clone(),
        // By a clock that was put back it began in a time to come.
        since: entry.since.min(now),
        until: entry.closed,
        unsteady: track::unsteady(entry),
    }
}

/// Sets of recipients, with the kinds that each gets.
fn circles(audience: Audience<'_>) -> Vec<(Vec<String>, Vec<Kind>)> {
    let mut circles: BTreeMap<Vec<String>, (Vec<String>, Vec<Kind>)> = BTreeMap::new();
    for kind in Kind::ALL {
        let recipients = audience.recipients(kind);
        let circle = circles.entry(addresses(recipients)).or_default();
        if circle.0.is_empty() {
            let mut seen = BTreeSet::new();
            circle
                .0
                .extend(recipients.iter().filter(|to| seen.insert(address(to))).cloned());
        }
        circle.1.push(kind);
    }
    circles.into_values().collect()
}

fn address(mailbox: &str) -> String {
    let parsed = mailbox.parse::<Mailbox>();
    parsed.map_or_else(|_| mailbox.to_lowercase(), |m| m.email.to_string().to_lowercase())
}

/// What makes two lists of recipients the same.
fn addresses(mailboxes: &[String]) -> Vec<String> {
    let set: BTreeSet<String> = mailboxes.iter().map(|mailbox| address(mailbox)).collect();
    set.into_iter().collect()
}

/// Letters to these recipients that no server can have yet.
fn waiting<'a>(mail: &'a Mail, recipients: &[String]) -> BTreeMap<&'a Number, &'a Letter> {
    let wanted = addresses(recipients);
    let fits = |letter: &Letter| !letter.sealed && letter.delivered.is_empty() && addresses(&letter.to) == wanted;
    mail.outbox.iter().filter(|(_, letter)| fits(letter)).collect()
}

/// Letters that nobody has, to recipients whom the configuration no longer names together: what they say goes to those it names.
fn strays<'a>(mail: &'a Mail, circles: &[(Vec<String>, Vec<Kind>)]) -> BTreeMap<&'a Number, &'a Letter> {
    let known: BTreeSet<Vec<String>> = circles.iter().map(|(recipients, _)| addresses(recipients)).collect();
    let strayed =
        |letter: &Letter| !letter.sealed && letter.delivered.is_empty() && !known.contains(&addresses(&letter.to));
    mail.outbox.iter().filter(|(_, letter)| strayed(letter)).collect()
}

/// What a digest says of these kinds, if anything.
fn about(digest: &Digest, kinds: &[Kind]) -> Option<Digest> {
    let mut digest = digest.clone();
    digest.news.retain(|news| kinds.contains(&news.kind));
    for items in [&mut digest.new, &mut digest.open, &mut digest.resolved] {
        items.retain(|item| kinds.contains(&item.kind));
    }
    digest.failures.clear();
    let says = !(digest.news.is_empty() && digest.new.is_empty() && digest.resolved.is_empty());
    says.then_some(digest)
}

/// Takes over what an older digest says: its readers never saw it.
fn absorb(digest: &mut Digest, older: &Digest) {
    let mut news = older.news.clone();
    news.append(&mut digest.news);
    digest.news = news;
    let unknown: BTreeSet<&str> = older.new.iter().map(|item| item.fingerprint.as_str()).collect();
    let (new, open) = std::mem::take(&mut digest.open)
        .into_iter()
        .partition(|item| unknown.contains(item.fingerprint.as_str()));
    digest.new.extend::<Vec<Item>>(new);
    digest.open = open;
    let listed: BTreeSet<String> = digest
        .new
        .iter()
        .chain(&digest.open)
        .chain(&digest.resolved)
        .map(|item| item.fingerprint.clone())
        .collect();
    let resolved = older.resolved.iter().filter(|item| !listed.contains(&item.fingerprint));
    digest.resolved.extend(resolved.cloned());
}
