//! Sections of a file, written again on one line each, for a file that somebody else's program makes of it.

use figment::providers::{Format, Toml};
use figment::value::{Dict, Num, Value};

/// The top-level keys of these names as they stand in a text, which is TOML. What is not there is left out.
pub(super) fn inline(text: &str, names: &[&str]) -> String {
    let dict = <Toml as Format>::from_str::<Dict>(text).unwrap_or_default();
    let lines = names
        .iter()
        .filter_map(|name| Some(format!("{name} = {}\n", written(dict.get(*name)?))));
    lines.collect()
}

/// A string as TOML writes it, which for this purpose is as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn written(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::String(_, text) => quoted(text),
        Value::Char(_, letter) => quoted(&letter.to_string()),
        Value::Bool(_, is) => is.to_string(),
        Value::Num(_, number) => number_of(*number),
        Value::Empty(..) => quoted(""),
        Value::Array(_, values) => format!("[{}]", list(values.iter().map(written).collect())),
        Value::Dict(_, dict) => {
            let fields = dict
                .iter()
                .map(|(key, value)| format!("{} = {}", quoted(key), written(value)));
            format!("{{ {} }}", list(fields.collect()))
        }
    }
}

fn number_of(number: Num) -> String {
    match (number.to_f64(), number.to_i128(), number.to_u128()) {
        // A whole number with a point is a fraction to TOML, and stays one.
        (Some(fraction), ..) => format!("{fraction:?}"),
        (None, Some(whole), _) => whole.to_string(),
        (None, None, whole) => whole.unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_what_stood_there() {
        let text = "mode = 'observe'\n[limits]\nbatch_size = 2\n[[gate]]\nname = 'a \"b\"'\nmax = 2.0\nratio = 1.5\n\
                    [[strategy]]\nwaves = ['5%', { to = '100%', manual = true }]\n";
        let again = inline(text, &["gate", "strategy", "limits", "window"]);
        let read = |text: &str| <Toml as Format>::from_str::<serde_json::Value>(text).unwrap();
        let (before, after) = (read(text), read(&again));
        for name in ["gate", "strategy", "limits"] {
            assert_eq!(before[name], after[name], "{again}");
        }
        assert!(after.get("mode").is_none() && after.get("window").is_none(), "{again}");
    }
}
