//! The right to make one pass, as its holder reckons it: by a clock that counts a suspended machine and by the one on the wall.
//!
//! The database alone decides who has the lease. What is here only ever ends it earlier: an end is counted from before the request
//! was sent, and whichever clock says that it is over, is right.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// What both clocks say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time since the machine was started, time that it slept included.
    pub awake_or_not: Duration,
    /// The time of the day.
    pub wall: DateTime<Utc>,
}

/// Until when a lease is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    ends: Reading,
}

impl Term {
    /// A lease of this length that was asked for when the clocks said this.
    #[must_use]
    pub fn since(sent: Reading, length: Duration) -> Self {
        let far = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        Self {
            ends: Reading {
                awake_or_not: sent.awake_or_not + length,
                wall: sent.wall.checked_add_signed(far).unwrap_or(DateTime::<Utc>::MAX_UTC),
            },
        }
    }

    /// How much of it is left by the clock that says less.
    #[must_use]
    pub fn left(&self, at: Reading) -> Duration {
        let wall = (self.ends.wall - at.wall).to_std().unwrap_or_default();
        self.ends.awake_or_not.saturating_sub(at.awake_or_not).min(wall)
    }
}

/// What is said of a call that does not leave.
pub const NOT_SENT: &str = "not sent: the lease ran out, or another instance took over";

/// The leave to act under a lease, shared by all who act.
#[derive(Clone)]
pub struct Leave(Arc<Inner>);

struct Inner {
    term: Mutex<Term>,
    /// So much must be left for a call to begin.
    call: Duration,
    clocks: fn() -> Reading,
    lost: watch::Sender<bool>,
    refused: AtomicU64,
}

impl std::fmt::Debug for Leave {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leave")
            .field("lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}

impl Leave {
    /// Leave for as long as `term` lasts, judged by `clocks`; a call takes at most `call`.
    #[must_use]
    pub fn new(term: Term, call: Duration, clocks: fn() -> Reading) -> Self {
        Self(Arc::new(Inner {
            term: Mutex::new(term),
            call,
            clocks,
            lost: watch::Sender::new(false),
            refused: AtomicU64::new(0),
        }))
    }

    /// The lease was renewed. One that is lost stays lost.
    pub fn renewed(&self, term: Term) {
        *self.0.term.lock().unwrap_or_else(PoisonError::into_inner) = term;
    }

    /// Another one has the lease, or it ran out.
    pub fn lose(&self) {
        self.0.lost.send_replace(true);
    }

    /// How much is left by both clocks; nothing once it is lost.
    #[must_use]
    pub fn left(&self) -> Duration {
        if *self.0.lost.borrow() {
            return Duration::ZERO;
        }
        let term = *self.0.term.lock().unwrap_or_else(PoisonError::into_inner);
        term.left((self.0.clocks)())
    }

    /// Whether the lease is over, whoever noticed first.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        if self.left().is_zero() {
            self.lose();
        }
        *self.0.lost.borrow()
    }

    /// Waits until it was noticed that the lease is lost.
    pub async fn lost(&self) {
        // It cannot be closed: the sender is kept here.
        let _ = self.0.lost.subscribe().wait_for(|lost| *lost).await;
    }

    /// Asks for a call to leave now. Where too little is left for its answer, the lease is given up: nothing else may leave either.
    ///
    /// # Errors
    /// What to say of the call.
    pub fn to_call(&self) -> Result<(), &'static str> {
        if self.left() >= self.0.call {
            return Ok(());
        }
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.lose();
        Err(NOT_SENT)
    }

    /// How many calls did not leave.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// A tick that is due, and whether somebody else is to be let go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The database's time.
    pub now: DateTime<Utc>,
    /// The last tick that somebody served or serves.
    pub tick: Option<DateTime<Utc>>,
    /// When the next one is due, as its last holder said.
    pub next: Option<DateTime<Utc>>,
    /// When the lease ends, if it is held.
    pub held_until: Option<DateTime<Utc>>,
}

impl Row {
    /// Since when a pass is due, and the tick that it serves; in the future, or the past. `after` gives the first tick of the
    /// schedule after a moment, and `last` the last one until now.
    #[must_use]
    pub fn due(
        &self,
        after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
        last: Option<DateTime<Utc>>,
    ) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if let Some(until) = self.held_until {
            // A holder that was killed: its tick is served anew.
            return Some((until, self.tick.or(last).unwrap_or(until)));
        }
        let Some(served) = self.tick else {
            return last.map(|tick| (tick, tick));
        };
        let said = self.next.filter(|next| *next > served);
        let first = said.into_iter().chain(after(served)).min()?;
        // Ticks that nobody served are one.
        let newest = [last, said.filter(|next| *next <= self.now)]
            .into_iter()
            .flatten()
            .max();
        Some((
            first,
            newest
                .filter(|tick| *tick > first && *tick <= self.now)
                .unwrap_or(first),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
    }

    fn reading(awake: u64, wall: i64) -> Reading {
        Reading {
            awake_or_not: Duration::from_secs(awake),
            wall: at(wall),
        }
    }

    #[test]
    fn whichever_clock_says_that_it_is_over_is_right() {
        let term = Term::since(reading(100, 0), Duration::from_secs(60));
        for (awake, wall, left) in [
            (100, 0, 60),
            (130, 30, 30),
            (130, 3630, 0),
            (130, -3600, 30),
            (160, 0, 0),
            (999, -3600, 0),
            (100, 60, 0),
        ] {
            assert_eq!(term.left(reading(awake, wall)).as_secs(), left, "{awake} {wall}");
        }
        let extreme = Term::since(
            Reading {
                wall: DateTime::<Utc>::MAX_UTC,
                ..reading(0, 0)
            },
            Duration::MAX / 2,
        );
        assert!(extreme.left(reading(0, 0)) > Duration::from_secs(60));
    }

    static CLOCK: AtomicU64 = AtomicU64::new(0);

    fn clock() -> Reading {
        let now = CLOCK.load(Ordering::Relaxed);
        reading(now, i64::try_from(now).unwrap())
    }

    #[tokio::test]
    async fn no_call_leaves_that_could_outlive_the_lease_and_then_none_at_all() {
        let seconds = Duration::from_secs;
        let leave = Leave::new(Term::since(clock(), seconds(60)), seconds(30), clock);
        let other = leave.clone();
        assert_eq!(leave.to_call(), Ok(()));
        CLOCK.store(30, Ordering::Relaxed);
        assert_eq!(other.to_call(), Ok(()));
        other.renewed(Term::since(reading(20, 20), seconds(60)));
        CLOCK.store(50, Ordering::Relaxed);
        assert_eq!((leave.to_call(), leave.is_lost()), (Ok(()), false));
        CLOCK.store(51, Ordering::Relaxed);
        assert_eq!(leave.to_call(), Err(NOT_SENT));
        // A renewal that is heard too late brings nothing back.
        leave.renewed(Term::since(clock(), seconds(60)));
        assert_eq!(
            (other.to_call(), other.is_lost(), other.left()),
            (Err(NOT_SENT), true, Duration::ZERO)
        );
        assert_eq!(leave.refused(), 2);
        tokio::time::timeout(seconds(5), other.lost()).await.unwrap();
    }

    #[test]
    fn what_is_due_follows_from_the_row() {
        let every = |step: i64| {
            move |moment: DateTime<Utc>| Some(at(((moment - at(0)).num_seconds().div_euclid(step) + 1) * step))
        };
        let row = |now: i64, tick: Option<i64>, next: Option<i64>, held: Option<i64>| Row {
            now: at(now),
            tick: tick.map(at),
            next: next.map(at),
            held_until: held.map(at),
        };
        for (what, row, last, due) in [
            ("nobody ever served one", row(310, None, None, None), 300, (300, 300)),
            ("it was served", row(310, Some(300), Some(600), None), 300, (600, 600)),
            ("it is due", row(600, Some(300), Some(600), None), 600, (600, 600)),
            (
                "a rollout's tick comes before",
                row(330, Some(300), Some(360), None),
                300,
                (360, 360),
            ),
            (
                "a rollout's tick is due",
                row(361, Some(300), Some(360), None),
                300,
                (360, 360),
            ),
            (
                "several that nobody served are one",
                row(1510, Some(300), Some(600), None),
                1500,
                (600, 1500),
            ),
            (
                "another schedule said the next",
                row(900, Some(300), Some(86_400), None),
                900,
                (600, 900),
            ),
            (
                "one holds it",
                row(610, Some(600), Some(900), Some(640)),
                600,
                (640, 600),
            ),
        ] {
            let (since, tick) = due;
            assert_eq!(
                row.due(every(300), Some(at(last))),
                Some((at(since), at(tick))),
                "{what}"
            );
        }
    }
}
