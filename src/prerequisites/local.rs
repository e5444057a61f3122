//! What is on this machine: configuration, environment, files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Item, Line};
use crate::config::{ConfigErrors, overriding};

/// Others' rights to a file.
const WORLD: u32 = 0o007;
/// The group's rights to a file.
const GROUP: u32 = 0o070;
/// The group's right to write a file.
const GROUP_WRITES: u32 = 0o020;

/// Variables that send requests elsewhere than to AWS.
const REDIRECTIONS: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_STS"];
/// Variables that name a proxy.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Who may do what with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The nine bits of `rwxrwxrwx`.
    pub mode: u32,
    /// Whether the file belongs to the user that this process runs as.
    pub own: bool,
}

/// Every mistake of a configuration, and that nothing else could be looked at.
#[must_use]
pub fn judge_config(errors: &ConfigErrors) -> Vec<Line> {
    let wrong = |error: &crate::config::ConfigError| {
        let place = match (error.key.as_str(), &error.place) {
            ("", Some(place)) => place.clone(),
            (key, Some(place)) => format!("{key} ({place})"),
            (key, None) => key.to_owned(),
        };
        Line::wrong(Item::Config, place, &*error.message)
    };
    let mut lines: Vec<Line> = errors.0.iter().map(wrong).collect();
    let rest = [
        Item::Logs,
        Item::State,
        Item::Credentials,
        Item::Token,
        Item::Spreadsheet,
        Item::Editor,
        Item::Tabs,
        Item::Columns,
        Item::Cells,
        Item::Protection,
        Item::Store,
        Item::Account,
        Item::DescribeInstances,
        Item::CreateTags,
        Item::Smtp,
    ];
    lines.extend(rest.map(|item| Line::not_checked(item, "", "the configuration has to be read first")));
    lines
}

/// What the environment changes that somebody may have forgotten. Values are not shown: some are secrets.
#[must_use]
pub fn judge_environment(set: &BTreeMap<String, String>, redirected_by_config: bool) -> Vec<Line> {
    let is_set = |name: &str| set.get(name).is_some_and(|value| !value.is_empty());
    let mut lines = Vec::new();
    for name in REDIRECTIONS.iter().filter(|name| !redirected_by_config && is_set(name)) {
        let message = "sends requests to AWS to another endpoint; unset it unless that is meant";
        lines.push(Line::note(Item::Environment, *name, message));
    }
    for name in PROXIES.iter().filter(|name| !redirected_by_config && is_set(name)) {
        let message = "requests to AWS go through this proxy, those to Google and to the mail server do not";
        lines.push(Line::note(Item::Environment, *name, message));
    }
    if is_set("RUST_LOG") {
        let message = "decides what is logged, so -v has no effect";
        lines.push(Line::note(Item::Environment, "RUST_LOG", message));
    }
    let overrides = overriding(set);
    if !overrides.is_empty() {
        let message = "these variables come before the file";
        lines.push(Line::note(Item::Environment, overrides.join(", "), message));
    }
    if lines.is_empty() {
        lines.push(Line::ok(
            Item::Environment,
            "",
            "no variable comes before the configuration",
        ));
    }
    lines
}

/// A file that holds a secret: it must be there, and nobody else may read it. `setting` is what names it.
#[must_use]
pub fn judge_permissions(setting: &str, path: &Path, found: &io::Result<Permissions>) -> Line {
    let place = path.display().to_string();
    let Permissions { mode, own } = match found {
        Ok(found) => *found,
        Err(error) => {
            let message = format!("{setting} names a file that cannot be looked at: {error}");
            return Line::wrong(Item::Credentials, place, message).fix("put the file there, for this user to read");
        }
    };
    let others = mode & WORLD != 0;
    // A file of somebody else that this user reads through its group, as Kubernetes mounts secrets, cannot be stricter.
    let group = if own { GROUP } else { GROUP_WRITES };
    if others || mode & group != 0 {
        let who = if others {
            "everybody on this machine"
        } else {
            "its group"
        };
        let message = format!("{setting}: the file is open to {who} (mode {mode:04o})");
        let fix = if own {
            format!("chmod 600 {place}")
        } else {
            format!("chmod 440 {place}, or give it to this user and chmod 600 it")
        };
        return Line::wrong(Item::Credentials, place, message).fix(fix);
    }
    Line::ok(
        Item::Credentials,
        place,
        format!("{setting}: only for this user (mode {mode:04o})"),
    )
}

/// A directory for log files.
#[must_use]
pub fn judge_directory(path: &Path, found: &io::Result<()>) -> Line {
    let place = path.display().to_string();
    match found {
        Ok(()) => Line::ok(Item::Logs, place, "log.dir takes files"),
        Err(error) => Line::wrong(Item::Logs, place, format!("log.dir takes no files: {error}"))
            .fix("name a directory that this user may write to, or \"\" for no files"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prerequisites::Verdict;

    #[test]
    fn a_secret_is_for_its_user_alone() {
        let verdict = |mode, own| judge_permissions("x", Path::new("/key"), &Ok(Permissions { mode, own })).verdict;
        for (mode, own) in [
            (0o600, true),
            (0o400, true),
            (0o700, true),
            (0o440, false),
            (0o600, false),
        ] {
            assert_eq!(verdict(mode, own), Verdict::Ok, "{mode:o} {own}");
        }
        for (mode, own) in [
            (0o644, true),
            (0o640, true),
            (0o604, true),
            (0o602, true),
            (0o660, false),
            (0o444, false),
        ] {
            assert_eq!(verdict(mode, own), Verdict::Wrong, "{mode:o} {own}");
        }
    }

    #[test]
    fn the_environment_is_named_and_its_values_are_not_shown() {
        let set = [
            ("AWS_ENDPOINT_URL", "http://user:secret@x"),
            ("FLEETSHEET_EMAIL__SMTP_URL", "smtps://u:secret@h"),
            ("FLEETSHEET_CONFIG", "/x"),
            ("HTTPS_PROXY", ""),
            ("RUST_LOG", "info"),
        ];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let lines = judge_environment(&set, false);
        let places: Vec<&str> = lines.iter().map(|line| &*line.place).collect();
        assert_eq!(places, ["AWS_ENDPOINT_URL", "RUST_LOG", "FLEETSHEET_EMAIL__SMTP_URL"]);
        assert!(!format!("{lines:?}").contains("secret"), "{lines:?}");
        assert_eq!(judge_environment(&set, true).len(), 2);
    }
}
