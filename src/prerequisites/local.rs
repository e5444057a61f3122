//! The machine: configuration, environment, files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Finding, Item};
use crate::adapters::files::Permissions;
use crate::config::{ConfigError, ConfigErrors, overriding};

/// Others' rights to a file.
const WORLD: u32 = 0o007;
/// The group's rights to a file.
const GROUP: u32 = 0o070;
/// The group's right to write a file.
const GROUP_WRITES: u32 = 0o020;

/// Variables that send requests elsewhere than to AWS.
const REDIRECTIONS: [&str; 4] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CLOUDWATCH",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_STS",
];
/// Variables that name a proxy.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Every mistake of a configuration, and that nothing else could be checked.
#[must_use]
pub fn judge_config(errors: &ConfigErrors) -> Vec<Finding> {
    let wrong = |error: &ConfigError| {
        let place = match (error.key.as_str(), &error.place) {
            ("", Some(place)) => place.clone(),
            (key, Some(place)) => format!("{key} ({place})"),
            (key, None) => key.to_owned(),
        };
        Finding::wrong(Item::Config, place, &*error.message)
    };
    let mut findings: Vec<Finding> = errors.0.iter().map(wrong).collect();
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
        Item::Gate,
        Item::Window,
        Item::Order,
        Item::Smtp,
    ];
    findings.extend(rest.map(|item| Finding::not_checked(item, "", "the configuration has to be read first")));
    findings
}

/// Variables that change something and may have been forgotten. Values are not shown: some are secrets.
#[must_use]
pub fn judge_environment(set: &BTreeMap<String, String>, redirected_by_config: bool) -> Vec<Finding> {
    let is_set = |name: &str| set.get(name).is_some_and(|value| !value.is_empty());
    let mut findings = Vec::new();
    for name in REDIRECTIONS.iter().filter(|name| !redirected_by_config && is_set(name)) {
        let message = "sends requests for AWS to another endpoint; unset it unless you want that";
        findings.push(Finding::note(Item::Environment, *name, message));
    }
    // The first that is set counts.
    if let Some(name) = PROXIES.iter().find(|name| !redirected_by_config && is_set(name)) {
        let message =
            "requests to Google, AWS and Prometheus go through this proxy (NO_PROXY names exceptions), mail does not";
        findings.push(Finding::note(Item::Environment, *name, message));
    }
    if is_set("RUST_LOG") {
        let message = "decides what is logged, so -v has no effect";
        findings.push(Finding::note(Item::Environment, "RUST_LOG", message));
    }
    let overrides = overriding(set);
    if !overrides.is_empty() {
        let message = "these variables override the file";
        findings.push(Finding::note(Item::Environment, overrides.join(", "), message));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            Item::Environment,
            "",
            "no variable overrides the configuration",
        ));
    }
    findings
}

/// A file that holds a secret: it must be there, and nobody else may read it. `setting` is what names it.
#[must_use]
pub fn judge_permissions(setting: &str, path: &Path, found: &io::Result<Permissions>) -> Finding {
    let place = path.display().to_string();
    let Permissions { mode, own, directory } = match found {
        Ok(found) => *found,
        Err(error) => {
            let message = format!("{setting} names a file that cannot be checked: {error}");
            return Finding::wrong(Item::Credentials, place, message).fix("put the file there, for this user to read");
        }
    };
    if directory {
        let message = format!("{setting} names a directory");
        return Finding::wrong(Item::Credentials, place, message).fix("name the file in it");
    }
    let others = mode & WORLD != 0;
    // A file that belongs to somebody else and is read through its group, as Kubernetes mounts secrets, cannot be stricter.
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
        return Finding::wrong(Item::Credentials, place, message).fix(fix);
    }
    Finding::ok(
        Item::Credentials,
        place,
        format!("{setting}: only this user can read it (mode {mode:04o})"),
    )
}

/// A directory for log files.
#[must_use]
pub fn judge_directory(path: &Path, found: &io::Result<()>) -> Finding {
    let place = path.display().to_string();
    match found {
        Ok(()) => Finding::ok(Item::Logs, place, "log files can be made there"),
        Err(error) => Finding::wrong(Item::Logs, place, format!("log files cannot be made there: {error}"))
            .fix("name a directory that this user may write to, or \"\" for no files"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prerequisites::Verdict;

    #[test]
    fn a_secret_is_for_its_user_alone() {
        let verdict = |mode, own| {
            judge_permissions(
                "x",
                Path::new("/key"),
                &Ok(Permissions {
                    mode,
                    own,
                    directory: false,
                }),
            )
            .verdict
        };
        let directory = Permissions {
            mode: 0o777,
            own: true,
            directory: true,
        };
        let words = judge_permissions("x", Path::new("/tmp"), &Ok(directory)).words();
        assert_eq!(words, "x names a directory; name the file in it");
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
        let findings = judge_environment(&set, false);
        let places: Vec<&str> = findings.iter().map(|finding| &*finding.place).collect();
        assert_eq!(places, ["AWS_ENDPOINT_URL", "RUST_LOG", "FLEETSHEET_EMAIL__SMTP_URL"]);
        assert!(!format!("{findings:?}").contains("secret"), "{findings:?}");
        assert_eq!(judge_environment(&set, true).len(), 2);
    }
}
