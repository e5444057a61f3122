//! First contact and takeover: a release is what most servers carry, and no key or box that stood there counts.

use std::collections::BTreeSet;

use super::case::Case;
use crate::memory::{KeyState, Move, Rollout, SpentBy, Stamp};
use crate::plan::check::evidence::Carried;
use crate::plan::window::Hours;
use crate::sheet::intent::{Key, Tick};
use crate::tag::Version;

impl Case<'_> {
    /// A channel at its first contact, or taken over.
    pub(super) fn unknown(&self, faults: &mut Vec<String>) {
        let (next, policy) = (self.next, self.evidence.given.policy);
        let ([row], [shown]) = (self.rows, self.shown) else {
            return self.forgotten(faults);
        };
        if !self.evidence.given.fleet.complete() {
            return self.forgotten(faults);
        }
        let adopted = self.majority();
        let stamp = &shown.stamp;
        let blank = [&stamp.release, &stamp.previous, &stamp.updated_at, &shown.status]
            .iter()
            .all(|cell| cell.trim().is_empty());
        let before = self.evidence.given.memory.channels.get(self.name);
        let taken = |key: &KeyState| {
            matches!(
                key,
                KeyState::Spent {
                    by: SpentBy::Takeover,
                    ..
                }
            )
        };
        let met = !policy.takeover && before.is_none_or(|before| !taken(&before.key_a) && !taken(&before.key_b));
        let served = self.evidence.given.memory.binding.as_ref();
        let fresh = blank && met && before.is_none() && served.is_some_and(|binding| binding.protected);
        for (key, state) in [(&row.key_a, &next.key_a), (&row.key_b, &next.key_b)] {
            let harmless = match key {
                Key::Empty => true,
                Key::Names(version) => adopted.as_ref() == Some(version),
                Key::Unreadable => false,
            };
            if *state == KeyState::Live && !fresh && !(met && harmless) {
                faults.push("a key counts that was there before the service".to_owned());
            }
        }
        if row.rollback != Tick::Off && next.latch.is_none() {
            faults.push("a box that stood ticked at first contact is not latched".to_owned());
        }
        let named = [&row.key_a, &row.key_b].map(Key::version);
        let approved = adopted.is_some() && named == [adopted.as_ref(), adopted.as_ref()] && self.protected();
        if let Some(rollout) = &next.rollout {
            self.adopted_rollout(rollout, adopted.as_ref(), (stamp, !met), faults);
        } else if next.moved == Move::Adoption {
            if next.release != adopted {
                faults.push(format!("adopts {:?}, but most servers carry {adopted:?}", next.release));
            }
            let trusted = policy.takeover
                && self.evidence.given.sheet.approval.service_columns
                && adopted.as_ref().is_some_and(|v| v.as_str() == stamp.release.trim());
            let prior = trusted.then(|| Version::parse(&stamp.previous).ok()).flatten();
            if next.prior != prior || (next.approved && !approved) {
                faults.push("adopts a prior version or an approval that it may not".to_owned());
            }
        } else {
            self.promotion(adopted.as_ref(), approved, fresh, faults);
        }
    }

    /// A takeover may find a rollout: the service's columns, which nobody else edits, show just the two versions that servers carry.
    fn adopted_rollout(
        &self,
        rollout: &Rollout,
        majority: Option<&Version>,
        (stamp, takeover): (&Stamp, bool),
        faults: &mut Vec<String>,
    ) {
        let (next, given) = (self.next, self.evidence.given);
        if !rollout.adopted {
            // Keys that count may start one at once, where this store watched them.
            let leaves = next.prior.as_ref() == majority && next.release.as_ref() != majority;
            let release = next.release.as_ref();
            let by_keys = matches!(self.rows, [row] if row.enabled == Tick::On && row.rollback == Tick::Off && row.errors.is_empty()
                && [&row.key_a, &row.key_b].map(Key::version) == [release, release]);
            let live = [&next.key_a, &next.key_b] == [&KeyState::Live; 2];
            let open = given.policy.hours_of(self.name, given.now) == Hours::Open;
            if !(leaves && by_keys && live && open && self.protected()) || given.policy.takeover || given.policy.observe
            {
                faults.push("a rollout starts before the channel was met".to_owned());
            }
            return;
        }
        let carried: BTreeSet<&str> = self.carried().keys().map(String::as_str).collect();
        let shown = BTreeSet::from([stamp.release.trim(), stamp.previous.trim()]);
        let named = [&next.release, &next.prior].map(|version| version.as_ref().map_or("", Version::as_str));
        let trusted = takeover && given.sheet.approval.service_columns;
        if !trusted || carried != shown || BTreeSet::from(named) != shown || shown.len() != 2 || next.approved {
            faults.push("adopts a rollout that nothing shows".to_owned());
        }
    }

    /// What cannot be adopted has no release, no prior version and no key that counts.
    fn forgotten(&self, faults: &mut Vec<String>) {
        let next = self.next;
        let live = [&next.key_a, &next.key_b].contains(&&KeyState::Live);
        if next.release.is_some() || next.prior.is_some() || next.approved || live {
            faults.push("is known though it cannot be adopted".to_owned());
        }
    }

    /// What more than half of the channel's version-carrying servers carry.
    fn majority(&self) -> Option<Version> {
        let counts = self.carried();
        let total: usize = counts.values().sum();
        let (version, _) = counts.iter().find(|(_, count)| *count * 2 > total)?;
        Version::parse(version).ok().filter(|v| v.as_str() == version)
    }

    /// What the channel's live servers carry.
    fn carried(&self) -> &Carried {
        static NOTHING: Carried = Carried::new();
        self.evidence.carried().get(self.name.as_str()).unwrap_or(&NOTHING)
    }
}
