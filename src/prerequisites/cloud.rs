//! What an account's region permits. A dry run names a server, and a policy may depend on that server's tags: so the server
//! is one of the sheet's, if there is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Finding, Item};
use crate::fleet::{CloudError, Server, Source};
use crate::plan::Policy;
use crate::sheet::parse::Sheet;
use crate::tag::{ServerId, TagKey, TagSet};

/// Stands for the value of a tag that the server does not carry. Nothing is written: the call is a dry run.
const PLACEHOLDER: &str = "fleetsheet-check";

/// A region with some of its servers; `None` where they could not be listed.
pub type Sample = (Source, Option<BTreeMap<ServerId, Server>>);

/// A server to ask about, and the tags that a pass may put on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The server.
    pub id: ServerId,
    /// Every tag that fleetsheet manages, with the value that the server carries.
    pub tags: TagSet,
    /// Whether it is one of the sheet's.
    pub ours: bool,
}

/// Picks a server to ask about among some of a region: one of the sheet's, else one that the sheet says is there, else one
/// with a channel, else any.
#[must_use]
pub fn candidate(
    source: &Source,
    servers: &BTreeMap<ServerId, Server>,
    sheet: Option<&Sheet>,
    policy: &Policy,
    managed: &[TagKey],
) -> Option<Candidate> {
    let live = || servers.iter().filter(|(_, server)| server.state.is_live());
    let rows = || sheet.iter().flat_map(|sheet| &sheet.display.servers.rows);
    let in_sheet = |id: &ServerId, server: &Server| {
        let channel = server.tag(&policy.channel_tag);
        let served = |channel: &Arc<str>| {
            sheet.is_some_and(|sheet| {
                let mut rows = sheet.intent.channels.iter();
                rows.any(|row| row.channel.as_str() == &**channel)
            })
        };
        channel.is_some_and(served) || rows().any(|row| row.id == *id)
    };
    let tags = |server: Option<&Server>| {
        let roles = policy.rollouts.colours().map(|colours| &colours.role_tag);
        let keys = [&policy.channel_tag, &policy.version_tag]
            .into_iter()
            .chain(managed)
            .chain(roles);
        let value = |key: &TagKey| server.and_then(|server| server.tag(key)).cloned();
        keys.map(|key| (key.clone(), value(key).unwrap_or_else(|| PLACEHOLDER.into())))
            .collect()
    };
    let of = |(id, server): (&ServerId, &Server), ours| Candidate {
        id: id.clone(),
        tags: tags(Some(server)),
        ours,
    };
    if let Some(found) = live().find(|(id, server)| in_sheet(id, server)) {
        return Some(of(found, true));
    }
    let said_to_be_here = rows().find(|row| {
        let shows = |header: &str| row.service.get(header).map_or("", |text| text);
        shows("account") == &*source.account
            && shows("region") == &*source.region
            && !["", "terminated", "shutting-down"].contains(&shows("state"))
    });
    if let Some(row) = said_to_be_here {
        return Some(Candidate {
            id: row.id.clone(),
            tags: tags(None),
            ours: true,
        });
    }
    let marked = live().find(|(_, server)| server.tag(&policy.channel_tag).is_some());
    marked.or_else(|| live().next()).map(|found| of(found, false))
}

/// The result of listing a region.
#[must_use]
pub fn judge_listing(source: &Source, found: &Result<BTreeMap<ServerId, Server>, CloudError>) -> Finding {
    let place = source.to_string();
    match found {
        Err(error) => Finding::wrong(Item::DescribeInstances, place, error.message.clone()),
        Ok(servers) if servers.is_empty() => Finding::note(
            Item::DescribeInstances,
            place,
            "allowed, but there is no server; check that it is the right account and region",
        ),
        Ok(_) => Finding::ok(Item::DescribeInstances, place, "allowed"),
    }
}

/// Regions that show the same server: two accounts of the configuration are one. `samples` are some servers of each.
#[must_use]
pub fn judge_overlaps(samples: &[Sample]) -> Vec<Finding> {
    let mut first: BTreeMap<&ServerId, &Source> = BTreeMap::new();
    let mut pairs: BTreeMap<(&Source, &Source), &ServerId> = BTreeMap::new();
    for (source, servers) in samples {
        for id in servers.iter().flat_map(BTreeMap::keys) {
            match first.get(id) {
                Some(other) => {
                    pairs.entry((other, source)).or_insert(id);
                }
                None => {
                    first.insert(id, source);
                }
            }
        }
    }
    let finding = |((one, other), id): (&(&Source, &Source), &&ServerId)| {
        let message = format!("shows {id}, which {one} shows too: both may be one account; keep one of the two");
        Finding::note(Item::Account, other.to_string(), message)
    };
    pairs.iter().map(finding).collect()
}

/// The result of the dry run of a tagging call.
#[must_use]
pub fn judge_create_tags(source: &Source, asked: &Candidate, found: &Result<(), CloudError>, observe: bool) -> Finding {
    let place = source.to_string();
    let keys: Vec<&str> = asked.tags.keys().map(TagKey::as_str).collect();
    let (id, keys) = (&asked.id, keys.join(", "));
    let other = if asked.ours {
        ""
    } else {
        ", which is not listed in the sheet (only the first page was checked)"
    };
    let other = format!("{other}; other servers were not tried");
    match found {
        Ok(()) => {
            let message = format!("allowed for {keys} (a dry run for {id}{other})");
            Finding::ok(Item::CreateTags, place, message)
        }
        Err(error) => {
            let message = format!("{} (a dry run for {id} with {keys}{other})", error.message);
            let fix = "config/deploy/iam-policy.json is a policy that is sufficient";
            if observe {
                let message = format!("{message}; with mode = \"observe\" no tag is written, but it will be needed");
                Finding::note(Item::CreateTags, place, message).fix(fix)
            } else {
                Finding::wrong(Item::CreateTags, place, message).fix(fix)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::State;
    use crate::prerequisites::Verdict;
    use crate::sheet::display::ShownServer;
    use crate::sheet::intent::{Key, Origin, ReleaseRow, Tick};

    fn source(account: &str) -> Source {
        Source {
            account: account.into(),
            region: "eu-west-1".into(),
        }
    }

    fn server(state: State, tags: &[(&str, &str)]) -> Server {
        Server {
            source: source("main"),
            state,
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            metadata_tags: false,
            spot: false,
            zone: None,
        }
    }

    fn sheet() -> Sheet {
        let mut sheet = Sheet::default();
        sheet.intent.channels.push(ReleaseRow {
            origin: Origin::default(),
            channel: "web".into(),
            key_a: Key::Empty,
            key_b: Key::Empty,
            enabled: Tick::Off,
            rollback: Tick::Off,
            advance: None,
            errors: Vec::new(),
        });
        let shown = [("account", "main"), ("region", "eu-west-1"), ("state", "running")];
        sheet.display.servers.rows.push(ShownServer {
            row: 2,
            id: "i-far".into(),
            service: shown.map(|(header, text)| (header.into(), text.into())).into(),
        });
        sheet
    }

    fn policy() -> Policy {
        Policy {
            rows: crate::plan::Rows::All,
            spreadsheet: "x".into(),
            channel_tag: "C".into(),
            version_tag: "V".into(),
            agents: crate::running::AgentTags::default(),
            observe: false,
            require_protection: true,
            max_row_drop: 1.0,
            max_fleet_drop: 1.0,
            max_unapproved_change: 1.0,
            allow: [].into(),
            takeover: false,
            rollouts: std::sync::Arc::default(),
            allow_window: false,
            by: String::new(),
        }
    }

    #[test]
    fn a_server_of_the_sheet_is_asked_about_before_others() {
        let asked = |servers: &[(&str, Server)], sheet: Option<&Sheet>| {
            let servers = servers
                .iter()
                .map(|(id, server)| ((*id).into(), server.clone()))
                .collect();
            let found = candidate(&source("main"), &servers, sheet, &policy(), &["Owner".into()]);
            found.map(|found| (found.id.to_string(), found.ours))
        };
        let dead = ("i-0", server(State::Terminated, &[("C", "web")]));
        let bare = ("i-1", server(State::Running, &[]));
        let other = ("i-2", server(State::Running, &[("C", "db")]));
        let ours = ("i-3", server(State::Stopped, &[("C", "web")]));
        let all = [dead.clone(), bare.clone(), other.clone(), ours];
        let sheet = sheet();
        assert_eq!(asked(&all, Some(&sheet)), Some(("i-3".into(), true)));
        assert_eq!(asked(&all[..3], Some(&sheet)), Some(("i-far".into(), true)));
        assert_eq!(
            asked(&[bare.clone(), ("i-far", bare.1.clone())], Some(&sheet)),
            Some(("i-far".into(), true))
        );
        assert_eq!(asked(&all[..3], None), Some(("i-2".into(), false)));
        assert_eq!(asked(&all[..2], None), Some(("i-1".into(), false)));
        assert_eq!(asked(&all[..1], None), None);
    }

    #[test]
    fn all_managed_tags_are_asked_for_with_the_values_that_are_there() {
        let servers = [("i-1".into(), server(State::Running, &[("C", "web"), ("Other", "x")]))].into();
        let found = candidate(&source("main"), &servers, None, &policy(), &["Owner".into()]).unwrap();
        let tags: Vec<_> = found.tags.iter().map(|(key, value)| (key.as_str(), &**value)).collect();
        assert_eq!(tags, [("C", "web"), ("Owner", PLACEHOLDER), ("V", PLACEHOLDER)]);
    }

    #[test]
    fn one_account_under_two_names_is_noticed() {
        let servers = || Some([("i-1".into(), server(State::Running, &[]))].into());
        let samples = [(source("a"), servers()), (source("b"), servers()), (source("c"), None)];
        let findings = judge_overlaps(&samples);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (&*findings[0].place, findings[0].verdict),
            ("b/eu-west-1", Verdict::Note)
        );
        assert!(findings[0].message.contains("a/eu-west-1"), "{findings:?}");
    }
}
