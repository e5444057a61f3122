//! The spreadsheet: tabs, columns, cells, protections, and which state store serves it.

use chrono::{DateTime, Utc};

use super::{Finding, Item};
use crate::fleet::Fleet;
use crate::gate::Readings;
use crate::memory::Memory;
use crate::plan::{Inputs, Policy, distrust};
use crate::problem::{Code, Problem};
use crate::sheet::layout::{RELEASE_SERVICE, RUNNING, SERVER_SERVICE, quoted};
use crate::sheet::misnamed;
use crate::sheet::names::Names;
use crate::sheet::parse::{Sheet, inspect};
use crate::sheet::protection::{closed_to_us, release_advice, server_advice};
use crate::sheet::{AUDIT_COLUMNS, RawSpreadsheet, RawTab};

/// What columns and cells need.
const NO_TAB: &str = "the tabs must be there first";

/// The spreadsheet as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// As much of it as can be understood.
    pub sheet: Sheet,
    /// Whether both tabs are there.
    pub whole: bool,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// Nothing in the spreadsheet could be checked.
#[must_use]
pub fn judge_unseen_spreadsheet(needs: &str) -> Vec<Finding> {
    [
        Item::Editor,
        Item::Tabs,
        Item::Columns,
        Item::Cells,
        Item::Protection,
        Item::Store,
    ]
    .map(|item| Finding::not_checked(item, "", needs))
    .to_vec()
}

/// Judges everything but the store that serves it.
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
    let mut findings = tabs(
        names,
        release,
        servers,
        tab(&names.audit_tab).is_some(),
        fatal.iter().filter(missing),
    );
    findings.extend(columns(
        &sheet,
        names,
        &present,
        fatal.iter().filter(|problem| !missing(problem)),
    ));
    findings.extend(cells(&sheet, &present));
    findings.extend(editor(raw, &sheet, names, account));
    findings.extend(protection(&sheet, names, release, servers, require_protection));
    Seen {
        whole: release.is_some() && servers.is_some(),
        sheet,
        findings,
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
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = missing
        .map(|problem| Finding::wrong(Item::Tabs, &*problem.place, &*problem.message))
        .collect();
    for tab in [release, servers].into_iter().flatten() {
        findings.push(Finding::ok(Item::Tabs, quoted(&tab.title), "is there"));
    }
    findings.push(if audit {
        Finding::ok(Item::Tabs, quoted(&names.audit_tab), "is there")
    } else {
        let message = "is not there, so nothing is logged in the spreadsheet (it is optional)";
        Finding::note(Item::Tabs, quoted(&names.audit_tab), message)
    });
    findings
}

/// `present` names the tabs that are there.
fn columns<'p>(sheet: &Sheet, names: &Names, present: &str, fatal: impl Iterator<Item = &'p Problem>) -> Vec<Finding> {
    if present.is_empty() {
        return vec![Finding::not_checked(Item::Columns, "", NO_TAB)];
    }
    let mut findings: Vec<Finding> = fatal
        .map(|problem| Finding::wrong(Item::Columns, &*problem.place, &*problem.message))
        .collect();
    let faulty = !findings.is_empty();
    let notes = sheet.problems.iter().filter(|problem| is_about_columns(problem));
    findings.extend(notes.map(|problem| Finding::note(Item::Columns, &*problem.place, &*problem.message)));
    let layout = &*sheet.display.servers.layout;
    let servers = (layout, !layout.title.is_empty());
    let absent = |(layout, there): (&crate::sheet::layout::Layout, bool), header: &str| {
        there && !layout.misplaced && !layout.columns.contains_key(header)
    };
    let mut optional = |layout: (&crate::sheet::layout::Layout, bool), header: &str, without: &str| {
        if absent(layout, header) {
            let message = format!("has no column {header}, which is optional: {without}");
            findings.push(Finding::note(Item::Columns, quoted(&layout.0.title), message));
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
    if let Some(audit) = &sheet.display.audit {
        for header in AUDIT_COLUMNS {
            optional((audit, true), header, "it is left out of what is logged");
        }
    }
    if !faulty {
        findings.push(Finding::ok(
            Item::Columns,
            present,
            "every column that a pass needs is there, once",
        ));
    }
    findings
}

fn is_about_columns(problem: &Problem) -> bool {
    [Code::NoColumn, Code::TagColumn].contains(&problem.code)
}

/// Cells that cannot be read hold back their own row, not the pass.
fn cells(sheet: &Sheet, present: &str) -> Vec<Finding> {
    if present.is_empty() {
        return vec![Finding::not_checked(Item::Cells, "", NO_TAB)];
    }
    let (channels, servers) = (&sheet.intent.channels, &sheet.intent.servers);
    let of_rows = channels.iter().flat_map(|row| &row.errors);
    let of_rows = of_rows.chain(servers.iter().flat_map(|row| &row.errors));
    let others = sheet.problems.iter().filter(|problem| !is_about_columns(problem));
    let owners = misnamed::owners_shown(&sheet.display.servers);
    let no_servers: Vec<Problem> = sheet
        .intent
        .misnamed
        .iter()
        .map(|row| misnamed::problem(row, &owners))
        .collect();
    let mut findings: Vec<Finding> = of_rows
        .chain(others)
        .chain(&no_servers)
        .map(|problem| Finding::note(Item::Cells, &*problem.place, &*problem.message))
        .collect();
    if findings.is_empty() {
        let message = format!(
            "{} channels and {} servers, every cell readable",
            channels.len(),
            servers.len()
        );
        findings.push(Finding::ok(Item::Cells, present, message));
    }
    findings
}

/// Whether the service may write what it must, as far as can be told without writing.
fn editor(raw: &RawSpreadsheet, sheet: &Sheet, names: &Names, account: &str) -> Vec<Finding> {
    let tags = sheet.display.servers.shown_tags.iter().map(|tag| &*tag.header);
    // An appended row sets all of these.
    let appended: Vec<&str> = ["serverId", "channel"]
        .into_iter()
        .chain(SERVER_SERVICE)
        .chain([RUNNING])
        .chain(tags)
        .collect();
    let told = raw
        .tabs
        .iter()
        .flat_map(|tab| &tab.protected)
        .any(|range| range.editors.is_some());
    let mut findings = Vec::new();
    let layouts = [
        (Some(&*sheet.display.release.layout), &RELEASE_SERVICE[..]),
        (Some(&*sheet.display.servers.layout), &appended),
        (sheet.display.audit.as_ref(), &AUDIT_COLUMNS),
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
            findings.push(Finding::wrong(Item::Editor, quoted(&tab.title), message).fix(fix));
        }
    }
    if !findings.is_empty() {
        return findings;
    }
    findings.push(if told {
        let message = format!("{account} may edit (Google shows it who edits protected ranges, which only editors can see)");
        Finding::ok(Item::Editor, "", message)
    } else {
        let message = format!(
            "whether {account} may edit cannot be told without writing: Google shows it the editors of no protected range; \
             if a pass says that it may not, share the spreadsheet with {account} as Editor"
        );
        Finding::note(Item::Editor, &*names.release_tab, message)
    });
    findings
}

fn protection(
    sheet: &Sheet,
    names: &Names,
    release: Option<&RawTab>,
    servers: Option<&RawTab>,
    required: bool,
) -> Vec<Finding> {
    let who = &names.keyholders;
    let mut findings = Vec::new();
    match release {
        None => {
            let needs = format!("the tab {} must be there first", names.release_tab);
            findings.push(Finding::not_checked(Item::Protection, "", &needs));
        }
        Some(_) if sheet.approval.holds() => {
            let message = "desiredVersionA, desiredVersionB and channel are protected as dual_key says";
            findings.push(Finding::ok(Item::Protection, quoted(&names.release_tab), message));
        }
        Some(_) => {
            for fault in &sheet.approval.faults {
                findings.push(if required {
                    Finding::wrong(Item::Protection, "", fault.clone())
                } else {
                    let message =
                        format!("{fault} (dual_key.require_protection is off: one person may turn both keys)");
                    Finding::note(Item::Protection, "", message)
                });
            }
        }
    }
    let mut advice = Vec::new();
    if let Some(tab) = release {
        advice.extend(release_advice(tab, &sheet.display.release.layout, who));
    }
    if let Some(tab) = servers {
        let servers = &sheet.display.servers;
        let tags: Vec<&str> = servers.shown_tags.iter().map(|tag| &*tag.header).collect();
        advice.extend(server_advice(tab, &servers.layout, &tags));
    }
    findings.extend(
        advice
            .into_iter()
            .map(|message| Finding::note(Item::Protection, "", message)),
    );
    findings
}

/// Judges whether this store serves the spreadsheet, and whether it is the one that was served so far.
#[must_use]
pub fn judge_store(seen: &Seen, memory: Option<&Memory>, policy: &Policy, now: DateTime<Utc>) -> Vec<Finding> {
    let Some(memory) = memory else {
        return vec![Finding::not_checked(
            Item::Store,
            "",
            "the state store must be readable first",
        )];
    };
    // A tab that is not there has no id to compare.
    let known = |problem: &Problem| seen.whole || problem.code == Code::Store;
    let stop = distrust(Inputs {
        sheet: &seen.sheet,
        fleet: &Fleet::default(),
        memory,
        policy,
        readings: Readings::none(),
        now,
    });
    let mut findings: Vec<Finding> = stop
        .iter()
        .filter(|problem| known(problem))
        .map(|problem| Finding::wrong(Item::Store, &*problem.place, &*problem.message))
        .collect();
    if findings.is_empty() {
        let message = if seen.sheet.display.stores.is_empty() {
            "no store serves the spreadsheet yet; the first pass claims it for this one"
        } else {
            "this store serves the spreadsheet"
        };
        findings.push(Finding::ok(Item::Store, &*policy.spreadsheet, message));
    }
    findings
}
