//! Every key of the configuration, once: its path, the shape of its value and its default.
//! The file, the environment and the documentation are all held against this list.

use std::fmt;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text. From the environment it is taken as it stands, so `123` stays text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// A list of texts.
    List,
    /// A table from names to something.
    Table,
    /// A list of tables.
    Tables,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text in quotes",
            Self::Flag => "true or false",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::List => r#"a list of texts, such as ["one", "two"]"#,
            Self::Table => r#"a table, such as { name = "value" }"#,
            Self::Tables => r#"a list of tables, such as [{ name = "value" }]"#,
        })
    }
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Sections and name, joined by dots.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// Written as it would be in the environment.
    pub(super) default: Option<&'static str>,
}

impl Key {
    /// The variable that overrides it.
    pub(super) fn variable(&self) -> String {
        variable(self.path)
    }
}

/// The prefix of our environment variables.
pub(super) const PREFIX: &str = "FLEETSHEET_";

/// The variable that overrides the key at `path`.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// The key at `path`, if there is one.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The names directly under a section (`""`: the top level), each once, in order.
pub(super) fn names_in(section: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        let rest = if section.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(name) = rest.and_then(|rest| rest.split('.').next())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

const fn set(path: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        path,
        kind,
        default: Some(default),
    }
}

const fn unset(path: &'static str, kind: Kind) -> Key {
    Key {
        path,
        kind,
        default: None,
    }
}

/// The list, in the order of the documentation.
pub(super) const KEYS: &[Key] = &[
    set("mode", Kind::Text, "enforce"),
    set("schedule.cron", Kind::Text, "0 */5 * * * *"),
    set("schedule.run_at_start", Kind::Flag, "true"),
    set("schedule.pass_timeout", Kind::Text, "10m"),
    set("schedule.shutdown_grace", Kind::Text, "30s"),
    set("schedule.rollout_every", Kind::Text, "1m"),
    unset("sheets.spreadsheet_id", Kind::Text),
    unset("sheets.credentials_file", Kind::Text),
    set("sheets.server_tab", Kind::Text, "ServerTagAssignment"),
    set("sheets.release_tab", Kind::Text, "ReleaseSheet"),
    set("sheets.audit_tab", Kind::Text, "AuditLog"),
    unset("sheets.endpoint", Kind::Text),
    unset("aws.endpoint_url", Kind::Text),
    unset("aws.account", Kind::Tables),
    set("tags.channel", Kind::Text, "ReleaseChannel"),
    set("tags.version", Kind::Text, "ReleaseVersion"),
    set("tags.managed", Kind::List, r#"["Owner"]"#),
    set("agent.running", Kind::Text, "ReleaseRunning"),
    set("agent.agent", Kind::Text, "ReleaseAgent"),
    set("agent.silent_after", Kind::Text, "13h"),
    set("authority.tags", Kind::Table, "{}"),
    set("limits.batch_size", Kind::Whole, "500"),
    set("limits.concurrency", Kind::Whole, "8"),
    set("limits.create_tags_per_second", Kind::Whole, "8"),
    set("limits.create_tags_burst", Kind::Whole, "50"),
    set("limits.describe_per_second", Kind::Whole, "15"),
    set("limits.sheets_per_minute", Kind::Whole, "50"),
    set("limits.request_timeout", Kind::Text, "30s"),
    set("belts.max_row_drop", Kind::Number, "0.3"),
    set("belts.max_fleet_drop", Kind::Number, "0.3"),
    set("belts.max_unapproved_change", Kind::Number, "0.1"),
    set("discovery.rows", Kind::Text, "all"),
    unset("prometheus.url", Kind::Text),
    set("prometheus.allow_http", Kind::Flag, "false"),
    unset("prometheus.token_file", Kind::Text),
    unset("prometheus.user", Kind::Text),
    unset("prometheus.password_file", Kind::Text),
    unset("prometheus.ca_file", Kind::Text),
    set("prometheus.timeout", Kind::Text, "10s"),
    set("strategy", Kind::Tables, "[]"),
    set("gate", Kind::Tables, "[]"),
    set("window", Kind::Tables, "[]"),
    set("freeze", Kind::Tables, "[]"),
    set("dual_key.require_protection", Kind::Flag, "true"),
    set("dual_key.a_editors", Kind::List, "[]"),
    set("dual_key.b_editors", Kind::List, "[]"),
    set("dual_key.owners", Kind::List, "[]"),
    unset("email.smtp_url", Kind::Text),
    unset("email.smtp_password_file", Kind::Text),
    unset("email.hello_name", Kind::Text),
    unset("email.from", Kind::Text),
    set("email.to", Kind::List, "[]"),
    set("email.routes", Kind::Table, "{}"),
    set("email.repeat_after", Kind::Text, "24h"),
    set("email.failure_threshold", Kind::Whole, "2"),
    set("state.url", Kind::Text, "sqlite:state/fleetsheet.db"),
    unset("state.password", Kind::Text),
    unset("state.password_file", Kind::Text),
    set("state.schema", Kind::Text, "fleetsheet"),
    set("state.history_keep", Kind::Text, "400d"),
    set("replicas.lease", Kind::Text, "60s"),
    set("replicas.standby_after", Kind::Text, "10s"),
    unset("replicas.name", Kind::Text),
    set("log.dir", Kind::Text, "logs"),
    set("log.format", Kind::Text, "text"),
    set("log.keep_days", Kind::Whole, "14"),
    set("http.listen", Kind::Text, "127.0.0.1:9464"),
    set("sandbox.servers", Kind::Whole, "1600"),
    set("sandbox.seed", Kind::Whole, "7"),
    set("sandbox.latency", Kind::Text, "0ms"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_path_in_capitals() {
        assert_eq!(variable("sheets.spreadsheet_id"), "FLEETSHEET_SHEETS__SPREADSHEET_ID");
        assert_eq!(find("mode").map(Key::variable).as_deref(), Some("FLEETSHEET_MODE"));
    }

    #[test]
    fn no_key_stands_twice_and_none_is_the_section_of_another() {
        for (i, key) in KEYS.iter().enumerate() {
            for other in &KEYS[i + 1..] {
                assert_ne!(key.path, other.path);
                assert!(!other.path.starts_with(&format!("{}.", key.path)));
            }
        }
    }

    #[test]
    fn sections_know_their_names() {
        assert_eq!(names_in("aws"), ["endpoint_url", "account"]);
        assert!(names_in("").contains(&"belts"));
        assert!(names_in("aw").is_empty());
    }
}
