//! What the spreadsheet shows of itself: tabs, columns, cells, protections, and whom it is served by.

use chrono::{DateTime, Utc};

use super::{Item, Line};
use crate::fleet::Fleet;
use crate::memory::Memory;
use crate::plan::{Inputs, Policy, distrust};
use crate::problem::{Code, Problem};
use crate::sheet::parse::{Names, RELEASE_SERVICE, SERVER_SERVICE, Sheet, inspect, quoted};
use crate::sheet::protection::{closed_to_us, release_advice, server_advice};
use crate::sheet::{AUDIT_COLUMNS, RawSpreadsheet, RawTab};

/// What columns and cells need.
const NO_TAB: &str = "the tabs have to be there first";

/// The spreadsheet as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// As much of it as can be understood.
    pub sheet: Sheet,
    /// Whether both tabs are there.
    pub whole: bool,
    /// What was found.
    pub lines: Vec<Line>,
}

/// Says of everything in the spreadsheet that it was not looked at.
#[must_use]
pub fn judge_unseen_spreadsheet(needs: &str) -> Vec<Line> {
    [
        Item::Editor,
        Item::Tabs,
        Item::Columns,
        Item::Cells,
        Item::Protection,
        Item::Store,
    ]
    .map(|item| Line::not_checked(item, "", needs))
    .to_vec()
}

/// Judges all but whom it is served by.
#[must_use]
pub fn judge_spreadsheet(raw: &RawSpreadsheet, names: &Names, require_protection: bool, account: &str) -> Seen {
    let (sheet, fatal) = inspect(raw, names);
    let tab = |title: &str| raw.tabs.iter().find(|tab| tab.title == title);
    let (release, servers) = (tab(&names.release_tab), tab(&names.server_tab));
    let present: Vec<String> = [release, servers]
        .iter()
        .flatten()
        .map(|tab| quoted(&tab.title))
        .collect();
    let present = present.join(", ");
    let missing = |problem: &&Problem| tab(&problem.place).is_none() && is_tab(names, &problem.place);
    let mut lines = tabs(
        names,
        release,
        servers,
        tab(&names.audit_tab).is_some(),
        fatal.iter().filter(missing),
    );
    lines.extend(columns(
        &sheet,
        names,
        &present,
        fatal.iter().filter(|problem| !missing(problem)),
    ));
    lines.extend(cells(&sheet, &present));
    lines.extend(editor(raw, &sheet, names, account));
    lines.extend(protection(&sheet, names, release, servers, require_protection));
    Seen {
        whole: release.is_some() && servers.is_some(),
        sheet,
        lines,
    }
}

fn is_tab(names: &Names, place: &str) -> bool {
    place == names.release_tab || place == names.server_tab
}

fn tabs<'p>(
    names: &Names,
    release: Option<&RawTab>,
    servers: Option<&RawTab>,
    audit: bool,
    missing: impl Iterator<Item = &'p Problem>,
) -> Vec<Line> {
    let mut lines: Vec<Line> = missing
        .map(|problem| Line::wrong(Item::Tabs, &*problem.place, &*problem.message))
        .collect();
    for tab in [release, servers].into_iter().flatten() {
        lines.push(Line::ok(Item::Tabs, quoted(&tab.title), "is there"));
    }
    lines.push(if audit {
        Line::ok(Item::Tabs, quoted(&names.audit_tab), "is there")
    } else {
        let message = "is not there, so nothing is logged in the spreadsheet (it is optional)";
        Line::note(Item::Tabs, quoted(&names.audit_tab), message)
    });
    lines
}

/// `present` names the tabs that are there.
fn columns<'p>(sheet: &Sheet, names: &Names, present: &str, fatal: impl Iterator<Item = &'p Problem>) -> Vec<Line> {
    if present.is_empty() {
        return vec![Line::not_checked(Item::Columns, "", NO_TAB)];
    }
    let mut lines: Vec<Line> = fatal
        .map(|problem| Line::wrong(Item::Columns, &*problem.place, &*problem.message))
        .collect();
    let faulty = !lines.is_empty();
    let notes = sheet.problems.iter().filter(|problem| is_about_columns(problem));
    lines.extend(notes.map(|problem| Line::note(Item::Columns, &*problem.place, &*problem.message)));
    let layout = &sheet.servers.layout;
    let servers = (layout, !layout.title.is_empty());
    let absent = |(layout, there): (&crate::sheet::parse::Layout, bool), header: &str| {
        there && !layout.columns.contains_key(header)
    };
    let mut optional = |layout: (&crate::sheet::parse::Layout, bool), header: &str, without: &str| {
        if absent(layout, header) {
            let message = format!("has no column {header}, which is optional: {without}");
            lines.push(Line::note(Item::Columns, quoted(&layout.0.title), message));
        }
    };
    optional(servers, "hold", "no server can be held back");
    for key in &names.managed {
        optional(
            servers,
            &format!("tag:{key}"),
            "the sheet neither sets nor shows this tag",
        );
    }
    if let Some(audit) = &sheet.audit {
        for header in AUDIT_COLUMNS {
            optional((audit, true), header, "it is left out of what is logged");
        }
    }
    if !faulty {
        lines.push(Line::ok(
            Item::Columns,
            present,
            "every column that a pass needs is there, once",
        ));
    }
    lines
}

fn is_about_columns(problem: &Problem) -> bool {
    [Code::NoColumn, Code::TagColumn].contains(&problem.code)
}

/// Cells that cannot be read hold back their own row and no pass.
fn cells(sheet: &Sheet, present: &str) -> Vec<Line> {
    if present.is_empty() {
        return vec![Line::not_checked(Item::Cells, "", NO_TAB)];
    }
    let (channels, servers) = (&sheet.release.rows, &sheet.servers.rows);
    let of_rows = channels.iter().flat_map(|row| &row.errors);
    let of_rows = of_rows.chain(servers.iter().flat_map(|row| &row.errors));
    let others = sheet.problems.iter().filter(|problem| !is_about_columns(problem));
    let mut lines: Vec<Line> = of_rows
        .chain(others)
        .map(|problem| Line::note(Item::Cells, &*problem.place, &*problem.message))
        .collect();
    if lines.is_empty() {
        let message = format!(
            "{} channels and {} servers, every cell readable",
            channels.len(),
            servers.len()
        );
        lines.push(Line::ok(Item::Cells, present, message));
    }
    lines
}

/// Whether the service may write what it has to, as far as can be told without writing.
fn editor(raw: &RawSpreadsheet, sheet: &Sheet, names: &Names, account: &str) -> Vec<Line> {
    let tags = sheet.servers.shown_tags.iter().map(|tag| &*tag.header);
    // An appended row sets all of these.
    let appended: Vec<&str> = ["serverId", "channel"]
        .into_iter()
        .chain(SERVER_SERVICE)
        .chain(tags)
        .collect();
    let told = raw
        .tabs
        .iter()
        .flat_map(|tab| &tab.protected)
        .any(|range| range.editors.is_some());
    let mut lines = Vec::new();
    let layouts = [
        (Some(&sheet.release.layout), &RELEASE_SERVICE[..]),
        (Some(&sheet.servers.layout), &appended),
        (sheet.audit.as_ref(), &AUDIT_COLUMNS),
    ];
    for (layout, headers) in layouts {
        let Some(layout) = layout else { continue };
        let Some(tab) = raw.tabs.iter().find(|tab| tab.title == layout.title) else {
            continue;
        };
        let closed = closed_to_us(tab, layout, headers);
        if !closed.is_empty() {
            let message = format!("a protected range keeps {account} from writing {}", closed.join(", "));
            let fix = format!(
                "make {account} one of its editors, or remove it (Data > Protect sheets and ranges){}",
                if told {
                    ""
                } else {
                    "; and share the spreadsheet with it as Editor, not as Viewer"
                }
            );
            lines.push(Line::wrong(Item::Editor, quoted(&tab.title), message).fix(fix));
        }
    }
    if !lines.is_empty() {
        return lines;
    }
    lines.push(if told {
        let message = format!("{account} may edit (Google shows it who edits protected ranges, as it does to editors only)");
        Line::ok(Item::Editor, "", message)
    } else {
        let message = format!(
            "whether {account} may edit cannot be told without writing: Google shows it the editors of no protected range; \
             if a pass says that it may not, share the spreadsheet with {account} as Editor"
        );
        Line::note(Item::Editor, &*names.release_tab, message)
    });
    lines
}

fn protection(
    sheet: &Sheet,
    names: &Names,
    release: Option<&RawTab>,
    servers: Option<&RawTab>,
    required: bool,
) -> Vec<Line> {
    let who = &names.keyholders;
    let mut lines = Vec::new();
    match release {
        None => {
            let needs = format!("the tab {} has to be there first", names.release_tab);
            lines.push(Line::not_checked(Item::Protection, "", &needs));
        }
        Some(_) if sheet.guards.hold() => {
            let message = "desiredVersionA, desiredVersionB and channel are held by whom dual_key says";
            lines.push(Line::ok(Item::Protection, quoted(&names.release_tab), message));
        }
        Some(_) => {
            for fault in &sheet.guards.faults {
                lines.push(if required {
                    Line::wrong(Item::Protection, "", fault.clone())
                } else {
                    let message =
                        format!("{fault} (dual_key.require_protection is off: one person may turn both keys)");
                    Line::note(Item::Protection, "", message)
                });
            }
        }
    }
    let mut advice = Vec::new();
    if let Some(tab) = release {
        advice.extend(release_advice(tab, &sheet.release.layout, who));
    }
    if let Some(tab) = servers {
        advice.extend(server_advice(tab, &sheet.servers.layout, who));
    }
    lines.extend(
        advice
            .into_iter()
            .map(|message| Line::note(Item::Protection, "", message)),
    );
    lines
}

/// Judges whether this store serves the spreadsheet, and whether it is the one that was served so far.
#[must_use]
pub fn judge_store(seen: &Seen, memory: Option<&Memory>, policy: &Policy, now: DateTime<Utc>) -> Vec<Line> {
    let Some(memory) = memory else {
        return vec![Line::not_checked(
            Item::Store,
            "",
            "the state store has to be read first",
        )];
    };
    // What is not there has no id to compare.
    let known = |problem: &Problem| seen.whole || problem.code == Code::Store;
    let stop = distrust(Inputs {
        sheet: &seen.sheet,
        fleet: &Fleet::default(),
        memory,
        policy,
        now,
    });
    let mut lines: Vec<Line> = stop
        .iter()
        .filter(|problem| known(problem))
        .map(|problem| Line::wrong(Item::Store, &*problem.place, &*problem.message))
        .collect();
    if lines.is_empty() {
        let message = if seen.sheet.stores.is_empty() {
            "no store serves the spreadsheet yet; the first pass claims it for this one"
        } else {
            "this store serves the spreadsheet"
        };
        lines.push(Line::ok(Item::Store, &*policy.spreadsheet, message));
    }
    lines
}
