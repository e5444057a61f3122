//! The fields of a credentials file. What is wrong is said in words that follow the file's name, and never with a value.

use secrecy::SecretString;
use serde_json::Value;

/// What to do about most faults of a file that was made elsewhere.
pub(super) const AGAIN: &str = "download the file again";

/// One object of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    object: &'a Value,
    /// Where it stands in the file, with a dot at its end.
    under: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self { object, under: "" }
    }

    /// An object in the object.
    pub(super) fn inner(object: &'a Value, under: &'a str) -> Self {
        Self { object, under }
    }

    pub(super) fn has(self, field: &str) -> bool {
        !self.object[field].is_null()
    }

    /// A text that must be there.
    pub(super) fn text(self, field: &str) -> Result<&'a str, String> {
        self.maybe(field)?
            .ok_or_else(|| format!("{}{field} is missing; {AGAIN}", self.under))
    }

    /// A text that may be left out. A blank one counts as left out.
    pub(super) fn maybe(self, field: &str) -> Result<Option<&'a str>, String> {
        match &self.object[field] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.as_str()).filter(|text| !text.trim().is_empty())),
            _ => Err(format!("{}{field} is not a text; {AGAIN}", self.under)),
        }
    }

    /// The same of a text that must not show.
    pub(super) fn secret(self, field: &str) -> Result<SecretString, String> {
        self.text(field).map(SecretString::from)
    }

    /// An object that must be there.
    pub(super) fn object(self, field: &str) -> Result<&'a Value, String> {
        match &self.object[field] {
            found @ Value::Object(_) => Ok(found),
            Value::Null => Err(format!("{}{field} is missing; {AGAIN}", self.under)),
            _ => Err(format!("{}{field} is not an object; {AGAIN}", self.under)),
        }
    }
}
