//! Where values come from: the environment before the file before the defaults. Finds keys that nobody knows.
//! Messages made here never repeat a line of the file, which may hold a password in the wrong place.

use std::collections::BTreeMap;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use super::error::ConfigError;
use super::keys::{self, KEYS};
use super::variables::{literal, read_variables};

/// Which layer a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Environment,
    File,
    Default,
}

/// The layers of one configuration.
#[derive(Debug)]
pub(super) struct Sources {
    /// What to call the file in messages.
    file_name: String,
    file: Value,
    /// By path.
    environment: BTreeMap<&'static str, Value>,
}

impl Sources {
    /// Reads the file's text and the variables, reporting everything that is not a known key or cannot be read.
    pub(super) fn new(
        file_name: &str,
        text: &str,
        variables: &BTreeMap<String, String>,
        errors: &mut Vec<ConfigError>,
    ) -> Self {
        let dict = match <Toml as Format>::from_str::<Dict>(text) {
            Ok(dict) => dict,
            Err(error) => {
                let line = error
                    .span()
                    .map(|span| text[..span.start.min(text.len())].matches('\n').count());
                let fix = toml_fix(
                    line.and_then(|line| text.lines().nth(line)).unwrap_or_default(),
                    error.message(),
                );
                errors.push(not_toml(file_name, line, error.message(), fix));
                Dict::new()
            }
        };
        let file = Value::from(dict);
        refuse_unknown("", &file, file_name, errors);
        let environment = read_variables(variables, errors);
        Self {
            file_name: file_name.to_owned(),
            file,
            environment,
        }
    }

    /// The value of a key and where it came from; `None` when it is set nowhere and has no default.
    pub(super) fn find(&self, path: &str) -> (Option<Value>, Origin) {
        if let Some(value) = self.environment.get(path) {
            return (Some(value.clone()), Origin::Environment);
        }
        if let Some(value) = self.file.find_ref(path) {
            return (Some(value.clone()), Origin::File);
        }
        let default = keys::find(path).and_then(|key| literal(key.kind, key.default?).ok());
        (default, Origin::Default)
    }

    /// Whether the file or the environment says anything about a section.
    pub(super) fn mentions(&self, section: &str) -> bool {
        let dot = format!("{section}.");
        self.file.find_ref(section).is_some() || self.environment.keys().any(|path| path.starts_with(&dot))
    }

    /// Where a key was set, in words; for a key that is set nowhere, nothing.
    pub(super) fn place(&self, path: &str) -> Option<String> {
        match self.find(path) {
            (Some(_), Origin::Environment) => Some(format!("environment variable {}", keys::variable(path))),
            (Some(_), Origin::File) => Some(self.file_name.clone()),
            _ => None,
        }
    }

    /// What to call the file.
    pub(super) fn file_name(&self) -> &str {
        &self.file_name
    }
}

fn not_toml(file_name: &str, line: Option<usize>, message: &str, fix: &str) -> ConfigError {
    let line = line.map(|line| format!(" in line {}", line + 1)).unwrap_or_default();
    // Some of the parser's messages end in a list on lines of its own.
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    ConfigError {
        key: String::new(),
        place: Some(file_name.to_owned()),
        message: format!("is not TOML{line}: {message}; {fix}"),
    }
}

/// What to do about a mistake that the parser found in this line.
fn toml_fix(line: &str, message: &str) -> &'static str {
    let value = line.split_once('=').map(|(_, value)| value.trim());
    if message.contains("duplicate key") {
        "keep one of the two"
    } else if value == Some("") {
        "write a value after the equals sign, or take the line out"
    } else if value.is_some() && message.contains("string") {
        "put text in quotes, a list in [ ]"
    } else {
        "correct this line: each is name = value, [section] or # comment"
    }
}

/// Reports names that are not keys, and values where a section belongs.
fn refuse_unknown(section: &str, value: &Value, file_name: &str, errors: &mut Vec<ConfigError>) {
    let error = |key: &str, message| ConfigError {
        key: key.to_owned(),
        place: Some(file_name.to_owned()),
        message,
    };
    let Some(dict) = value.as_dict() else {
        let message = format!("is a section; write [{section}] on a line of its own, its keys below");
        errors.push(error(section, message));
        return;
    };
    let known = keys::names_in(section);
    for (name, value) in dict {
        let path = if section.is_empty() {
            name.clone()
        } else {
            format!("{section}.{name}")
        };
        if name.contains('.') || !known.contains(&name.as_str()) {
            errors.push(error(&path, unknown(section, name, &known)));
        } else if keys::find(&path).is_none() {
            refuse_unknown(&path, value, file_name, errors);
        }
    }
}

/// The message for a name that is not a key here: where it belongs, or which keys there are.
pub(super) fn unknown(section: &str, name: &str, known: &[&str]) -> String {
    let tail = format!(".{name}");
    if let Some(key) = KEYS.iter().find(|key| key.path.ends_with(&tail)) {
        let home = &key.path[..key.path.len() - tail.len()];
        return format!("is not a key here; it belongs under [{home}]");
    }
    if !section.is_empty() && keys::find(name).is_some() {
        return "is not a key here; write it above the first [section]".to_owned();
    }
    if section == "aws" && ["name", "role_arn", "external_id", "regions"].contains(&name) {
        return "is not a key here; it belongs under [[aws.account]]".to_owned();
    }
    let at = if section.is_empty() {
        "the top level".to_owned()
    } else {
        format!("[{section}]")
    };
    format!("is not a key; {at} knows {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::Kind;

    fn sources(text: &str, variables: &[(&str, &str)]) -> (Sources, Vec<String>) {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let mut errors = Vec::new();
        let sources = Sources::new("test.toml", text, &variables, &mut errors);
        (sources, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_environment_comes_before_the_file_before_the_default() {
        let (sources, errors) = sources(
            "limits.batch_size = 2\nmode = 'observe'",
            &[("FLEETSHEET_MODE", "enforce")],
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(sources.find("mode").1, Origin::Environment);
        assert_eq!(sources.find("limits.batch_size").1, Origin::File);
        assert_eq!(sources.find("limits.concurrency").1, Origin::Default);
        assert!(sources.mentions("limits") && !sources.mentions("email"));
    }

    #[test]
    fn every_default_can_be_read() {
        for key in KEYS {
            assert!(key.default.is_none_or(|raw| literal(key.kind, raw).is_ok()), "{key:?}");
        }
    }

    #[test]
    fn lists_are_json_or_toml() {
        assert!(literal(Kind::Tables, r#"[{"name": "a", "regions": []}]"#).is_ok());
        assert!(literal(Kind::Tables, "[{ name = 'a', regions = [] }]").is_ok());
        assert!(literal(Kind::List, "[\n'a',\n'b'\n]").is_ok());
        assert!(literal(Kind::List, "['a']\nother = 1").is_err());
    }

    #[test]
    fn a_broken_file_is_reported_with_its_line_and_without_its_text() {
        let (_, errors) = sources("mode = 'enforce'\nsmtp_url = smtp://u:secret@host\n", &[]);
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].contains("test.toml") && errors[0].contains("line 2"),
            "{errors:?}"
        );
        assert!(!errors[0].contains("secret"), "{errors:?}");
    }

    #[test]
    fn unknown_names_are_reported_all_at_once() {
        let text = "colour = 1\nbatch_size = 3\nhttp = 2\n'limits.batch_size' = 5\n[limits]\nsize = 4\n";
        let (_, errors) = sources(
            text,
            &[
                ("FLEETSHEET_LIMITS_BATCH_SIZE", "1"),
                ("FLEETSHEET_MOED", "observe"),
                ("FLEETSHEET_NO__PE", "1"),
            ],
        );
        let all = errors.join("\n");
        assert_eq!(errors.len(), 8, "{all}");
        for part in [
            "colour (test.toml): is not a key; the top level knows mode",
            "it belongs under [limits]",
            "write [http] on a line of its own",
            "limits.size (test.toml): is not a key; [limits] knows batch_size, concurrency",
            "did you mean FLEETSHEET_LIMITS__BATCH_SIZE?",
            "FLEETSHEET_NO__PE (environment variable FLEETSHEET_NO__PE): sets no key",
            "did you mean FLEETSHEET_MODE?",
        ] {
            assert!(all.contains(part), "{part} not in\n{all}");
        }
    }

    #[test]
    fn variables_that_name_no_section_are_somebody_elses() {
        let (_, errors) = sources(
            "",
            &[
                ("FLEETSHEET_PORT_9464_TCP", "tcp://10.0.0.1:9464"),
                ("FLEETSHEET_NODE_NAME", "n1"),
                ("FLEETSHEET_HOME", "/srv"),
                ("FLEETSHEET_CONFIG", "x"),
            ],
        );
        assert!(errors.is_empty(), "{errors:?}");
    }
}
