//! What an account's region lets us do. A dry run needs a server to ask about, and a policy may look at that server's tags:
//! so the server is one of the sheet's, if there is any.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Item, Line};
use crate::fleet::{CloudError, Server, Source};
use crate::plan::Policy;
use crate::sheet::parse::Sheet;
use crate::tag::{ServerId, TagKey, TagSet};

/// Stands for the value of a tag that the server does not carry. Nothing is written: the call is a dry run.
const PLACEHOLDER: &str = "fleetsheet-check";

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
    let rows = || sheet.iter().flat_map(|sheet| &sheet.servers.rows);
    let in_sheet = |id: &ServerId, server: &Server| {
        let channel = server.tag(&policy.channel_tag);
        let served = |channel: &Arc<str>| {
            sheet.is_some_and(|sheet| sheet.release.rows.iter().any(|row| row.channel.as_str() == &**channel))
        };
        channel.is_some_and(served) || rows().any(|row| row.id == *id)
    };
    let tags = |server: Option<&Server>| {
        let keys = [&policy.channel_tag, &policy.version_tag].into_iter().chain(managed);
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
        let shows = |header: &str| row.service.get(header).map_or("", String::as_str);
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

/// What listing a region came to.
#[must_use]
pub fn judge_listing(source: &Source, found: &Result<BTreeMap<ServerId, Server>, CloudError>) -> Line {
    let place = source.to_string();
    match found {
        Err(error) => Line::wrong(Item::DescribeInstances, place, error.message.clone()),
        Ok(servers) if servers.is_empty() => Line::note(
            Item::DescribeInstances,
            place,
            "allowed, but there is no server; is it the right account and region?",
        ),
        Ok(_) => Line::ok(Item::DescribeInstances, place, "allowed"),
    }
}

/// What the dry run of a tagging call came to.
#[must_use]
pub fn judge_create_tags(source: &Source, asked: &Candidate, found: &Result<(), CloudError>, observe: bool) -> Line {
    let place = source.to_string();
    let keys: Vec<&str> = asked.tags.keys().map(TagKey::as_str).collect();
    let (id, keys) = (&asked.id, keys.join(", "));
    let other = if asked.ours {
        ""
    } else {
        ", which is none of the sheet's servers, as far as was looked"
    };
    match found {
        Ok(()) => {
            let message = format!("allowed for {keys} (asked for {id}{other}; nothing was written)");
            Line::ok(Item::CreateTags, place, message)
        }
        Err(error) => {
            let message = format!("{} (asked for {id}{other}, with {keys})", error.message);
            let fix = "config/deploy/iam-policy.json is a policy that suffices";
            if observe {
                let message = format!("{message}; with mode = \"observe\" no tag is written, but it will be needed");
                Line::note(Item::CreateTags, place, message).fix(fix)
            } else {
                Line::wrong(Item::CreateTags, place, message).fix(fix)
            }
        }
    }
}
