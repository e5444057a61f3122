//! Reads typed values by key and collects what is wrong with each, so that one run shows every mistake.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::Value;
use humantime::format_duration;

use super::error::ConfigError;
use super::keys::{self, Kind};
use super::source::{Origin, Sources};
use super::syntax;

/// A reader of [`Sources`]. Each method gives `None` where it has reported an error.
pub(super) struct Reader {
    sources: Sources,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub(super) fn new(sources: Sources, errors: Vec<ConfigError>) -> Self {
        Self { sources, errors }
    }

    /// Everything that was reported.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// Whether the file or the environment says anything about a section.
    pub(super) fn mentions(&self, section: &str) -> bool {
        self.sources.mentions(section)
    }

    /// Whether the file, not the environment, sets this key.
    pub(super) fn is_from_file(&self, path: &str) -> bool {
        matches!(self.sources.find(path), (Some(_), Origin::File))
    }

    /// Reports an error at a key.
    pub(super) fn fail(&mut self, path: &str, message: impl Into<String>) {
        self.fail_inside(path, path, message);
    }

    /// Reports an error at a part of the value of the key `path`, which messages call `shown`.
    pub(super) fn fail_inside(&mut self, path: &str, shown: &str, message: impl Into<String>) {
        let place = self.sources.place(path);
        self.errors.push(ConfigError {
            key: shown.to_owned(),
            place,
            message: message.into(),
        });
    }

    fn keep<T>(&mut self, path: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.fail(path, message)).ok()
    }

    /// A text that must be there, read by `parse`.
    pub(super) fn text<T>(&mut self, path: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let read = self.optional(path, parse)?;
        if read.is_none() {
            self.fail_missing(path);
        }
        read
    }

    /// A text that may be absent or empty, which is the same.
    pub(super) fn optional<T>(
        &mut self,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let Some(value) = self.sources.find(path).0 else {
            return Some(None);
        };
        let read = match text_of(&value) {
            Ok("") => Ok(None),
            Ok(text) => parse(text).map(Some),
            Err(message) => Err(message),
        };
        self.keep(path, read)
    }

    /// Reports that a key must be set.
    pub(super) fn fail_missing(&mut self, path: &str) {
        let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
        let file = self.sources.file_name();
        let home = match keys::find(path).map(|key| key.kind) {
            Some(Kind::Tables) => format!("add [[{path}]] to {file}"),
            _ => format!("set {name} under [{section}] in {file}"),
        };
        self.fail(path, format!("is missing; {home}, or set {}", keys::variable(path)));
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, path: &str) -> Option<bool> {
        let value = self.sources.find(path).0?;
        let read = value.to_bool().ok_or_else(|| mismatch(Kind::Flag, &value));
        self.keep(path, read)
    }

    /// A whole number within a range.
    pub(super) fn whole(&mut self, path: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.sources.find(path).0?;
        let (low, high) = (range.start(), range.end());
        let read = match integer(&value) {
            None => Err(mismatch(Kind::Whole, &value)),
            Some(number) => u64::try_from(number)
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("{number} is out of range; use {low} to {high}")),
        };
        self.keep(path, read)
    }

    /// A whole number from 1 to `high`.
    pub(super) fn positive(&mut self, path: &str, high: u32) -> Option<NonZeroU32> {
        let number = self.whole(path, 1..=u64::from(high))?;
        u32::try_from(number).ok().and_then(NonZeroU32::new)
    }

    /// A number above 0 and up to 1.
    pub(super) fn share(&mut self, path: &str) -> Option<f64> {
        let value = self.sources.find(path).0?;
        let number = value.to_f64().or_else(|| integer(&value).map(|number| number as f64));
        let read = match number {
            None => Err(mismatch(Kind::Number, &value)),
            Some(share) if share > 0.0 && share <= 1.0 => Ok(share),
            Some(share) => Err(format!(
                "{share} is out of range; use a share above 0 and up to 1, such as 0.3 for 30 %"
            )),
        };
        self.keep(path, read)
    }

    /// A length of time within a range.
    pub(super) fn duration(&mut self, path: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.text(path, |text| {
            let length = humantime::parse_duration(text).map_err(|error| {
                format!(
                    "{text:?} is not a length of time ({error}); write a number and its unit, such as 30s, 10m or 24h"
                )
            })?;
            if range.contains(&length) {
                return Ok(length);
            }
            let (low, high) = (format_duration(*range.start()), format_duration(*range.end()));
            Err(format!("{text} is out of range; use {low} to {high}"))
        })
    }

    /// A list of texts, each read by `parse`. Every bad one is reported.
    pub(super) fn list<T>(&mut self, path: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let value = self.sources.find(path).0?;
        self.list_inside(path, path, &value, parse)
    }

    /// The same for a list inside the value of the key `path`.
    pub(super) fn list_inside<T>(
        &mut self,
        path: &str,
        shown: &str,
        value: &Value,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Some(items) = value.as_array() else {
            self.fail_inside(path, shown, mismatch(Kind::List, value));
            return None;
        };
        let mut read = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            match text_of(item).and_then(&parse) {
                Ok(item) => read.push(item),
                Err(message) => self.fail_inside(path, &format!("{shown}[{i}]"), message),
            }
        }
        (read.len() == items.len()).then_some(read)
    }

    /// A table.
    pub(super) fn table(&mut self, path: &str) -> Option<BTreeMap<String, Value>> {
        let value = self.sources.find(path).0?;
        let read = value.as_dict().cloned().ok_or_else(|| mismatch(Kind::Table, &value));
        self.keep(path, read)
    }

    /// A list of tables; an absent one is empty.
    pub(super) fn tables(&mut self, path: &str) -> Option<Vec<BTreeMap<String, Value>>> {
        let Some(value) = self.sources.find(path).0 else {
            return Some(Vec::new());
        };
        if value.as_dict().is_some() {
            self.fail(path, format!("is one table; write [[{path}]] with two brackets"));
            return None;
        }
        let read = match value.as_array() {
            Some(items) => items
                .iter()
                .map(|item| item.as_dict().cloned())
                .collect::<Option<Vec<_>>>(),
            None => None,
        };
        self.keep(path, read.ok_or_else(|| mismatch(Kind::Tables, &value)))
    }
}

/// The text of a value, trimmed and free of control characters.
pub(super) fn text_of(value: &Value) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| mismatch(Kind::Text, value))?.trim();
    syntax::printable(text)?;
    Ok(text)
}

/// Says what is there and what must be there, without repeating a value that may be a secret.
fn mismatch(due: Kind, value: &Value) -> String {
    let found = match value {
        Value::String(..) | Value::Char(..) => "text",
        Value::Bool(..) => "true or false",
        Value::Num(_, number) if number.to_f64().is_some() => "a number with a fraction",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    };
    format!("holds {found}; it must be {due}")
}

/// A whole number of any width.
fn integer(value: &Value) -> Option<i128> {
    value
        .to_i128()
        .or_else(|| value.to_u128().and_then(|number| number.try_into().ok()))
}
