//! Checks that only tags change that the sheet or a release asks for, on servers that may be touched.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use crate::fleet::Server;
use crate::memory::{ChannelMemory, KeyState, Move, ServerMemory};
use crate::plan::model::ServerPlan;
use crate::plan::policy::{Belt, Rows};
use crate::plan::window::Hours;
use crate::sheet::intent::{ServerRow, Tick};
use crate::tag::{Change, ChannelName, Reason, ServerId};

pub(super) fn check(evidence: &Evidence<'_>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for server in &evidence.plan.servers {
        let mut found = Vec::new();
        if !seen.insert(&server.id) {
            found.push("stands twice in the plan".to_owned());
        }
        one(evidence, server, &mut found);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", server.id)));
    }
}

fn one(evidence: &Evidence<'_>, server: &ServerPlan, faults: &mut Vec<String>) {
    if server.changes.is_empty() && !server.append {
        return;
    }
    let Some(live) = evidence
        .given
        .fleet
        .servers
        .get(&server.id)
        .filter(|s| s.state.is_live())
    else {
        faults.push("is not live".to_owned());
        return;
    };
    let tagged = live.tag(&evidence.given.policy.channel_tag);
    let tagged = tagged.map(|t| ChannelName::from(&**t));
    let rows = evidence.server_rows.get(&server.id).map_or(&[][..], Vec::as_slice);
    let asked = match rows {
        [] => tagged.as_ref(),
        [first, ..] => first.channel.as_ref(),
    };
    let Some(channel) = asked.filter(|channel| !evidence.rows(channel).is_empty()) else {
        faults.push("is in no channel of the sheet".to_owned());
        return;
    };
    let scene = Scene {
        evidence,
        id: &server.id,
        live,
        rows,
        channel,
        tagged: tagged.as_ref(),
        memory: evidence.given.memory.servers.get(&server.id).map(|memory| &**memory),
    };
    scene.place(server, faults);
    if server.append {
        scene.append(server, faults);
    }
    if !server.changes.is_empty() {
        scene.may_change(faults);
        scene.changes(server, faults);
        if evidence.held_by(Belt::Unapproved) {
            scene.unapproved(&server.changes, faults);
        }
    }
}

/// What a row asks for.
type Asks<'a> = (Option<&'a ChannelName>, Option<Tick>, &'a [Option<std::sync::Arc<str>>]);

fn asks(row: &ServerRow) -> Asks<'_> {
    (row.channel.as_ref(), row.hold, &row.tags)
}

/// A live server in a known channel.
struct Scene<'a> {
    evidence: &'a Evidence<'a>,
    id: &'a ServerId,
    live: &'a Server,
    rows: &'a [&'a ServerRow],
    channel: &'a ChannelName,
    tagged: Option<&'a ChannelName>,
    memory: Option<&'a ServerMemory>,
}

impl Scene<'_> {
    /// The server is planned for where it is, and its rows say one thing that can be read.
    fn place(&self, server: &ServerPlan, faults: &mut Vec<String>) {
        let source = &self.live.source;
        if !self.evidence.given.fleet.answered(source) {
            faults.push(format!("its source {source} did not answer whole"));
        }
        if server.source.as_ref() != Some(source) {
            faults.push("is planned for another source".to_owned());
        }
        if self.rows.iter().any(|row| asks(row) != asks(self.rows[0])) {
            faults.push("stands in rows that disagree".to_owned());
        }
        if self.rows.iter().any(|row| row.unreadable) {
            faults.push("its row cannot be read".to_owned());
        }
        if server.channel.as_ref() != Some(self.channel) {
            faults.push(format!("is planned for another channel than {}", self.channel));
        }
    }

    fn append(&self, server: &ServerPlan, faults: &mut Vec<String>) {
        let remembered = self.memory.is_some_and(|m| m.held);
        if !self.rows.is_empty() || self.evidence.held_by(Belt::RowDrop) || server.append_held != remembered {
            faults.push("a row is appended that is there, that a belt holds, or that lost its hold".to_owned());
        }
        let by_itself = self.live.spot || self.live.tags.keys().any(|key| key.as_str().starts_with("aws:"));
        let unwanted = match self.evidence.given.policy.rows {
            Rows::All => false,
            Rows::Persistent => by_itself && self.live.comes_and_goes(),
            Rows::None => true,
        };
        if unwanted && !remembered {
            faults.push("a row is appended that the configuration does not want".to_owned());
        }
    }

    fn may_change(&self, faults: &mut Vec<String>) {
        if self.evidence.given.policy.observe {
            faults.push("would be changed while only observing".to_owned());
        }
        let remembered = self.memory.is_some_and(|m| m.held);
        let held = |row: &&ServerRow| match row.hold {
            Some(Tick::Off) => false,
            Some(Tick::On | Tick::Unreadable) => true,
            None => remembered,
        };
        if self.rows.iter().any(held) || (self.rows.is_empty() && remembered) {
            faults.push("is held".to_owned());
        }
    }

    fn changes(&self, server: &ServerPlan, faults: &mut Vec<String>) {
        let mut tags = BTreeSet::new();
        for change in &server.changes {
            let Change {
                tag,
                before,
                after,
                reason,
            } = change;
            if !tags.insert(tag) {
                faults.push(format!("{tag} is changed twice"));
            }
            if self.live.tag(tag) != before.as_ref() || before.as_ref() == Some(after) {
                faults.push(format!("{tag} is not {before:?} now, or is {after:?} already"));
            }
            if before.is_none() && !matches!(reason, Reason::Join | Reason::Drift) {
                faults.push(format!("{tag} is not there, so its reason cannot be {}", reason.word()));
            }
            if !self.is_asked_for(change) {
                faults.push(format!("nothing asks for {tag} to become {after:?}"));
            }
            if self.evidence.held_by(Belt::RowDrop) && !self.passes_row_belt(change) {
                faults.push(format!("{tag} changes while the sheet is not to be trusted"));
            }
            let twice = |held: &&Change| held.tag == *tag && held.after == *after;
            if server.withheld.iter().any(|held| twice(&held)) {
                faults.push(format!("{tag} is withheld and changed"));
            }
        }
    }

    fn is_asked_for(&self, change: &Change) -> bool {
        let policy = self.evidence.given.policy;
        let release = |channel: &ChannelName| self.evidence.release(channel).map(crate::tag::Version::as_str);
        if change.tag == policy.channel_tag {
            return &*change.after == self.channel.as_str();
        }
        if change.tag == policy.version_tag {
            return match self.rollout() {
                Some(memory) => self.follows_rollout(change, memory),
                None => {
                    let follows = release(self.channel) == Some(&change.after) && !self.is_late_outside_window(change);
                    follows || self.follows_tagged_rollback(change)
                }
            };
        }
        // What a role may become is looked at for the channel as a whole.
        if super::colours::of(policy, self.channel, self.evidence.after(self.channel))
            .is_some_and(|it| it.role_tag == change.tag)
        {
            return true;
        }
        let columns = self.evidence.given.sheet.intent.tags.iter();
        let mut asked = self.rows.iter().flat_map(|row| columns.clone().zip(&row.tags));
        asked.any(|(column, wish)| column.key == change.tag && wish.as_ref() == Some(&change.after))
    }

    /// Whether a server passes to its channel's release while nobody may: one that nobody else has tagged, that comes from no other
    /// channel and that no rollback brings back.
    fn is_late_outside_window(&self, change: &Change) -> bool {
        let given = self.evidence.given;
        let back = self
            .evidence
            .after(self.channel)
            .is_some_and(|c| c.moved == Move::Rollback);
        let whole = given.policy.rollouts.strategy_of(self.channel).is_none();
        let passes = whole && change.before.is_some() && !self.strayed(change) && !self.moves() && !back;
        passes && given.policy.hours_of(self.channel, given.now) != Hours::Open
    }

    /// What will be remembered of the channel, while a rollout is under way in it.
    fn rollout(&self) -> Option<&ChannelMemory> {
        self.evidence
            .after(self.channel)
            .filter(|memory| memory.rollout.is_some())
    }

    /// Two versions at most: members get the release, and all others the former one. Nobody passes from the former version while the
    /// keys do not stand, outside of a window or while it is not enabled.
    fn follows_rollout(&self, change: &Change, memory: &ChannelMemory) -> bool {
        let (Some(rollout), Some(release)) = (&memory.rollout, &memory.release) else {
            return false;
        };
        let id = rollout.id(self.channel);
        let planned = self.evidence.plan.update.servers.get(self.id);
        let member = planned
            .map(|memory| &**memory)
            .or(self.memory)
            .is_some_and(|m| m.is_member(&id));
        if !member {
            return memory.prior.as_ref().map(crate::tag::Version::as_str) == Some(&change.after);
        }
        let former = memory.prior.as_ref().map(crate::tag::Version::as_str);
        let stands = self.keys_stand(memory);
        // One that carries no version has joined, and leaves nothing.
        if change.before.is_none() {
            let wanted = if stands { Some(release.as_str()) } else { former };
            return wanted == Some(&change.after);
        }
        if *change.after != *release.as_str() {
            return false;
        }
        let reached = self.memory.and_then(|m| m.member.as_ref()).is_some_and(|m| m.reached);
        let drifted = reached && change.before.as_deref() != former;
        let given = self.evidence.given;
        drifted || (stands && given.policy.hours_of(self.channel, given.now) == Hours::Open)
    }

    /// Whether the keys, the row and the gates let the rollout go on.
    fn keys_stand(&self, memory: &ChannelMemory) -> bool {
        let given = self.evidence.given;
        let [row] = self.evidence.rows(self.channel) else {
            return false;
        };
        let names = [&row.key_a, &row.key_b].map(|key| key.version() == memory.release.as_ref());
        names == [true, true]
            && [&memory.key_a, &memory.key_b] == [&KeyState::Live; 2]
            && row.errors.is_empty()
            && row.enabled == Tick::On
            && row.rollback != Tick::On
            && (given.sheet.approval.holds() || !given.policy.require_protection)
            && memory.rollout.as_ref().is_some_and(|rollout| rollout.failed.is_none())
    }

    /// Whether a server whose move waits follows the rollback of the channel that it is still tagged with.
    fn follows_tagged_rollback(&self, change: &Change) -> bool {
        let Some(tagged) = self.tagged.filter(|tagged| !self.evidence.rows(tagged).is_empty()) else {
            return false;
        };
        (self.evidence.held_by(Belt::RowDrop) || self.evidence.held_by(Belt::Unapproved) && self.moves())
            && change.reason == Reason::Rollback
            && self.evidence.after(tagged).is_some_and(|c| c.moved == Move::Rollback)
            && self.evidence.release(tagged).map(crate::tag::Version::as_str) == Some(&change.after)
    }

    /// Corrections of servers with a row go on while rows are missing, and rollbacks reach everybody.
    fn passes_row_belt(&self, change: &Change) -> bool {
        let rollback = change.tag == self.evidence.given.policy.version_tag && change.reason == Reason::Rollback;
        rollback || (!self.rows.is_empty() && !self.moves())
    }

    /// Whether the sheet moves the server out of another channel.
    fn moves(&self) -> bool {
        let former = self.memory.and_then(|m| m.channel.as_ref()).or(self.tagged);
        former.is_some_and(|former| former != self.channel && !former.as_str().is_empty())
    }

    /// Whether a tag is not what was last seen of it or meant for it.
    fn strayed(&self, change: &Change) -> bool {
        let now = change.before.as_ref();
        self.memory.is_some_and(|m| {
            (!m.seen.is_empty() || !m.meant.is_empty())
                && m.seen.get(&change.tag) != now
                && (now.is_none() || m.meant.get(&change.tag) != now)
        })
    }

    /// With the belt on unapproved changes tripped, nothing goes that no pair of keys approved.
    fn unapproved(&self, changes: &[Change], faults: &mut Vec<String>) {
        let policy = self.evidence.given.policy;
        let version = changes.iter().find(|c| c.tag == policy.version_tag);
        let approved = self.evidence.after(self.channel).is_some_and(|c| c.approved);
        let moved = self.moves() && version.is_some_and(|c| c.before.is_some());
        for change in changes {
            let joins = change.before.is_none() && !self.strayed(change);
            let bad = if change.tag == policy.version_tag {
                let rollback = change.reason == Reason::Rollback && !self.strayed(change);
                let stays = moved && self.follows_tagged_rollback(change);
                (moved && !stays) || (!approved && !joins && !rollback)
            } else if change.tag == policy.channel_tag {
                moved
            } else {
                let asked_before = self
                    .memory
                    .is_some_and(|m| m.asked.get(&change.tag) == Some(&change.after));
                !(joins || asked_before && self.strayed(change))
            };
            if bad {
                faults.push(format!("{} changes without the approval of two keys", change.tag));
            }
        }
    }
}
