//! The tables: rules 1 to 11 of a channel, 2a and R1 to R13 of a rollout under way. The first that matches wins.

use super::super::decider::Rule;
use super::super::world::{LAST, NONE, Reading, Row, Version};
use super::{Needed, Pass, Rollout};

impl Pass<'_> {
    pub(super) fn rules(&mut self) -> Rule {
        self.stands = true;
        if self.world.rows().next().is_none() {
            return Rule::NoRow;
        }
        if self.rollback_ticked() && !self.memory.latched {
            self.memory.latched = true;
            if self.memory.rollout.is_none() && self.memory.prior == NONE {
                return Rule::NothingBack;
            }
            if self.has(Needed::TickSpendsKeys) {
                self.spend(self.memory.release);
            }
            self.go_back();
            return Rule::RolledBack;
        }
        if self.gate_rolls_back() && self.has(Needed::AutoInAnyRow) {
            self.leave_by_gate();
            return Rule::AutoRollback;
        }
        if self.rollback_ticked() {
            return Rule::Latched;
        }
        let Some(row) = self.world.row() else {
            return Rule::RowError;
        };
        match self.memory.rollout {
            None => self.at_rest(row),
            Some(_) => self.under_way(row),
        }
    }

    /// What 2a does to the keys, besides going back.
    fn leave_by_gate(&mut self) {
        let left = self.memory.release;
        self.go_back();
        self.spend_for_gate(left);
    }

    /// Rules 5 to 11.
    fn at_rest(&mut self, row: &Row) -> Rule {
        let [a, b] = row.keys;
        let release = self.memory.release;
        let agree = a == b && a != NONE;
        if release == NONE && !agree {
            return Rule::NotReleased;
        }
        // Both name the release that was adopted over several versions: that approves it, and is a start.
        if a == b && (a == NONE || (a == release && !self.memory.mixed)) {
            return Rule::InSync;
        }
        if !agree {
            return Rule::Waiting;
        }
        if !self.world.protected && self.has(Needed::Protection) {
            return Rule::Unprotected;
        }
        if !self.keys_count() {
            return Rule::Spent;
        }
        if !row.enabled && self.has(Needed::Enabled) {
            return Rule::Ready;
        }
        self.promote(a)
    }

    /// Rule 11: (a) to (g).
    fn promote(&mut self, version: Version) -> Rule {
        let open = self.world.open || !self.has(Needed::Window);
        // (b) comes before (a): whether no server carries a version cannot be known while some are out of sight.
        if self.outage() && self.has(Needed::Sources) {
            return Rule::StartOutage;
        }
        let first = self.memory.release == NONE || !self.has(Needed::OnceOnlyAtFirst);
        if first && (self.carried() == 0 || !self.has(Needed::MixedInWaves)) {
            if !open {
                return Rule::StartWindow;
            }
            self.memory.release = version;
            return Rule::AtOnce;
        }
        if !open {
            return Rule::StartWindow;
        }
        if self.reading() == Reading::Fail && self.has(Needed::GateBeforeStart) {
            return Rule::StartGate;
        }
        let left = std::mem::replace(&mut self.memory.release, version);
        // A release that was adopted over several versions is not a version that all could go back to.
        let mixed = std::mem::take(&mut self.memory.mixed);
        self.memory.prior = if mixed { NONE } else { left };
        self.memory.rollout = Some(Rollout::default());
        self.take(0);
        self.goes(open);
        Rule::Started
    }

    /// Rules 8 to R4, in which the rollout stands.
    fn under_way(&mut self, row: &Row) -> Rule {
        let (release, former) = (self.memory.release, self.memory.prior);
        if !self.world.protected && self.has(Needed::Protection) {
            return Rule::Unprotected;
        }
        if !self.keys_count() {
            return Rule::Spent;
        }
        let [a, b] = row.keys;
        if a == b && a == former && a != NONE {
            if !self.has(Needed::TakenBack) {
                return self.promote(a);
            }
            self.go_back();
            return Rule::TakenBack;
        }
        if row.keys != [release; 2] {
            if a == b && a != NONE && !self.has(Needed::ThirdWaits) {
                return self.promote(a);
            }
            if self.has(Needed::KeysStanding) {
                return Rule::KeyElsewhere;
            }
        }
        if !row.enabled && self.has(Needed::Enabled) {
            return Rule::NotEnabled;
        }
        if self.gate_rolls_back() {
            // Only where 2a was dropped above.
            self.leave_by_gate();
            return Rule::AutoRollback;
        }
        if self.memory.rollout.is_some_and(|rollout| rollout.gate.failed) && self.has(Needed::FailedStands) {
            return Rule::GateFailed;
        }
        self.goes_on()
    }

    /// Rules R5 to R13.
    fn goes_on(&mut self) -> Rule {
        let Some(Rollout { wave, .. }) = self.memory.rollout else {
            return Rule::InSync;
        };
        let open = self.world.open || !self.has(Needed::Window);
        self.goes(open);
        if self.has(Needed::LastIsAll) {
            self.take_joins();
        }
        if self.outage() && self.has(Needed::Sources) {
            return Rule::Outage;
        }
        if !self.has(Needed::MembersRemembered)
            && let Some(rollout) = &mut self.memory.rollout
        {
            rollout.members = 0;
        }
        let added = open && self.take(wave) && self.has(Needed::SettledWithoutAdding);
        if added || !self.carries_all(wave) {
            return Rule::Unsettled;
        }
        let (now, config) = (self.world.now, self.model.config);
        let Some(rollout) = &mut self.memory.rollout else {
            return Rule::InSync;
        };
        let settled = *rollout.settled.get_or_insert(now);
        let gate = rollout.gate;
        let advance = self.memory.advance.given;
        let reading = match self.reading() {
            _ if !self.has(Needed::ReadingOfThisPass) => Reading::Pass,
            reading => reading,
        };
        let fails = reading == Reading::Fail || gate.is_failing();
        if fails && (!advance || self.has(Needed::AdvanceStopsAtFailure)) {
            return Rule::Failing;
        }
        let baked = now >= settled + config.bake || !self.has(Needed::Bake);
        let proven = baked && gate.has_passed(self.model) && reading == Reading::Pass;
        if !(advance || proven) {
            return Rule::Baking;
        }
        if config.waves[usize::from(wave)].1 && !advance && self.has(Needed::Manual) {
            return Rule::Manual;
        }
        if wave == LAST {
            self.end();
            return Rule::Done;
        }
        if !open && (!advance || self.has(Needed::AdvanceKeepsWindow)) {
            return Rule::OutsideWindow;
        }
        self.start_wave(self.next(wave));
        Rule::NextWave
    }

    fn start_wave(&mut self, wave: u8) {
        let anew = self.has(Needed::PassesAnew);
        if let Some(rollout) = &mut self.memory.rollout {
            rollout.wave = wave;
            rollout.settled = None;
            if anew {
                rollout.gate.begin_wave();
            }
        }
        self.advance_lapses();
        self.take(wave);
    }

    /// The rollout does not stand; members pass to the new version in the window.
    fn goes(&mut self, open: bool) {
        self.stands = false;
        self.moving = open || !self.has(Needed::LateWaitForWindow);
    }
}
