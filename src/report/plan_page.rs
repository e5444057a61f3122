//! The page of `plan`: what the next pass will do, channel by channel. Changes that are alike are one line with their servers counted
//! by account and region; those of a few servers are named.

use std::collections::BTreeMap;

use super::Report;
use super::text::page;
use crate::plan::{Plan, ServerPlan};
use crate::screen::{Look, Page};
use crate::text::{plain, thousands};

/// Of so few servers each is named.
const FEW: usize = 3;

/// What is the same of many servers: whether it is held back, tag, before, after, reason.
type Alike<'p> = (bool, &'p str, Option<&'p str>, &'p str, &'static str);

/// The page; with `all`, each server is named.
#[must_use]
pub fn plan_page(plan: &Plan, report: &Report, all: bool) -> Page {
    let mut channels: BTreeMap<&str, Vec<&ServerPlan>> = BTreeMap::new();
    for server in &plan.servers {
        let name = server.channel.as_ref().map_or("", |channel| channel.as_str());
        channels.entry(name).or_default().push(server);
    }
    let (mut out, mut changing, mut new) = (Page::default(), 0, 0);
    // What is not seen cannot change: who only reads the first lines must not take it for good.
    let unanswered = report.unanswered();
    for (name, servers) in channels {
        let rows = servers.iter().filter(|server| server.append).count();
        changing += servers.iter().filter(|server| !server.changes.is_empty()).count();
        new += rows;
        let groups = alike(&servers);
        if groups.is_empty() && rows == 0 {
            continue;
        }
        let shown = if name.is_empty() {
            "(no channel)".to_owned()
        } else {
            plain(name)
        };
        out.line(format!("~ {shown}"));
        if rows > 0 {
            out.line(format!("    will append {}", count(rows, "row")));
        }
        for (what, servers) in groups {
            group(&mut out, &what, &servers, all);
        }
        out.blank();
    }
    if out.is_empty() {
        match unanswered {
            None => out.line("no tag and no row will change"),
            Some(few) => out.looking(
                format!("{few}: no tag and no row of what they showed will change"),
                Look::Bad,
            ),
        }
        out.blank();
    }
    out.append(page(report));
    let sum = format!(
        "{} to change, {} to add, {}",
        count(changing, "server"),
        count(new, "row"),
        count(report.problems.len(), "problem")
    );
    out.entry(("plan    ", Look::Plain), (sum, Look::Plain));
    out
}

/// The changes of some servers, those that are alike together.
fn alike<'p>(servers: &[&'p ServerPlan]) -> BTreeMap<Alike<'p>, Vec<&'p ServerPlan>> {
    let mut groups: BTreeMap<Alike<'_>, Vec<&ServerPlan>> = BTreeMap::new();
    for server in servers {
        let made = server.changes.iter().map(|change| (false, change));
        let held = server.withheld.iter().map(|change| (true, change));
        for (is_held, change) in made.chain(held) {
            let what = (
                is_held,
                change.tag.as_str(),
                change.before.as_deref(),
                &*change.after,
                change.reason.word(),
            );
            groups.entry(what).or_default().push(server);
        }
    }
    groups
}

fn group(out: &mut Page, what: &Alike<'_>, servers: &[&ServerPlan], all: bool) {
    let (is_held, tag, before, after, reason) = what;
    let held = if *is_held { "held back: " } else { "" };
    let before = before.map_or_else(|| "(none)".to_owned(), plain);
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for server in servers {
        let place = server
            .source
            .as_ref()
            .map_or_else(|| "not seen".to_owned(), ToString::to_string);
        *places.entry(place).or_default() += 1;
    }
    let places: Vec<String> = places
        .iter()
        .map(|(place, n)| format!("{} {}", plain(place), thousands(*n)))
        .collect();
    let look = if *is_held { Look::Waiting } else { Look::Plain };
    let line = format!(
        "    {held}{} {before} → {} ({reason})  {} ({})",
        plain(tag),
        plain(after),
        count(servers.len(), "server"),
        places.join(", ")
    );
    out.looking(line, look);
    if all || servers.len() <= FEW {
        for server in servers {
            out.line(format!("      {}", plain(server.id.as_str())));
        }
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" })
}
