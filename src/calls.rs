//! Counts the requests that the clients really make, by method, and what they met on the way, for the report and the
//! metrics; and knows what is being waited for, for whoever sits before a terminal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::lease::Leave;

/// What became of the requests to one method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Requests made.
    pub(crate) made: u64,
    /// Answers that ask for fewer requests.
    pub(crate) throttled: u64,
    /// Calls made again because an earlier one failed in a way that may pass.
    pub(crate) repeated: u64,
    /// What calls waited for the rate limit and for pauses after throttles, summed over calls.
    pub(crate) waited: Duration,
}

/// A counter shared by all clients of a pass.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    counted: Arc<Mutex<BTreeMap<String, Tally>>>,
    /// What is waited for, in words, by when it began.
    awaited: Arc<Mutex<BTreeMap<u64, String>>>,
    /// What calls are made under; without any, they are made.
    leave: Arc<Mutex<Option<Leave>>>,
}

/// Something that is waited for as long as this lives.
#[derive(Debug)]
pub struct Wait {
    calls: Calls,
    number: u64,
}

impl Wait {
    /// Says more precisely what is waited for.
    pub fn is_for(&self, what: impl Into<String>) {
        self.calls.awaits().insert(self.number, what.into());
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.calls.awaits().remove(&self.number);
    }
}

impl Calls {
    /// From now on calls are made under this leave; `None`: under none.
    pub fn act_under(&self, leave: Option<Leave>) {
        *self.leave.lock().unwrap_or_else(PoisonError::into_inner) = leave;
    }

    /// Asks for a request to leave now, right before it does.
    ///
    /// # Errors
    /// Why it must not, in words.
    pub fn may_leave(&self) -> Result<(), &'static str> {
        let leave = self.leave.lock().unwrap_or_else(PoisonError::into_inner).clone();
        leave.map_or(Ok(()), |leave| leave.to_call())
    }

    /// Counts one request to `method`, such as `ec2.CreateTags`.
    pub fn count(&self, method: &str) {
        self.note(method, |tally| tally.made += 1);
    }

    /// Counts an answer that asks for fewer requests.
    pub fn throttled(&self, method: &str) {
        self.note(method, |tally| tally.throttled += 1);
    }

    /// Counts a call that is made again.
    pub fn repeated(&self, method: &str) {
        self.note(method, |tally| tally.repeated += 1);
    }

    /// Adds up what a call waited before it could be made.
    pub fn waited(&self, method: &str, time: Duration) {
        self.note(method, |tally| tally.waited += time);
    }

    /// Something is waited for from now on, in words such as `reading the sheet`.
    #[must_use]
    pub fn wait(&self, what: impl Into<String>) -> Wait {
        let mut awaited = self.awaits();
        let number = awaited.last_key_value().map_or(0, |(last, _)| last + 1);
        awaited.insert(number, what.into());
        Wait {
            calls: self.clone(),
            number,
        }
    }

    /// What is waited for, in words, the longest wait first.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        self.awaits().values().cloned().collect()
    }

    fn awaits(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, method: &str, change: impl FnOnce(&mut Tally)) {
        let mut calls = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        match calls.get_mut(method) {
            Some(tally) => change(tally),
            None => change(calls.entry(method.to_owned()).or_default()),
        }
    }

    /// The requests counted so far.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        let tallies = self.tallies().into_iter();
        tallies
            .filter(|(_, tally)| tally.made > 0)
            .map(|(method, tally)| (method, tally.made))
            .collect()
    }

    /// The requests counted since `before` was taken.
    #[must_use]
    pub fn since(&self, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut calls = self.snapshot();
        calls.retain(|method, made| {
            *made -= before.get(method).copied().unwrap_or_default().min(*made);
            *made > 0
        });
        calls
    }

    /// Everything counted so far.
    #[must_use]
    pub(crate) fn tallies(&self) -> BTreeMap<String, Tally> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_waited_for_longest_is_told_first() {
        let calls = Calls::default();
        assert!(calls.awaited().is_empty());
        let first = calls.wait("one");
        let second = calls.clone().wait("two");
        assert_eq!(calls.awaited(), ["one", "two"]);
        first.is_for("one (try 2 of 5)");
        assert_eq!(calls.awaited(), ["one (try 2 of 5)", "two"]);
        drop(first);
        let third = calls.wait("three");
        assert_eq!(calls.awaited(), ["two", "three"]);
        drop((second, third));
        assert!(calls.awaited().is_empty());
    }

    #[test]
    fn a_pass_is_told_apart_from_those_before_it() {
        let calls = Calls::default();
        calls.count("a");
        calls.waited("b", Duration::from_secs(1));
        let before = calls.snapshot();
        assert_eq!(before, [("a".to_owned(), 1)].into());
        calls.count("b");
        assert_eq!(calls.since(&before), [("b".to_owned(), 1)].into());
        calls.clone().throttled("a");
        let all = calls.tallies();
        assert_eq!(
            (all["a"].made, all["a"].throttled, all["b"].waited.as_secs()),
            (1, 1, 1)
        );
    }
}
