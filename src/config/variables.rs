//! The `FLEETSHEET_…` variables: which keys they set, which are mistakes, and which are somebody else's.

use std::collections::BTreeMap;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use super::error::ConfigError;
use super::keys::{KEYS, Key, Kind, PREFIX};

/// The variable that names the file. It is not a key.
const CONFIG_VARIABLE: &str = "FLEETSHEET_CONFIG";

pub(super) fn read_variables(
    variables: &BTreeMap<String, String>,
    errors: &mut Vec<ConfigError>,
) -> BTreeMap<&'static str, Value> {
    let mut found = BTreeMap::new();
    for (name, raw) in variables {
        if !name.starts_with(PREFIX) || name == CONFIG_VARIABLE {
            continue;
        }
        let place = Some(format!("environment variable {name}"));
        let Some(key) = KEYS.iter().find(|key| key.variable() == *name) else {
            if !is_meant_for_us(name) {
                continue;
            }
            errors.push(ConfigError {
                key: name.clone(),
                place,
                message: unknown_variable(name),
            });
            continue;
        };
        match literal(key.kind, raw) {
            Ok(value) => {
                found.insert(key.path, value);
            }
            Err(message) => errors.push(ConfigError {
                key: key.path.to_owned(),
                place,
                message,
            }),
        }
    }
    found
}

/// Whether an unknown variable is a misspelt key. Others are somebody else's: Kubernetes sets `FLEETSHEET_PORT` and the like in
/// each container beside a Service of this name.
fn is_meant_for_us(name: &str) -> bool {
    let rest = &name[PREFIX.len()..];
    let squeezed = name.replace('_', "").to_uppercase();
    rest.contains("__")
        || KEYS.iter().any(|key| {
            let section = key.path.split('.').next().unwrap_or_default().to_uppercase();
            key.variable().replace('_', "") == squeezed
                || rest.to_uppercase().starts_with(&format!("{section}_"))
                // A key without a section leaves nothing else to know a misspelt one by.
                || !key.path.contains('.') && resembles(&rest.to_uppercase(), &section)
        })
}

/// Whether a word is another one mistyped: its letters in another order, or one of them missing, too many or wrong.
fn resembles(typed: &str, word: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let alike = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let start = alike(&mut typed.chars(), &mut word.chars());
    let end = alike(&mut typed.chars().rev(), &mut word.chars().rev());
    let (short, long) = (typed.len().min(word.len()), typed.len().max(word.len()));
    sorted(typed) == sorted(word) || long - short <= 1 && start + end + 1 >= long
}

/// Those of the variables that set a key.
#[must_use]
pub fn overriding(variables: &BTreeMap<String, String>) -> Vec<&str> {
    let names = variables.keys().map(String::as_str);
    names
        .filter(|name| KEYS.iter().any(|key| key.variable() == *name))
        .collect()
}

fn unknown_variable(name: &str) -> String {
    let near = |key: &&Key| {
        let (variable, name) = (key.variable().replace('_', ""), name.replace('_', "").to_uppercase());
        variable == name || !key.path.contains('.') && resembles(&name, &variable)
    };
    match KEYS.iter().find(near) {
        Some(key) => format!("sets no key; did you mean {}?", key.variable()),
        None => "sets no key; take the key's section and name in capitals, joined by two underscores, \
                 as in FLEETSHEET_LIMITS__BATCH_SIZE, or unset it"
            .to_owned(),
    }
}

/// Reads a value as it is written in the environment: text as it stands, all else as JSON or TOML.
pub(super) fn literal(kind: Kind, raw: &str) -> Result<Value, String> {
    let raw = raw.trim();
    if kind == Kind::Text {
        return Ok(Value::from(raw));
    }
    if let Ok(value) = serde_json::from_str::<Value>(raw) {
        return Ok(value);
    }
    // A line break would let one variable set several names.
    let line = raw.replace(['\n', '\r'], " ");
    match <Toml as Format>::from_str::<Dict>(&format!("value = {line}")) {
        Ok(mut dict) => dict.remove("value").ok_or_else(|| format!("must be {kind}")),
        Err(_) => Err(format!("must be {kind}")),
    }
}
