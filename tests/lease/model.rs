//! Two instances, the row of the lease, what is on the way between them, and the rules; each rule can be dropped.
//!
//! Times are relative to now and in steps: a lease is four, a call is answered or given up after two. `own` and `wall` are what the
//! holder believes to be left, by a clock that counts a machine's sleep and by the clock on the wall, which somebody may put back.

/// How long a lease is.
pub(super) const LEASE: i8 = 4;
/// How long a call may take.
pub(super) const CALL: i8 = 2;
/// After so many steps the server ends a transaction whose client says nothing.
const IDLE: i8 = 2;
/// Further from now than this nothing is told apart.
const FAR: i8 = -3;

/// A rule of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    FenceInCommit,
    FenceLocksRow,
    OnlyWhenOver,
    EpochGrowsOnTake,
    RowStaysOnRelease,
    RenewOwnEpoch,
    RenewOnlyLiving,
    CountedFromSending,
    CheckBeforeCall,
    RoomForTheAnswer,
    ClockThatCountsSleep,
    ReleaseWaitsForCalls,
    IdleTransactionEnds,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// A commit was written under an epoch that another one has followed.
    StaleCommit,
    /// Two instances believe at once that they hold the lease.
    TwoActing,
    /// Two leases had the same number.
    EpochSeenTwice,
    /// A lease that was over went on.
    RaisedFromTheDead,
    /// One that had lost the lease made it longer for whoever has it.
    RenewedByAnother,
    /// A call began after the holder's lease.
    CallWithoutLease,
    /// A call that began in time was under way when the lease was free for another.
    CallOutlivesLease,
    /// A lease that was over for long could not be taken.
    Stuck,
}

/// What happens; the number is the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Time goes by.
    Wait,
    /// A request to take, or to renew, leaves.
    AskTake(usize),
    AskRenew(usize),
    /// The database does what was asked.
    Land(usize),
    /// The answer comes; or is lost, with the connection.
    Hear(usize),
    Lose(usize),
    /// SIGSTOP and SIGCONT.
    Stop(usize),
    Resume(usize),
    /// The two ends of a commit's transaction.
    Begin(usize),
    Commit(usize),
    /// A call is checked, begins, and is answered.
    Check(usize),
    Call(usize),
    Answer(usize),
    Release(usize),
    /// Somebody puts the clock on the wall back.
    PutBack(usize),
}

/// What was asked of the database, since when, and its answer once it has done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    takes: bool,
    age: i8,
    answer: Option<Option<u8>>,
}

/// A call to the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CallState {
    /// It passed the check; `late` once something came between check and socket.
    Checked {
        late: bool,
    },
    Flies {
        age: i8,
        late: bool,
    },
}

/// One instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Instance {
    stopped: bool,
    epoch: u8,
    own: i8,
    wall: i8,
    set: bool,
    asked: Option<Asked>,
    /// How long its transaction has been open, and under which epoch.
    open: Option<(i8, u8)>,
    call: Option<CallState>,
}

/// Everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    epoch: u8,
    held: bool,
    left: i8,
    /// The highest number ever given out.
    given: u8,
    /// For how long somebody was kept from a lease that was over.
    kept: i8,
    both: [Instance; 2],
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) commits: u64,
    pub(super) fenced: u64,
    pub(super) calls: u64,
    pub(super) left_over: u64,
    pub(super) expired: u64,
}

impl Instance {
    fn left(&self, dropped: Option<Needed>) -> i8 {
        if dropped == Some(Needed::ClockThatCountsSleep) {
            self.wall
        } else {
            self.own.min(self.wall)
        }
    }

    /// It believes that it holds the lease.
    fn acts(&self) -> bool {
        !self.stopped && self.epoch > 0 && self.own > 0
    }
}

/// All acts, whether possible or not.
pub(super) fn acts() -> Vec<Act> {
    let of = |i| {
        [
            Act::AskTake(i),
            Act::AskRenew(i),
            Act::Land(i),
            Act::Hear(i),
            Act::Lose(i),
            Act::Stop(i),
            Act::Resume(i),
            Act::Begin(i),
            Act::Commit(i),
            Act::Check(i),
            Act::Call(i),
            Act::Answer(i),
            Act::Release(i),
            Act::PutBack(i),
        ]
    };
    [Act::Wait].into_iter().chain(of(0)).chain(of(1)).collect()
}

impl World {
    /// The same world with the instances exchanged: what holds for one holds for the other.
    pub(super) fn mirrored(mut self) -> Self {
        self.both.swap(0, 1);
        self
    }

    /// The world after an act; `None` where it is not possible.
    pub(super) fn after(
        mut self,
        act: Act,
        dropped: Option<Needed>,
        counts: &mut Counts,
    ) -> Option<Result<Self, Breach>> {
        let needs = |rule| dropped != Some(rule);
        let done = match act {
            Act::Wait => self.wait(dropped),
            Act::AskTake(i) => self.ask(i, true),
            Act::AskRenew(i) => self.ask(i, false),
            Act::Land(i) => self.land(i, dropped, counts),
            Act::Hear(i) => self.hear(i, needs(Needed::CountedFromSending)),
            Act::Lose(i) => {
                self.both[i].asked.take()?;
                // The server gives up a transaction whose client is gone.
                self.both[i].open = None;
                Some(Ok(()))
            }
            Act::Stop(i) => {
                let it = &mut self.both[i];
                (!it.stopped).then(|| it.stopped = true)?;
                if let Some(CallState::Checked { late }) = &mut it.call {
                    *late = true;
                }
                Some(Ok(()))
            }
            Act::Resume(i) => {
                let it = &mut self.both[i];
                it.stopped.then(|| it.stopped = false)?;
                Some(Ok(()))
            }
            Act::Begin(i) => self.begin(i, dropped, counts),
            Act::Commit(i) => self.commit(i, counts),
            Act::Check(i) => self.check(i, dropped),
            Act::Call(i) => self.call(i, counts),
            Act::Answer(i) => {
                let it = &mut self.both[i];
                matches!(it.call, Some(CallState::Flies { .. })).then(|| it.call = None)?;
                Some(Ok(()))
            }
            Act::Release(i) => self.release(i, dropped),
            Act::PutBack(i) => {
                let it = &mut self.both[i];
                (it.epoch > 0 && !it.set).then(|| it.set = true)?;
                it.wall = (it.wall + LEASE).min(LEASE);
                Some(Ok(()))
            }
        }?;
        Some(done.and_then(|()| self.judged()).map(|()| self))
    }

    /// What must hold at each moment.
    fn judged(&self) -> Result<(), Breach> {
        if self.both.iter().all(Instance::acts) {
            return Err(Breach::TwoActing);
        }
        let free = !self.held || self.left <= 0;
        let overdue = |it: &Instance| matches!(it.call, Some(CallState::Flies { late: false, .. })) && free;
        if self.both.iter().any(|it| overdue(it) && it.epoch == self.epoch) {
            return Err(Breach::CallOutlivesLease);
        }
        if self.kept > IDLE {
            return Err(Breach::Stuck);
        }
        Ok(())
    }

    fn wait(&mut self, dropped: Option<Needed>) -> Option<Result<(), Breach>> {
        let over = self.held && self.left <= 0;
        let down = |value: &mut i8| *value = (*value - 1).max(FAR);
        down(&mut self.left);
        for it in &mut self.both {
            down(&mut it.own);
            down(&mut it.wall);
            if let Some(asked) = &mut it.asked {
                asked.age = (asked.age + 1).min(LEASE + 1);
            }
            match &mut it.call {
                Some(CallState::Checked { late }) => *late = true,
                // Whoever runs gives it up; what a stopped one sent has long been answered.
                Some(CallState::Flies { age, .. }) if *age + 1 >= CALL => it.call = None,
                Some(CallState::Flies { age, .. }) => *age += 1,
                None => {}
            }
            if let Some((age, _)) = &mut it.open {
                *age = (*age + 1).min(IDLE + 2);
                if *age >= IDLE && dropped != Some(Needed::IdleTransactionEnds) {
                    it.open = None;
                }
            }
        }
        let kept = over && self.both.iter().any(|it| it.open.is_some());
        self.kept = if kept { self.kept + 1 } else { 0 };
        Some(Ok(()))
    }

    fn ask(&mut self, i: usize, takes: bool) -> Option<Result<(), Breach>> {
        let it = &mut self.both[i];
        let sensible = if takes {
            it.own <= 0 && it.call.is_none()
        } else {
            it.epoch > 0
        };
        (!it.stopped && it.asked.is_none() && sensible).then(|| {
            it.asked = Some(Asked {
                takes,
                age: 0,
                answer: None,
            });
        })?;
        Some(Ok(()))
    }

    fn land(&mut self, i: usize, dropped: Option<Needed>, counts: &mut Counts) -> Option<Result<(), Breach>> {
        let needs = |rule| dropped != Some(rule);
        let asked = self.both[i].asked.filter(|asked| asked.answer.is_none())?;
        let shared = self.both.iter().any(|it| it.open.is_some()) && needs(Needed::FenceLocksRow);
        if shared {
            // The statement waits for the open transaction.
            return None;
        }
        let over = !self.held || self.left <= 0;
        let answer = if asked.takes {
            (over || !needs(Needed::OnlyWhenOver)).then(|| {
                counts.expired += u64::from(self.held);
                if needs(Needed::EpochGrowsOnTake) || self.epoch == 0 {
                    self.epoch += 1;
                }
                self.epoch
            })
        } else {
            let own = self.both[i].epoch == self.epoch || !needs(Needed::RenewOwnEpoch);
            let living = !over || !needs(Needed::RenewOnlyLiving);
            (own && living).then_some(self.both[i].epoch)
        };
        if let Some(asked) = &mut self.both[i].asked {
            asked.answer = Some(answer);
        }
        let Some(epoch) = answer else { return Some(Ok(())) };
        if !asked.takes && epoch != self.epoch {
            return Some(Err(Breach::RenewedByAnother));
        }
        if !asked.takes && over {
            return Some(Err(Breach::RaisedFromTheDead));
        }
        if asked.takes && epoch <= self.given {
            return Some(Err(Breach::EpochSeenTwice));
        }
        self.given = self.given.max(epoch);
        (self.held, self.left, self.kept) = (true, LEASE, 0);
        Some(Ok(()))
    }

    fn hear(&mut self, i: usize, from_sending: bool) -> Option<Result<(), Breach>> {
        let it = &mut self.both[i];
        let asked = it.asked.filter(|asked| !it.stopped && asked.answer.is_some())?;
        it.asked = None;
        match asked.answer {
            Some(Some(epoch)) => {
                let left = if from_sending { LEASE - asked.age } else { LEASE };
                // A renewal that is heard after the lease was over by its holder's clocks revives nothing.
                if asked.takes || it.own > 0 {
                    (it.epoch, it.own, it.wall) = (epoch, left, left);
                }
            }
            _ if !asked.takes => (it.epoch, it.own, it.wall) = (0, 0, 0),
            _ => {}
        }
        Some(Ok(()))
    }

    fn begin(&mut self, i: usize, dropped: Option<Needed>, counts: &mut Counts) -> Option<Result<(), Breach>> {
        let it = self.both[i];
        (!it.stopped && it.epoch > 0 && it.open.is_none()).then_some(())?;
        let fenced = it.epoch != self.epoch || !self.held;
        if fenced && dropped != Some(Needed::FenceInCommit) {
            counts.fenced += 1;
            (self.both[i].epoch, self.both[i].own) = (0, 0);
        } else {
            self.both[i].open = Some((0, it.epoch));
        }
        Some(Ok(()))
    }

    fn commit(&mut self, i: usize, counts: &mut Counts) -> Option<Result<(), Breach>> {
        let it = &mut self.both[i];
        let (_, epoch) = it.open.filter(|_| !it.stopped)?;
        it.open = None;
        counts.commits += 1;
        Some(if epoch < self.epoch {
            Err(Breach::StaleCommit)
        } else {
            Ok(())
        })
    }

    fn check(&mut self, i: usize, dropped: Option<Needed>) -> Option<Result<(), Breach>> {
        let it = &mut self.both[i];
        let needed = if dropped == Some(Needed::RoomForTheAnswer) {
            1
        } else {
            CALL
        };
        let enough = it.left(dropped) >= needed || dropped == Some(Needed::CheckBeforeCall);
        (!it.stopped && it.epoch > 0 && it.call.is_none() && enough).then_some(())?;
        it.call = Some(CallState::Checked { late: false });
        Some(Ok(()))
    }

    fn call(&mut self, i: usize, counts: &mut Counts) -> Option<Result<(), Breach>> {
        let it = &mut self.both[i];
        let Some(CallState::Checked { late }) = it.call.filter(|_| !it.stopped) else {
            return None;
        };
        it.call = Some(CallState::Flies { age: 0, late });
        counts.calls += 1;
        counts.left_over += u64::from(late && it.own <= 0);
        // What came between check and socket is the pages' "left over".
        Some(if late || it.own > 0 {
            Ok(())
        } else {
            Err(Breach::CallWithoutLease)
        })
    }

    fn release(&mut self, i: usize, dropped: Option<Needed>) -> Option<Result<(), Breach>> {
        let it = &mut self.both[i];
        let quiet = it.call.is_none() || dropped == Some(Needed::ReleaseWaitsForCalls);
        (!it.stopped && it.epoch > 0 && it.open.is_none() && quiet).then_some(())?;
        let own = it.epoch == self.epoch;
        // The transport keeps what a release says; the instance acts no more from here on.
        (it.own, it.wall) = (0, 0);
        if own {
            self.held = false;
            if dropped == Some(Needed::RowStaysOnRelease) {
                self.epoch = 0;
            }
        }
        Some(Ok(()))
    }
}
