//! Reads fields of a tree, and goes on after what is wrong, so that all of it is told at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tree::{Node, Value};
use crate::problem::Problem;

/// What was found wrong in one file.
pub struct Problems {
    /// The file's name.
    pub file: String,
    /// What is wrong.
    pub found: Vec<Problem>,
}

impl Problems {
    /// Tells one.
    pub fn wrong(&mut self, at: (usize, usize), message: impl Into<String>) {
        let place = format!("{}:{}:{}", self.file, at.0, at.1);
        self.found.push(Problem::new("cookbook", place, message));
    }
}

/// The fields of a mapping. Empty where there is none, which was told then.
pub struct Fields<'a> {
    /// Where the mapping begins.
    pub at: (usize, usize),
    fields: BTreeMap<&'a str, &'a Node>,
}

/// Whether YAML takes this text for something else than text.
fn is_other(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let word = matches!(
        lower.as_str(),
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off"
    );
    word || text.replace('_', "").parse::<f64>().is_ok() || lower.starts_with("0x") || lower.starts_with("0o")
}

impl<'a> Fields<'a> {
    /// The fields of `node`, which may have these keys and no others.
    pub fn of(node: &'a Node, allowed: &[&str], problems: &mut Problems) -> Self {
        let mut fields = BTreeMap::new();
        let Value::Map(map) = &node.value else {
            problems.wrong(
                node.at,
                format!("is no mapping; write `key: value` with {}", allowed.join(", ")),
            );
            return Self { at: node.at, fields };
        };
        for (key, value) in map {
            match &key.value {
                Value::Scalar(name, _) if allowed.contains(&name.as_str()) => {
                    fields.insert(name.as_str(), value);
                }
                Value::Scalar(name, _) => {
                    problems.wrong(
                        key.at,
                        format!("unknown key `{name}`; these are known: {}", allowed.join(", ")),
                    );
                }
                _ => problems.wrong(key.at, "a key that is no text; write a word"),
            }
        }
        Self { at: node.at, fields }
    }

    /// The value of a key.
    #[must_use]
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.fields.get(key).copied()
    }

    /// Where the value of a key stands, else where all begins.
    #[must_use]
    pub fn at(&self, key: &str) -> (usize, usize) {
        self.node(key).map_or(self.at, |node| node.at)
    }

    /// Text.
    pub fn text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        text(self.node(key)?, key, problems)
    }

    /// Text that must be there.
    pub fn needed(&self, key: &str, problems: &mut Problems) -> String {
        if self.node(key).is_none() {
            problems.wrong(self.at, format!("has no `{key}`; add it"));
        }
        self.text(key, problems).unwrap_or_default()
    }

    /// A truth value.
    pub fn truth(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        let node = self.node(key)?;
        match &node.value {
            Value::Scalar(text, true) if text == "true" => Some(true),
            Value::Scalar(text, true) if text == "false" => Some(false),
            _ => {
                problems.wrong(
                    node.at,
                    format!("`{key}` is neither true nor false; write one of them, without quotes"),
                );
                None
            }
        }
    }

    /// A whole number.
    pub fn number(&self, key: &str, problems: &mut Problems) -> Option<u16> {
        let node = self.node(key)?;
        if let Value::Scalar(text, true) = &node.value
            && let Ok(number) = text.parse()
        {
            return Some(number);
        }
        problems.wrong(
            node.at,
            format!("`{key}` is no whole number; write one, without quotes"),
        );
        None
    }

    /// A length of time, as `30s` or `5m`.
    pub fn time(&self, key: &str, otherwise: Duration, problems: &mut Problems) -> Duration {
        let Some(text) = self.text(key, problems) else {
            return otherwise;
        };
        let read = humantime::parse_duration(&text).ok();
        read.filter(|time| !time.is_zero() && *time <= Duration::from_secs(3600))
            .unwrap_or_else(|| {
                problems.wrong(
                    self.at(key),
                    format!("`{key}` is no length of time up to an hour; write it as 30s or 5m"),
                );
                otherwise
            })
    }

    /// One of some words.
    pub fn word(&self, key: &str, words: &[&'static str], problems: &mut Problems) -> Option<&'static str> {
        let text = self.text(key, problems)?;
        let known = words.iter().find(|word| **word == text);
        if known.is_none() {
            problems.wrong(
                self.at(key),
                format!("`{key}` is `{text}`; it is one of {}", words.join(", ")),
            );
        }
        known.copied()
    }

    /// A list.
    pub fn list(&self, key: &str, problems: &mut Problems) -> &'a [Node] {
        match self.node(key).map(|node| (&node.value, node.at)) {
            None => &[],
            Some((Value::List(list), _)) => list,
            Some((_, at)) => {
                problems.wrong(at, format!("`{key}` is no list; begin each entry with `- `"));
                &[]
            }
        }
    }

    /// A list of texts, where there is one.
    pub fn texts(&self, key: &str, problems: &mut Problems) -> Option<Vec<String>> {
        self.node(key)?;
        let list = self.list(key, problems);
        Some(list.iter().filter_map(|node| text(node, key, problems)).collect())
    }
}

fn text(node: &Node, key: &str, problems: &mut Problems) -> Option<String> {
    match &node.value {
        Value::Scalar(text, is_plain) if *is_plain && is_other(text) => {
            problems.wrong(
                node.at,
                format!("`{key}` is text, and {text} without quotes is none; write \"{text}\""),
            );
            None
        }
        Value::Scalar(text, _) if text.contains('\0') => {
            problems.wrong(node.at, format!("`{key}` holds a NUL character; remove it"));
            None
        }
        Value::Scalar(text, _) => Some(text.clone()),
        _ => {
            problems.wrong(node.at, format!("`{key}` is no text; write one value"));
            None
        }
    }
}

/// Any value, as JSON has it: for variables.
#[must_use]
pub fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Scalar(text, true) => match text.as_str() {
            "" | "~" | "null" => serde_json::Value::Null,
            "true" => true.into(),
            "false" => false.into(),
            _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => text.as_str().into(),
            },
        },
        Value::Scalar(text, false) => text.as_str().into(),
        Value::List(list) => list.iter().map(json).collect(),
        Value::Map(map) => {
            let name = |key: &Node| match &key.value {
                Value::Scalar(text, _) => text.clone(),
                _ => String::new(),
            };
            map.iter()
                .map(|(key, value)| (name(key), json(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
    }
}
