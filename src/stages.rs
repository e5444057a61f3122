//! The stages of a pass, and how long each took.
//!
//! A stage is a span, too: with `-v` each line of the log says in which one it was written, and each stage says how long it took.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument as _, Span, debug, debug_span};

/// A stage, as in the table of `src/lib.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Loads the memory, reads sheet and fleet.
    Observe,
    /// Decides.
    Plan,
    /// Looks at the plan.
    Check,
    /// Puts the decision on disk.
    Remember,
    /// Marks the spreadsheet.
    Claim,
    /// Changes tags.
    Apply,
    /// Finds what became of it, and puts that on disk.
    Settle,
    /// Shows it in the sheet.
    WriteBack,
    /// Makes the report and the letters.
    Review,
    /// Sends what waits in the outbox.
    Deliver,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Observe,
        Self::Plan,
        Self::Check,
        Self::Remember,
        Self::Claim,
        Self::Apply,
        Self::Settle,
        Self::WriteBack,
        Self::Review,
        Self::Deliver,
    ];

    /// Its name in reports, metrics and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Plan => "plan",
            Self::Check => "check",
            Self::Remember => "remember",
            Self::Claim => "claim",
            Self::Apply => "apply",
            Self::Settle => "settle",
            Self::WriteBack => "write_back",
            Self::Review => "review",
            Self::Deliver => "deliver",
        }
    }

    fn span(self) -> Span {
        debug_span!(target: "fleetsheet", "stage", stage = self.word())
    }
}

/// How long the stages took that a pass came to.
pub type Took = BTreeMap<Stage, Duration>;

/// Measures the stages of one pass.
#[derive(Debug, Default)]
pub struct Stages {
    took: Mutex<Took>,
}

impl Stages {
    /// Does the work of a stage that waits.
    pub async fn of<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        let span = stage.span();
        let began = Instant::now();
        let done = work.instrument(span.clone()).await;
        span.in_scope(|| self.ended(stage, began));
        done
    }

    /// Does the work of a stage that only computes.
    pub fn during<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        stage.span().in_scope(|| {
            let done = work();
            self.ended(stage, began);
            done
        })
    }

    /// How long each stage took so far.
    #[must_use]
    pub fn took(&self) -> Took {
        self.all().clone()
    }

    /// A stage may be made of several pieces.
    fn ended(&self, stage: Stage, began: Instant) {
        let took = began.elapsed();
        *self.all().entry(stage).or_default() += took;
        debug!(target: "fleetsheet", took_ms = millis(took), "stage ended");
    }

    fn all(&self) -> MutexGuard<'_, Took> {
        self.took.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole milliseconds.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stage_takes_the_time_of_all_its_pieces() {
        let stages = Stages::default();
        let pause = Duration::from_millis(20);
        for _ in 0..2 {
            stages.of(Stage::Settle, tokio::time::sleep(pause)).await;
        }
        assert_eq!(stages.during(Stage::Plan, || 7), 7);
        let took = stages.took();
        assert!(took[&Stage::Settle] >= pause * 2, "{took:?}");
        assert_eq!(took.into_keys().collect::<Vec<_>>(), [Stage::Plan, Stage::Settle]);
    }

    #[test]
    fn stages_are_those_of_the_architecture_page_in_its_order() {
        let page = include_str!("lib.rs");
        let table = page.split("| stage | module |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with("//! |"));
        let named: Vec<String> = rows
            .map(|row| row.split('|').nth(1).unwrap().trim().replace(' ', "_"))
            .collect();
        assert_eq!(named, Stage::ALL.map(Stage::word));
        assert!(Stage::ALL.is_sorted());
    }
}
