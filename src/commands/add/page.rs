//! What `add` found and did, as a page: how many servers of each account, region and channel, and the names of a few.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::enrol::WantedRow;
use crate::fleet::{Server, Source};
use crate::pass_end::Ending;
use crate::problem::Problem;
use crate::screen::Page;
use crate::tag::ChannelName;
use crate::text::{few, plain, short, thousands};
use crate::writeback::Added;

/// Servers of a group that are named.
const NAMED: usize = 10;

/// Longest name that is shown whole.
const NAME_MAX: usize = 40;

/// What `add` found and did.
pub(super) struct Work {
    /// The file's name.
    pub(super) title: String,
    /// The chosen servers with the rows that they are to have.
    pub(super) rows: Vec<(Server, WantedRow)>,
    /// Servers with these tags that had a row.
    pub(super) listed: u64,
    /// What became of the rows.
    pub(super) added: Added,
    /// What needs a person.
    pub(super) problems: Vec<Problem>,
    /// How it ended.
    pub(super) ending: Ending,
}

/// A server's name; blank if it has none.
pub(super) fn name(server: &Server) -> &str {
    server.tag(&"Name".into()).map_or("", |name| name)
}

pub(super) fn page(work: &Work, dry_run: bool) -> Page {
    let mut out = String::new();
    let (count, verb) = if dry_run {
        (work.rows.len(), "to add")
    } else {
        (work.added.there.len(), "added")
    };
    let rows = if count == 1 { "row" } else { "rows" };
    let have = if work.listed == 1 { "server has" } else { "servers have" };
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "add to {:?}: {} {rows} {verb}, {} {have} a row already",
        plain(&work.title),
        thousands(count),
        thousands(work.listed)
    );
    let mut groups: BTreeMap<(&Source, Option<&ChannelName>), Vec<String>> = BTreeMap::new();
    for (server, row) in &work.rows {
        let held = if row.held { ", held" } else { "" };
        let one = format!("{} ({}{held})", plain(&short(name(server), NAME_MAX)), row.id);
        let group = groups.entry((&server.source, row.channel.as_ref())).or_default();
        group.push(one.trim_start().to_owned());
    }
    for ((source, channel), servers) in groups {
        let channel = channel.map_or_else(|| "without a channel".to_owned(), |channel| plain(channel.as_str()));
        let _ = writeln!(
            out,
            "  {} · {channel}: {} {}\n    {}",
            plain(&source.to_string()),
            thousands(servers.len()),
            if servers.len() == 1 { "server" } else { "servers" },
            few(servers.iter().map(String::as_str), NAMED)
        );
    }
    if !work.problems.is_empty() {
        let _ = writeln!(out, "\nworth knowing:");
        for problem in &work.problems {
            let _ = writeln!(out, "  {}", plain(&problem.message));
        }
    }
    if !dry_run && count > 0 {
        let _ = writeln!(
            out,
            "\nThe next pass fills in their cells; fleetsheet plan shows what it will tag."
        );
    }
    let mut page = Page::default();
    out.lines().for_each(|line| page.line(line));
    page
}
