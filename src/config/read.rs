//! Reads typed values by key and collects what is wrong with each, so that one run shows every mistake.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::Value;

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
    pub(super) fn text<T>(&mut self, path: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let read = self.optional(path, parse)?;
        if read.is_none() {
            self.fail_missing(path);
        }
        read
    }

    /// A text that may be absent or empty, which is the same.
    pub(super) fn optional<T>(&mut self, path: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<T>> {
        let (Some(value), origin) = self.sources.find(path) else {
            return Some(None);
        };
        let read = match text_of(&value) {
            Ok("") => Ok(None),
            Ok(text) => parse(text).map(Some).map_err(|message| {
                // A shell takes quotes away; a file of variables or a manifest may not.
                let bare = unquoted(text).filter(|bare| origin == Origin::Environment && parse(bare).is_ok());
                bare.map_or(message, |_| {
                    "stands in quotes, which belong to the text of a variable; write it without them".to_owned()
                })
            }),
            Err(message) => Err(message),
        };
        self.keep(path, read)
    }

    /// Reports that a key must be set.
    pub(super) fn fail_missing(&mut self, path: &str) {
        let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
        let (file, variable) = (self.sources.file_name(), keys::variable(path));
        let tables = keys::find(path).is_some_and(|key| key.kind == Kind::Tables);
        let message = match self.sources.find(path) {
            // An empty variable wins over whatever the file says.
            (Some(_), Origin::Environment) => {
                format!("is empty; give {variable} a value, or unset it and say it in {file}")
            }
            (Some(_), _) if tables => format!("is empty; write [[{path}]] with its keys below instead of this line"),
            (Some(_), _) => format!("is empty; give it a value, or set {variable}"),
            (None, _) if tables => format!("is missing; add [[{path}]] to {file}, or set {variable}"),
            (None, _) => format!("is missing; set {name} under [{section}] in {file}, or set {variable}"),
        };
        self.fail(path, message);
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
        self.text(path, |text| length_within(text, &range))
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
            let message = match self.sources.find(path).1 {
                Origin::Environment => "is one table; put it into a list: [{ … }]".to_owned(),
                _ => format!("is one table; write [[{path}]] with two brackets"),
            };
            self.fail(path, message);
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

/// What stands between quotes of one sort.
fn unquoted(text: &str) -> Option<&str> {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

/// A length of time within a range.
pub(super) fn length_within(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let (low, high) = (length(*range.start()), length(*range.end()));
    let length = humantime::parse_duration(text).map_err(|error| {
        format!("{text:?} is not a length of time ({error}); write a number and its unit, from {low} to {high}")
    })?;
    if range.contains(&length) {
        return Ok(length);
    }
    Err(format!("{text} is out of range; use {low} to {high}"))
}

/// A length of time as one writes it: a whole number of its largest unit.
fn length(length: Duration) -> String {
    let (seconds, rest) = (length.as_secs(), length.subsec_millis());
    let units = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60)];
    match units.iter().find(|(_, unit)| seconds > 0 && seconds % unit == 0) {
        _ if rest > 0 => format!("{}ms", length.as_millis()),
        Some((name, unit)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// The text of a value, trimmed and free of control characters.
pub(super) fn text_of(value: &Value) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| mismatch(Kind::Text, value))?.trim();
    syntax::printable(text)?;
    Ok(text)
}

/// Says what is there and what must be there, without repeating a value that may be a secret.
pub(super) fn mismatch(due: Kind, value: &Value) -> String {
    let found = match value {
        Value::String(..) | Value::Char(..) => "text",
        Value::Bool(..) => "true or false",
        Value::Num(_, number) if number.to_f64().is_some() => "a number with a fraction",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        // As the reader of TOML hands on what TOML takes for a date.
        Value::Dict(_, dict) if dict.contains_key("$__toml_private_datetime") => "a date or time without quotes",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    };
    format!("holds {found}; it must be {due}")
}

/// A whole number of any width.
pub(super) fn integer(value: &Value) -> Option<i128> {
    value
        .to_i128()
        .or_else(|| value.to_u128().and_then(|number| number.try_into().ok()))
}
