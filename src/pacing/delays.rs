//! The delays between attempts at something that may pass: exponential, jittered, and ended after a while.
//!
//! No other file knows which crate computes them. Nothing here sleeps: callers race a delay against their own deadline.

use std::time::Duration;

use ::backoff::backoff::Backoff as _;
use ::backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// Grows a delay by this factor from one attempt to the next.
const FACTOR: f64 = 2.0;

/// Moves a delay by up to this part of itself either way, so that clients that failed together do not return together.
const JITTER: f64 = 0.5;

/// A series of delays.
#[derive(Debug)]
pub(crate) struct Delays(ExponentialBackoff);

impl Delays {
    /// Delays that start around `first`, never exceed `longest` by more than the jitter, and end when `all_within` has
    /// passed since they were made or reset (`None`: they never end).
    #[must_use]
    pub(crate) fn new(first: Duration, longest: Duration, all_within: Option<Duration>) -> Self {
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(first)
                .with_max_interval(longest)
                .with_multiplier(FACTOR)
                .with_randomization_factor(JITTER)
                .with_max_elapsed_time(all_within)
                .build(),
        )
    }

    /// The same delays, moved by up to `part` of themselves either way instead of by half.
    #[must_use]
    pub(crate) fn with_jitter(mut self, part: f64) -> Self {
        self.0.randomization_factor = part;
        self
    }

    /// How long to wait before the next attempt; `None` when there should be none.
    pub(crate) fn next_delay(&mut self) -> Option<Duration> {
        self.0.next_backoff()
    }

    /// Starts over: the attempt succeeded.
    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_longest_and_start_over() {
        let ms = Duration::from_millis;
        let mut delays = Delays::new(ms(100), ms(400), None);
        let row: Vec<_> = (0..6).filter_map(|_| delays.next_delay()).collect();
        for (delay, middle) in row.iter().zip([100, 200, 400, 400, 400, 400]) {
            assert!(*delay >= ms(middle / 2) && *delay <= ms(middle * 3 / 2 + 1), "{row:?}");
        }
        assert_eq!(row.len(), 6);
        delays.reset();
        assert!(delays.next_delay().is_some_and(|delay| delay <= ms(151)));
    }

    #[test]
    fn jitter_is_as_wide_as_asked() {
        let ms = Duration::from_millis;
        let mut steady = Delays::new(ms(100), ms(400), None).with_jitter(0.0);
        for middle in [100, 200, 400, 400] {
            let delay = steady.next_delay().unwrap_or_default();
            assert!(delay.abs_diff(ms(middle)) < ms(1), "{middle}: {delay:?}");
        }
    }

    #[test]
    fn delays_end() {
        let ms = Duration::from_millis;
        let mut delays = Delays::new(ms(50), ms(50), Some(ms(20)));
        assert_eq!(delays.next_delay(), None, "even the shortest delay would end too late");
    }
}
