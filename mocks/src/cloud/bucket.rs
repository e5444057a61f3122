//! Token buckets, one for each account, region and action.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::settings::Rate;

/// All buckets that have been drawn from.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    levels: HashMap<(String, String, &'static str), Level>,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    at: DateTime<Utc>,
}

impl Buckets {
    /// Takes one token; false if there is none. A refused request costs nothing.
    pub(crate) fn take(
        &mut self,
        account: &str,
        region: &str,
        action: &'static str,
        rate: Option<Rate>,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(rate) = rate else { return true };
        let level = self
            .levels
            .entry((account.to_owned(), region.to_owned(), action))
            .or_insert(Level {
                tokens: rate.capacity,
                at: now,
            });
        let seconds = (now - level.at).as_seconds_f64().max(0.0);
        level.tokens = (level.tokens + seconds * rate.per_second).min(rate.capacity);
        level.at = now;
        if level.tokens < 1.0 {
            return false;
        }
        level.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_bucket_empties_refills_and_is_apart_from_the_next() {
        let mut buckets = Buckets::default();
        let rate = Some(Rate::new(3.0, 2.0));
        let start = crate::clock::now();
        let mut take = |region, at| buckets.take("1", region, "CreateTags", rate, at);
        assert_eq!([(); 4].map(|()| take("a", start)), [true, true, true, false]);
        assert!(take("b", start), "another region has its own bucket");
        let later = start + TimeDelta::milliseconds(500);
        assert_eq!([(); 2].map(|()| take("a", later)), [true, false]);
        let much_later = start + TimeDelta::hours(1);
        assert_eq!([(); 4].map(|()| take("a", much_later)), [true, true, true, false]);
    }

    #[test]
    fn no_rate_is_no_limit() {
        let mut buckets = Buckets::default();
        assert!((0..1000).all(|_| buckets.take("1", "a", "CreateTags", None, crate::clock::now())));
    }
}
