//! Field masks: `a,b(c,d),e/f` and `e.f`, as answers are cut down and updates are confined with them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::{ApiError, Result};
use super::schema;

/// Which fields of a message are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    /// All of them.
    All,
    /// These.
    Fields(BTreeMap<String, Mask>),
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, letter: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn list(&mut self) -> Option<Mask> {
        let mut mask = Mask::Fields(BTreeMap::new());
        loop {
            let (name, inner) = self.field()?;
            mask.add(&name, inner);
            if !self.eat(',') {
                return Some(mask);
            }
        }
    }

    fn field(&mut self) -> Option<(String, Mask)> {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '*');
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if name.is_empty() {
            return None;
        }
        self.rest = rest;
        let inner = if self.eat('/') || self.eat('.') {
            let (name, inner) = self.field()?;
            let mut mask = Mask::Fields(BTreeMap::new());
            mask.add(&name, inner);
            mask
        } else if self.eat('(') {
            let inner = self.list()?;
            if !self.eat(')') {
                return None;
            }
            inner
        } else {
            Mask::All
        };
        Some((camel(name), inner))
    }
}

/// `user_entered_value` is taken for `userEnteredValue`.
fn camel(name: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else {
            camel.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    camel
}

impl Mask {
    /// Reads a mask and checks it against the type that it is for.
    pub(super) fn parse(text: &str, of: &str) -> Result<Self> {
        let mut parser = Parser { rest: text };
        let mask = parser.list().filter(|_| parser.rest.trim().is_empty());
        let mask = mask.ok_or_else(|| ApiError::invalid(format!("Invalid field mask: {text}")))?;
        mask.check(of, "")?;
        Ok(mask)
    }

    fn add(&mut self, name: &str, inner: Self) {
        let Self::Fields(fields) = self else {
            return;
        };
        if name == "*" {
            *self = Self::All;
            return;
        }
        match (fields.get_mut(name), inner) {
            (Some(Self::All), _) => {}
            (Some(held), Self::All) => *held = Self::All,
            (Some(held), Self::Fields(more)) => more.into_iter().for_each(|(name, inner)| held.add(&name, inner)),
            (None, inner) => {
                fields.insert(name.to_owned(), inner);
            }
        }
    }

    fn check(&self, of: &str, path: &str) -> Result<()> {
        let Self::Fields(fields) = self else {
            return Ok(());
        };
        for (name, inner) in fields {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let Some(kind) = schema::kind(of, name) else {
                let why = format!("Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'.");
                return Err(ApiError::malformed("fields", why));
            };
            inner.check(kind, &path)?;
        }
        Ok(())
    }

    /// What the mask says of a field: the mask for what is below it, if it is meant at all.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::All => Some(self),
            Self::Fields(fields) => fields.get(name),
        }
    }

    /// Whether the field at this path, or anything below it, is meant.
    pub(super) fn meets(&self, path: &[&str]) -> bool {
        path.iter().try_fold(self, |mask, name| mask.get(name)).is_some()
    }

    /// The value with only what the mask means.
    pub(super) fn apply(&self, value: Value) -> Value {
        let Self::Fields(fields) = self else {
            return value;
        };
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(mut object) => {
                let keep = |(name, inner): (&String, &Self)| Some((name.clone(), inner.apply(object.remove(name)?)));
                Value::Object(fields.iter().filter_map(keep).collect())
            }
            value => value,
        }
    }

    /// Sets in `to` what the mask means to what `from` holds; what `from` lacks is removed.
    pub(super) fn merge(&self, to: &mut Value, from: &Value) {
        let Self::Fields(fields) = self else {
            to.clone_from(from);
            return;
        };
        if !to.is_object() {
            *to = Value::Object(Map::new());
        }
        let Some(object) = to.as_object_mut() else {
            return;
        };
        for (name, inner) in fields {
            match (from.get(name), inner) {
                (None, _) => {
                    object.remove(name);
                }
                (Some(from), inner) => inner.merge(object.entry(name.clone()).or_insert_with(|| json!(null)), from),
            }
        }
    }
}
