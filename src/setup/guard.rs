//! Protections: over each key column for its group, over the boxes for both, over headers and service columns for nobody.
//!
//! Ranges that people made are never changed: ours come beside them, because Google lets only those write who may by all
//! ranges over a cell. Ours are known by their description, and repaired.

mod leftovers;
mod strangers;

use std::collections::BTreeSet;

use super::model::{Setup, SetupRequest, Step};
use super::tab_setup::{TabSetup, covers};
use super::template::{Column, Editing};
use crate::problem::Code;
use crate::sheet::names::{GROUP, Keyholders, address_of};
use crate::sheet::protection::{OURS, editors_fault, exactly, is_closed, neither, nobody, range_fault, warning_fault};
use crate::sheet::structure::{Edit, Protection, Structure};
use crate::sheet::{GridRange, ProtectedRange};

/// What is wrong with a range; `None`: nothing.
type Judge<'a> = Box<dyn Fn(&ProtectedRange) -> Option<String> + 'a>;

/// A protection that is to be.
struct Target<'a> {
    /// For people.
    place: String,
    /// Who may edit, for people.
    who: String,
    range: GridRange,
    description: String,
    /// Entries of the configuration, besides the service account.
    entries: Vec<&'a String>,
    /// Whether it only warns.
    warns: bool,
    judge: Judge<'a>,
}

/// Addresses that Google lists as groups somewhere in the spreadsheet: the configuration need not say it again.
pub(super) fn known_groups(structure: &Structure) -> BTreeSet<String> {
    let ranges = structure.built.iter().flat_map(|built| &built.tab.protected);
    let editors = ranges.filter_map(|range| range.editors.as_ref());
    editors
        .flat_map(|editors| &editors.groups)
        .map(|group| address_of(group))
        .collect()
}

/// Makes and repairs the protections of a tab.
pub(super) fn protect(
    tab_setup: &TabSetup<'_>,
    request: &SetupRequest<'_>,
    groups: &BTreeSet<String>,
    setup: &mut Setup,
) {
    let who = &request.names.keyholders;
    let mut targets = Vec::new();
    if tab_setup.template.protected_whole {
        targets.push(whole(tab_setup, who));
    } else {
        targets.push(headers(tab_setup, who));
        targets.extend(
            tab_setup
                .columns()
                .filter_map(|(column, at)| of_column(tab_setup, column, at, request, setup)),
        );
    }
    for target in &targets {
        settle(tab_setup, target, request, groups, setup);
    }
    let wanted: Vec<&str> = targets.iter().map(|target| &*target.description).collect();
    leftovers::leftovers(tab_setup, &wanted, setup);
    strangers::barriers(tab_setup, setup);
    for (column, at) in tab_setup.columns() {
        strangers::strangers(tab_setup, column, at, who, setup);
    }
}

fn only_service() -> String {
    "only fleetsheet and the file's owner may edit".into()
}

fn only_warns() -> String {
    "Google warns whoever edits it, and editors can delete, insert and sort rows".into()
}

fn whole<'a>(tab_setup: &TabSetup<'_>, who: &'a Keyholders) -> Target<'a> {
    let judge = |range: &ProtectedRange| {
        let fault = range_fault(range, who, &nobody);
        let partial = range.range.start_column.is_some_and(|start| start > 0) || range.range.end_column.is_some();
        fault.or_else(|| partial.then(|| "its protection covers a part only".to_owned()))
    };
    Target {
        place: tab_setup.title(),
        who: only_service(),
        range: GridRange::default(),
        description: format!("{OURS}whole tab"),
        entries: Vec::new(),
        warns: false,
        judge: Box::new(judge),
    }
}

fn headers<'a>(tab_setup: &TabSetup<'_>, who: &'a Keyholders) -> Target<'a> {
    let width = tab_setup.built.tab.column_count;
    let warns = tab_setup.template.warning_only;
    let judge = move |range: &ProtectedRange| {
        let area = &range.range;
        let rows = area.start_row.is_none_or(|start| start == 0) && area.end_row.is_none_or(|end| end > 0);
        let columns =
            area.start_column.is_none_or(|start| start == 0) && area.end_column.is_none_or(|end| end >= width);
        if rows && columns && warns {
            warning_fault(range)
        } else if rows && columns {
            editors_fault(range, who, &nobody)
        } else {
            Some("its protection covers a part only".into())
        }
    };
    Target {
        place: format!("{}!1:1 (headers)", tab_setup.title()),
        who: if warns { only_warns() } else { only_service() },
        range: GridRange {
            start_row: Some(0),
            end_row: Some(1),
            ..GridRange::default()
        },
        description: format!("{OURS}headers"),
        entries: Vec::new(),
        warns,
        judge: Box::new(judge),
    }
}

fn of_column<'a>(
    tab_setup: &TabSetup<'_>,
    column: &Column,
    at: u32,
    request: &SetupRequest<'a>,
    setup: &mut Setup,
) -> Option<Target<'a>> {
    let who = &request.names.keyholders;
    let entries = entries_of(column.editors, request)?;
    let place = format!("{} ({})", tab_setup.place(at), column.header);
    let keyless = matches!(column.editors, Editing::KeyA | Editing::KeyB | Editing::BothKeys)
        && (entries.is_empty() || column.editors == Editing::BothKeys && (who.a.is_empty() || who.b.is_empty()));
    if keyless {
        let message = format!(
            "{place} is not protected: the configuration names nobody for it; set dual_key.a_editors and b_editors"
        );
        setup.notes.push(Setup::problem(Code::NoEditors, &place, message));
        return None;
    }
    let wanted: BTreeSet<String> = entries.iter().map(|entry| address_of(entry)).collect();
    let warns = tab_setup.template.warning_only && column.editors == Editing::Service;
    let words = if warns {
        only_warns()
    } else if entries.is_empty() {
        only_service()
    } else {
        let list: Vec<&str> = wanted.iter().map(String::as_str).collect();
        format!("only {} may edit", list.join(", "))
    };
    Some(Target {
        place,
        who: words,
        range: GridRange {
            start_column: Some(at),
            end_column: Some(at.saturating_add(1)),
            ..GridRange::default()
        },
        description: format!("{OURS}{}", column.header),
        entries,
        warns,
        judge: if warns {
            Box::new(move |range| warned_column(range, at))
        } else {
            judge_of(column.editors, at, wanted, who)
        },
    })
}

/// The entries of the configuration that may edit; `None`: everybody may.
fn entries_of<'a>(editing: Editing, request: &SetupRequest<'a>) -> Option<Vec<&'a String>> {
    match editing {
        Editing::Everybody => None,
        Editing::KeyA => Some(request.a_editors.iter().collect()),
        Editing::KeyB => Some(request.b_editors.iter().collect()),
        Editing::BothKeys => Some(request.a_editors.iter().chain(request.b_editors).collect()),
        Editing::Nobody | Editing::Service => Some(Vec::new()),
    }
}

/// Judges ranges over a column that `wanted`, those with a key or nobody may edit.
fn judge_of(editing: Editing, at: u32, wanted: BTreeSet<String>, who: &Keyholders) -> Judge<'_> {
    let editors = move |found: &BTreeSet<String>| match editing {
        Editing::Nobody => neither(who, found),
        Editing::KeyA | Editing::KeyB | Editing::BothKeys => exactly(&wanted, found),
        Editing::Service | Editing::Everybody => nobody(found),
    };
    Box::new(move |range: &ProtectedRange| {
        if covers(range, at) {
            range_fault(range, who, &editors)
        } else {
            Some("its protection covers other columns".into())
        }
    })
}

/// What is wrong with a range that is to warn whoever types into a column.
fn warned_column(range: &ProtectedRange, at: u32) -> Option<String> {
    let area = &range.range;
    if !covers(range, at) {
        Some("its protection covers other columns".into())
    } else if area.start_row.is_some_and(|start| start > 0) || area.end_row.is_some() {
        Some("its protection covers a part only".into())
    } else {
        warning_fault(range)
    }
}

/// Whether two ranges begin and end alike; Google may write a beginning at zero as none.
fn same(one: &GridRange, other: &GridRange) -> bool {
    let normal = |range: &GridRange| GridRange {
        start_row: range.start_row.filter(|start| *start > 0),
        start_column: range.start_column.filter(|start| *start > 0),
        ..*range
    };
    normal(one) == normal(other)
}

/// Finds what to do for one protection.
fn settle(
    tab_setup: &TabSetup<'_>,
    target: &Target<'_>,
    request: &SetupRequest<'_>,
    groups: &BTreeSet<String>,
    setup: &mut Setup,
) {
    let ranges = &tab_setup.built.tab.protected;
    let (ours, foreign): (Vec<_>, Vec<_>) = ranges
        .iter()
        .partition(|range| range.description.trim() == target.description);
    let (mut held, mut found) = (false, false);
    for range in ours {
        if is_closed(range) {
            // It can be neither seen nor changed; ours comes beside it.
            setup.open.push(tab_setup.barred_problem(range));
            continue;
        }
        found = true;
        match target.fault(range) {
            None => held = true,
            Some(fault) => setup.steps.push(Step {
                place: target.place.clone(),
                what: format!("repair its protection: {} (so far: {fault})", target.who),
                repair: true,
                edits: vec![Edit::Reprotect {
                    id: range.id,
                    as_is: target.protection(tab_setup, request, groups),
                }],
            }),
        }
    }
    if held || !found && foreign.iter().any(|range| (target.judge)(range).is_none()) {
        setup.right += 1;
        return;
    }
    if found {
        return;
    }
    let same_place = |range: &&&ProtectedRange| same(&range.range, &target.range);
    let fault = foreign.iter().find(same_place).and_then(|range| (target.judge)(range));
    if let Some(fault) = fault.as_ref().filter(|_| target.range == GridRange::default()) {
        // A tab can have only one protection as a whole, and this one is somebody's.
        let message = format!("{} is protected by somebody, but {fault}", target.place);
        setup
            .open
            .push(Setup::problem(Code::TabProtection, &target.place, message));
        return;
    }
    let beside = fault.map_or_else(String::new, |fault| {
        format!(" (beside the protection that somebody made there: {fault})")
    });
    let what = format!("protect it: {}{beside}", target.who);
    let edit = Edit::Protect(target.protection(tab_setup, request, groups));
    setup.step(target.place.clone(), what, vec![edit]);
}

impl Target<'_> {
    /// What is wrong with a range of ours.
    fn fault(&self, range: &ProtectedRange) -> Option<String> {
        // One that has grown over a neighbour would shut that column's people out.
        let wider = !same(&range.range, &self.range);
        (self.judge)(range).or_else(|| wider.then(|| "its protection covers more than it should".to_owned()))
    }

    fn protection(&self, tab_setup: &TabSetup<'_>, request: &SetupRequest<'_>, known: &BTreeSet<String>) -> Protection {
        if self.warns {
            return Protection {
                sheet_id: tab_setup.sheet_id(),
                range: self.range,
                description: self.description.clone(),
                warning_only: true,
                users: Vec::new(),
                groups: Vec::new(),
            };
        }
        let is_group = |entry: &&&String| entry.starts_with(GROUP) || known.contains(&address_of(entry));
        let (groups, users): (Vec<&String>, Vec<&String>) = self.entries.iter().partition(is_group);
        Protection {
            sheet_id: tab_setup.sheet_id(),
            range: self.range,
            description: self.description.clone(),
            warning_only: false,
            // Only editors are shown who may edit, and the passes have to see it.
            users: users
                .into_iter()
                .map(|entry| address_of(entry))
                .chain([request.account.to_owned()])
                .collect(),
            groups: groups.into_iter().map(|entry| address_of(entry)).collect(),
        }
    }
}
