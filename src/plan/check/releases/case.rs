//! One channel that the store knows: each way in which its release, keys or latch may change.

use chrono::TimeDelta;

use crate::memory::{ChannelMemory, KeyState, Latch, Listed, Memory, Move, RowMemory, ServerMemory, Stamp};
use crate::plan::check::evidence::Evidence;
use crate::plan::policy::Belt;
use crate::sheet::display::ShownRelease;
use crate::sheet::intent::{Key, ReleaseRow, ServerRow, Tick};
use crate::tag::{ChannelName, ServerId, Version};

/// One of a row's keys.
type Cell = fn(&ReleaseRow) -> &Key;

/// One channel whose memory changes.
pub(super) struct Case<'a> {
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) name: &'a ChannelName,
    pub(super) rows: &'a [&'a ReleaseRow],
    pub(super) shown: &'a [&'a ShownRelease],
    pub(super) next: &'a ChannelMemory,
}

impl Case<'_> {
    /// A channel that the store knows.
    pub(super) fn known(&self, before: &ChannelMemory, faults: &mut Vec<String>) {
        let next = self.next;
        let confirmed = match self.shown {
            [row] => is_remembered(&before.row, &row.stamp) || has_strayed(self.name, row, self.evidence.given.memory),
            _ => false,
        };
        let taken_back = before.rollout.is_some() && next.rollout.is_none() && next.moved == Move::Rollback;
        let ticked = self.rows.iter().any(|row| row.rollback == Tick::On) && before.latch.is_none();
        if before.rollout.is_some() || next.rollout.is_some() {
            self.rollout(before, confirmed, faults);
        }
        if next.rollout.is_some() && before.rollout.is_none() {
            // What starts a rollout was checked as such.
        } else if taken_back && !ticked {
            // Nor does what ended one need a tick.
        } else if next.release == before.release {
            if next.prior != before.prior || next.moved != before.moved {
                faults.push("changes its prior version without a move".to_owned());
            }
            self.approval(before.approved, confirmed, before, faults);
        } else if self.rows.iter().any(|row| row.rollback == Tick::On) {
            self.rollback(before, faults);
        } else {
            let key = |state: &KeyState, key: &Key| confirmed && counts(state, key);
            let live = self
                .rows
                .iter()
                .all(|row| key(&before.key_a, &row.key_a) && key(&before.key_b, &row.key_b));
            self.promotion(before.release.as_ref(), before.approved, live, faults);
        }
        let [a, b] = self.texts();
        for (was, is, text) in [(&before.key_a, &next.key_a, a), (&before.key_b, &next.key_b, b)] {
            let back = *was != KeyState::Live && *is == KeyState::Live;
            let seen = matches!((was, text), (KeyState::Spent { held: Some(held), .. }, Some(text)) if held != text);
            if back && !(seen && confirmed && self.protected()) {
                faults.push("a spent key counts again without having been seen to hold something else".to_owned());
            }
            if *is == KeyState::Live && !(confirmed && self.protected()) {
                faults.push("a key that one hand may have moved still counts".to_owned());
            }
        }
        self.recalled(before, faults);
        let all_off = !self.rows.is_empty() && self.rows.iter().all(|row| row.rollback == Tick::Off);
        if before.latch.is_some() && next.latch.is_none() && !all_off {
            faults.push("the latch opens though no box was seen unticked".to_owned());
        }
    }

    /// Keys that nobody had read when the release was taken back without the sheet.
    fn recalled(&self, before: &ChannelMemory, faults: &mut Vec<String>) {
        let keys: [(_, Cell); 2] = [
            (&self.next.key_a, |row| &row.key_a),
            (&self.next.key_b, |row| &row.key_b),
        ];
        for (i, (state, cell)) in keys.into_iter().enumerate() {
            let Some(left) = &before.recalled[i] else { continue };
            let read = |row: &&ReleaseRow| *cell(row) != Key::Unreadable;
            let all_read = !self.rows.is_empty() && self.rows.iter().all(read);
            if self.next.recalled[i].is_none() && !all_read {
                faults.push("a key that is still to be spent is forgotten before it was read".to_owned());
            }
            let names = |row: &&ReleaseRow| cell(row).version() == Some(left);
            if *state == KeyState::Live && self.rows.iter().any(names) {
                faults.push("a key that names the version left without the sheet still counts".to_owned());
            }
            let together = |row: &&ReleaseRow| {
                let version = cell(row).version();
                version.is_some() && version != before.release.as_ref() && row.key_a == row.key_b
            };
            if *state == KeyState::Live && self.rows.iter().any(together) {
                faults.push("a version that nobody saw typed since the rollback still counts".to_owned());
            }
        }
    }

    /// Both keys and the box.
    pub(super) fn promotion(&self, from: Option<&Version>, approved: bool, live: bool, faults: &mut Vec<String>) {
        let (next, evidence) = (self.next, self.evidence);
        let [row] = self.rows else {
            faults.push("is promoted without a row of its own".to_owned());
            return;
        };
        if !live {
            faults.push("is promoted by keys that do not count".to_owned());
        }
        let release = next.release.as_ref();
        if release.is_none() || [&row.key_a, &row.key_b].map(Key::version) != [release, release] {
            faults.push(format!("is promoted to {release:?}, which the two keys do not name"));
        }
        if row.enabled != Tick::On || row.rollback != Tick::Off || !row.errors.is_empty() {
            faults.push("is promoted though its row does not allow it".to_owned());
        }
        if !self.protected() {
            faults.push("is promoted while the key columns are not protected".to_owned());
        }
        if evidence.given.policy.observe || evidence.held_by(Belt::RowDrop) {
            faults.push("is promoted while nothing may be".to_owned());
        }
        if self.reaches_nobody() {
            faults.push("is promoted though all its servers left it and none has ended".to_owned());
        }
        if next.prior.as_ref() != from || next.prior_approved != approved || next.moved != Move::Promotion {
            faults.push("is promoted without remembering what it leaves".to_owned());
        }
    }

    /// Whether the channel had servers in the last pass of which some have not ended, and has none now.
    fn reaches_nobody(&self) -> bool {
        let given = self.evidence.given;
        let memory = &given.memory.servers;
        let ended = |id: &ServerId| match (given.fleet.servers.get(id), memory.get(id)) {
            (Some(server), _) => !server.state.is_live(),
            (None, Some(m)) => m.terminated || m.missing_since.is_some_and(|at| given.now - at >= TimeDelta::days(1)),
            (None, None) => false,
        };
        let here = |row: &ServerRow| row.channel.as_ref() == Some(self.name);
        let by_row = || {
            let mut rows = self.evidence.server_rows.iter();
            rows.any(|(id, rows)| rows.iter().all(|row| here(row)) && !ended(id))
        };
        let tag = &given.policy.channel_tag;
        let by_tag = || {
            let mut fleet = given.fleet.servers.iter();
            fleet.any(|(id, server)| {
                let own = server.tag(tag).is_some_and(|name| **name == *self.name.as_str());
                own && server.state.is_live() && !self.evidence.server_rows.contains_key(id)
            })
        };
        let was_here = |m: &ServerMemory| matches!(m.listed(), Listed::In(channel) if channel == self.name);
        let had = || memory.iter().any(|(id, m)| was_here(m) && !ended(id));
        // Each looks through the whole fleet for each channel, so the one that mostly ends it comes first.
        !given.policy.allow.contains(&Belt::RowDrop) && !by_row() && !by_tag() && had()
    }

    /// One tick, one step.
    pub(super) fn rollback(&self, before: &ChannelMemory, faults: &mut Vec<String>) {
        let next = self.next;
        if before.latch.is_some()
            || self
                .shown
                .iter()
                .any(|row| is_foreign(self.name, row, self.evidence.given.memory))
        {
            faults.push("is rolled back by a box that is latched".to_owned());
        }
        let nowhere = before.prior.is_none() && before.rollout.is_none();
        if nowhere || next.release != before.prior || next.prior.is_some() || next.rollout.is_some() {
            faults.push("is rolled back to something else than its prior version".to_owned());
        }
        if self.evidence.given.policy.observe {
            faults.push("is rolled back while only observing".to_owned());
        }
        let latched = matches!(&next.latch, Some(Latch::Served { from }) if Some(from) == before.release.as_ref());
        if !latched || next.moved != Move::Rollback || next.approved != before.prior_approved {
            faults.push("is rolled back without remembering it".to_owned());
        }
        for row in self.rows {
            for (key, state) in [(&row.key_a, &next.key_a), (&row.key_b, &next.key_b)] {
                if key.version() == before.release.as_ref() && *state == KeyState::Live {
                    faults.push("a key that names the version left still counts".to_owned());
                }
            }
        }
    }

    /// A release that stays comes to be approved only by two keys that count and name it.
    pub(super) fn approval(&self, was: bool, confirmed: bool, before: &ChannelMemory, faults: &mut Vec<String>) {
        if was || !self.next.approved {
            return;
        }
        let release = self.next.release.as_ref();
        let by_keys = match self.rows {
            [row] => {
                counts(&before.key_a, &row.key_a)
                    && counts(&before.key_b, &row.key_b)
                    && [&row.key_a, &row.key_b].map(Key::version) == [release, release]
            }
            _ => false,
        };
        if !(confirmed && by_keys && release.is_some() && self.protected()) {
            faults.push("its release counts as approved by nobody".to_owned());
        }
    }

    pub(super) fn protected(&self) -> bool {
        self.evidence.given.sheet.approval.holds() || !self.evidence.given.policy.require_protection
    }

    /// What the key cells hold, if there is one row.
    pub(super) fn texts(&self) -> [Option<&str>; 2] {
        match self.rows {
            [row] => [row.key_a.text(), row.key_b.text()],
            _ => [None, None],
        }
    }
}

/// Whether a key counts, given what its cell holds now.
pub(super) fn counts(state: &KeyState, key: &Key) -> bool {
    match state {
        KeyState::Live => true,
        KeyState::Spent { held: Some(held), .. } => key.text().is_some_and(|text| text != held),
        KeyState::Spent { held: None, .. } => false,
    }
}

fn is_remembered(row: &RowMemory<Stamp>, stamp: &Stamp) -> bool {
    row.written.as_ref() == Some(stamp) || row.meant.iter().any(|(meant, _)| meant == stamp)
}

/// Whether a row's stamp was meant for another channel's row, and may have missed it.
fn has_strayed(name: &ChannelName, row: &ShownRelease, memory: &Memory) -> bool {
    let others = memory.channels.iter().filter(|(other, _)| *other != name);
    let mut meant = others.flat_map(|(_, other)| &other.row.meant);
    !row.stamp.updated_at.is_empty() && meant.any(|(stamp, _)| *stamp == row.stamp)
}

/// Whether a row's stamp was given to another channel's row.
fn is_foreign(name: &ChannelName, row: &ShownRelease, memory: &Memory) -> bool {
    let stamp = row.stamp.updated_at.as_str();
    !stamp.is_empty()
        && memory
            .channels
            .iter()
            .filter(|(other, _)| *other != name)
            .any(|(_, m)| {
                let meant = m.row.meant.iter().map(|(s, _)| s.updated_at.as_str());
                let written = m.row.written.iter().map(|s| s.updated_at.as_str());
                let earlier = m.row.earlier.iter().map(String::as_str);
                meant.chain(written).chain(earlier).any(|s| s == stamp)
            })
}
