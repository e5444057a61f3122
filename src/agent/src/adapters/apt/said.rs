//! What apt says: what a transaction would do, what it takes, why it failed.

use std::collections::{BTreeMap, BTreeSet};

use crate::adapters::exec::Ended;

/// What a transaction would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// What is installed, with the version.
    pub install: BTreeMap<String, String>,
    /// What goes.
    pub remove: BTreeSet<String>,
}

/// What apt says that a transaction takes: `After this operation, 76.3 MB of additional disk space will be used.`
pub(super) fn bytes(text: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("After this operation, "));
    let Some(line) = line.filter(|line| line.contains("additional")) else {
        return 0;
    };
    let mut words = line.split_whitespace();
    let number = words.next().unwrap_or_default().replace(',', "");
    let (whole, part) = number.split_once('.').unwrap_or((&number, "0"));
    let unit = match words.next() {
        Some("kB") => 1_000,
        Some("MB") => 1_000_000,
        Some("GB") => 1_000_000_000,
        _ => 1,
    };
    let tenth = part.get(..1).and_then(|part| part.parse::<u64>().ok()).unwrap_or(0);
    whole.parse::<u64>().unwrap_or(0) * unit + tenth * unit / 10
}

/// Reads the lines of `apt-get -s`.
#[must_use]
pub fn parse(text: &str) -> Resolved {
    let mut resolved = Resolved::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Inst"), Some(name)) => {
                let version = line
                    .split_once('(')
                    .and_then(|(_, rest)| rest.split_whitespace().next());
                resolved
                    .install
                    .insert(name.to_owned(), version.unwrap_or_default().to_owned());
            }
            (Some("Remv" | "Purg"), Some(name)) => {
                resolved.remove.insert(name.to_owned());
            }
            _ => {}
        }
    }
    resolved
}

/// Why a call failed, in our words; apt's own as text of others.
pub(super) fn why(ended: &Ended) -> String {
    let said = ended
        .complaint
        .lines()
        .find(|line| line.starts_with("E: "))
        .unwrap_or_default();
    if said.is_empty() {
        return format!("apt {}", ended.why());
    }
    format!("apt {}", crate::problem::quoted(said.trim_start_matches("E: ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_do_is_read() {
        let text = "NOTE: only a simulation\nInst nginx-common [1.21-1] (1.22.1-9 Debian:12/stable [all])\nRemv lighttpd [1.4]\n\
                    Inst nginx (1.22.1-9 Debian:12/stable [amd64])\nConf nginx (1.22.1-9 Debian:12/stable [amd64])\n";
        let resolved = parse(text);
        assert_eq!(resolved.install.len(), 2);
        assert_eq!(resolved.install["nginx-common"], "1.22.1-9");
        assert!(resolved.remove.contains("lighttpd"));
        let takes = |text: &str| {
            bytes(&format!(
                "Need to get 0 B/17.3 MB of archives.\nAfter this operation, {text}\n"
            ))
        };
        assert_eq!(takes("76.3 MB of additional disk space will be used."), 76_300_000);
        assert_eq!(takes("1,024 B of additional disk space will be used."), 1024);
        assert_eq!(takes("8 MB disk space will be freed."), 0);
    }
}
