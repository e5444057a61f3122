//! Reads one table of a list such as `[[gate]]`: each of its keys by name, what is wrong with each, and keys that it does not know.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::Value;

use super::keys::Kind;
use super::read::{Reader, integer, length_within, mismatch, text_of};

/// The keys of each list of tables, so that one that stands in the wrong list can be sent to its own.
const LISTS: [(&str, &[&str]); 4] = [
    ("strategy", STRATEGY),
    ("gate", GATE),
    ("window", WINDOW),
    ("freeze", FREEZE),
];

/// The keys of `[[strategy]]`.
pub(super) const STRATEGY: &[&str] = &[
    "name",
    "channels",
    "kind",
    "waves",
    "bake",
    "warmup",
    "gates",
    "on_failure",
    "max_failures",
    "stalled_after",
    "after",
    "colour_tag",
    "role_tag",
    "first",
    "overlap",
    "keep",
    "manual",
];
/// The keys of `[[gate]]`.
pub(super) const GATE: &[&str] = &[
    "name",
    "query",
    "max",
    "min",
    "ratio",
    "slack",
    "samples",
    "min_samples",
    "window",
    "alarms",
    "account",
    "region",
    "trust_missing",
    "agents",
    "min_running",
    "max_bad",
    "passes",
    "failures",
    "interval",
    "report_only",
];
/// The keys of `[[window]]`.
pub(super) const WINDOW: &[&str] = &["channels", "days", "start", "end", "zone", "cutoff"];
/// The keys of `[[freeze]]`.
pub(super) const FREEZE: &[&str] = &["channels", "from", "to", "zone", "reason"];

/// A table. Each method gives `None` where it has reported an error.
pub(super) struct Table<'r> {
    reader: &'r mut Reader,
    path: &'static str,
    shown: String,
    fields: BTreeMap<String, Value>,
}

impl<'r> Table<'r> {
    /// The table that messages call `shown`, in the value of the key `path`.
    pub(super) fn new(
        reader: &'r mut Reader,
        path: &'static str,
        shown: String,
        fields: BTreeMap<String, Value>,
    ) -> Self {
        Self {
            reader,
            path,
            shown,
            fields,
        }
    }

    /// Reports each key that is not one of these, with `instead` where that knows better than we do.
    pub(super) fn refuse_unknown(&mut self, known: &[&str], instead: impl Fn(&str) -> Option<String>) {
        let strangers: Vec<String> = self
            .fields
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in strangers {
            let message = instead(&name).unwrap_or_else(|| unknown(self.path, &name, known));
            self.fail(&name, message);
        }
    }

    /// Whether it has this key.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Its value as it stands.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        self.fields.get(name).cloned()
    }

    /// Reports an error at a key.
    pub(super) fn fail(&mut self, name: &str, message: impl Into<String>) {
        let shown = format!("{}.{name}", self.shown);
        self.reader.fail_inside(self.path, &shown, message);
    }

    /// Reports an error at the table as a whole.
    pub(super) fn fail_whole(&mut self, message: impl Into<String>) {
        self.reader.fail_inside(self.path, &self.shown, message);
    }

    fn keep<T>(&mut self, name: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.fail(name, message)).ok()
    }

    /// A text that may be absent or empty, which is the same.
    pub(super) fn text<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<T>> {
        let read = match self.fields.get(name).map(text_of) {
            None | Some(Ok("")) => return Some(None),
            Some(read) => read.and_then(parse).map(Some),
        };
        self.keep(name, read)
    }

    /// A text that must be there; `missing` says what to write.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        missing: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let read = self.text(name, parse)?;
        if read.is_none() {
            self.fail(name, format!("is missing; {missing}"));
        }
        read
    }

    /// A text of several lines.
    pub(super) fn lines<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<T>> {
        let Some(value) = self.fields.get(name) else {
            return Some(None);
        };
        let read = match value.as_str() {
            None => Err(mismatch(Kind::Text, value)),
            Some(text) if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
                Err("holds a control character; take it out".to_owned())
            }
            Some(text) => parse(text.trim()).map(Some),
        };
        self.keep(name, read)
    }

    /// `true` or `false`; absent: `false`.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let Some(value) = self.fields.get(name) else {
            return Some(false);
        };
        let read = value.to_bool().ok_or_else(|| mismatch(Kind::Flag, value));
        self.keep(name, read)
    }

    /// A number; absent: none.
    pub(super) fn number(&mut self, name: &str) -> Option<Option<f64>> {
        let Some(value) = self.fields.get(name) else {
            return Some(None);
        };
        let number = value.to_f64().or_else(|| integer(value).map(|number| number as f64));
        let read = number.map(Some).ok_or_else(|| mismatch(Kind::Number, value));
        self.keep(name, read)
    }

    /// A whole number from 1 to `high`.
    pub(super) fn positive(&mut self, name: &str, default: u32, high: u32) -> Option<u32> {
        let Some(value) = self.fields.get(name) else {
            return Some(default);
        };
        let read = match integer(value) {
            None => Err(mismatch(Kind::Whole, value)),
            Some(number) => u32::try_from(number)
                .ok()
                .filter(|number| (1..=high).contains(number))
                .ok_or_else(|| format!("{number} is out of range; use 1 to {high}")),
        };
        self.keep(name, read)
    }

    /// A length of time within a range; absent: the default.
    pub(super) fn duration(
        &mut self,
        name: &str,
        default: Duration,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let read = self.text(name, |text| length_within(text, range))?;
        Some(read.unwrap_or(default))
    }

    /// A list of texts, each read by `parse`; absent: none.
    pub(super) fn list<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<Vec<T>>> {
        let Some(value) = self.value(name) else {
            return Some(None);
        };
        let shown = format!("{}.{name}", self.shown);
        self.reader.list_inside(self.path, &shown, &value, parse).map(Some)
    }

    /// A table inside of this one.
    pub(super) fn inner(&mut self, name: &str, fields: BTreeMap<String, Value>) -> Table<'_> {
        let shown = format!("{}.{name}", self.shown);
        Table::new(self.reader, self.path, shown, fields)
    }
}

/// The message for a key that a list's tables do not have.
fn unknown(path: &str, name: &str, known: &[&str]) -> String {
    let home = LISTS.iter().find(|(list, keys)| *list != path && keys.contains(&name));
    match home {
        Some((list, _)) => format!("is not a key here; it belongs under [[{list}]]"),
        None => format!("is not a key; [[{path}]] knows {}", known.join(", ")),
    }
}
