//! Protections: over each key column for its group, over the boxes for both, over headers and service columns for nobody.
//!
//! Ranges that people made are never changed: ours come beside them, because Google lets only those write who may by all
//! ranges over a cell. Ours are known by their description, and repaired.

use std::collections::BTreeSet;

use super::site::{Site, is_closed};
use super::template::{Column, Editing, Owner};
use super::{Setup, Step, Wish};
use crate::problem::Code;
use crate::sheet::protection::{GROUP, Keyholders, address_of, editors_fault, exactly, neither, nobody, range_fault};
use crate::sheet::structure::{Edit, Protection, Structure};
use crate::sheet::{GridRange, ProtectedRange};

/// Descriptions of our ranges begin with this.
const OURS: &str = "fleetsheet: ";

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
pub(super) fn protect(site: &Site<'_>, wish: &Wish<'_>, groups: &BTreeSet<String>, setup: &mut Setup) {
    let who = &wish.names.keyholders;
    let mut targets = Vec::new();
    if site.template.protected_whole {
        targets.push(whole(site, who));
    } else {
        targets.push(headers(site, who));
        targets.extend(
            site.columns()
                .filter_map(|(column, at)| of_column(site, column, at, wish, setup)),
        );
    }
    for target in &targets {
        settle(site, target, wish, groups, setup);
    }
    for (column, at) in site.columns() {
        strangers(site, column, at, who, setup);
    }
}

fn only_service() -> String {
    "only fleetsheet and the file's owner may edit".into()
}

fn whole<'a>(site: &Site<'_>, who: &'a Keyholders) -> Target<'a> {
    let judge = |range: &ProtectedRange| {
        let fault = range_fault(range, who, &nobody);
        let partial = range.range.start_column.is_some_and(|start| start > 0) || range.range.end_column.is_some();
        fault.or_else(|| partial.then(|| "its protection covers a part only".to_owned()))
    };
    Target {
        place: site.title(),
        who: only_service(),
        range: GridRange::default(),
        description: format!("{OURS}whole tab"),
        entries: Vec::new(),
        judge: Box::new(judge),
    }
}

fn headers<'a>(site: &Site<'_>, who: &'a Keyholders) -> Target<'a> {
    let width = site.built.tab.column_count;
    let judge = move |range: &ProtectedRange| {
        let area = &range.range;
        let rows = area.start_row.is_none_or(|start| start == 0) && area.end_row.is_none_or(|end| end > 0);
        let columns =
            area.start_column.is_none_or(|start| start == 0) && area.end_column.is_none_or(|end| end >= width);
        if rows && columns {
            editors_fault(range, who, &nobody)
        } else {
            Some("its protection covers a part only".into())
        }
    };
    Target {
        place: format!("{}!1:1 (headers)", site.title()),
        who: only_service(),
        range: GridRange {
            start_row: Some(0),
            end_row: Some(1),
            ..GridRange::default()
        },
        description: format!("{OURS}headers"),
        entries: Vec::new(),
        judge: Box::new(judge),
    }
}

fn of_column<'a>(site: &Site<'_>, column: &Column, at: u32, wish: &Wish<'a>, setup: &mut Setup) -> Option<Target<'a>> {
    let who = &wish.names.keyholders;
    let entries: Vec<&String> = match column.editors {
        Editing::Everybody => return None,
        Editing::KeyA => wish.a_editors.iter().collect(),
        Editing::KeyB => wish.b_editors.iter().collect(),
        Editing::BothKeys => wish.a_editors.iter().chain(wish.b_editors).collect(),
        Editing::Nobody | Editing::Service => Vec::new(),
    };
    let place = format!("{} ({})", site.place(at), column.header);
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
    let words = if entries.is_empty() {
        only_service()
    } else {
        let list: Vec<&str> = wanted.iter().map(String::as_str).collect();
        format!("only {} may edit", list.join(", "))
    };
    let editing = column.editors;
    let judge = move |found: &BTreeSet<String>| match editing {
        Editing::Nobody => neither(who, found),
        Editing::KeyA | Editing::KeyB | Editing::BothKeys => exactly(&wanted, found),
        Editing::Service | Editing::Everybody => nobody(found),
    };
    let covers = move |range: &ProtectedRange| covers(range, at);
    let judge = move |range: &ProtectedRange| {
        if covers(range) {
            range_fault(range, who, &judge)
        } else {
            Some("its protection covers other columns".into())
        }
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
        judge: Box::new(judge),
    })
}

fn covers(range: &ProtectedRange, column: u32) -> bool {
    range.range.start_column.is_none_or(|start| start <= column)
        && range.range.end_column.is_none_or(|end| column < end)
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
fn settle(site: &Site<'_>, target: &Target<'_>, wish: &Wish<'_>, groups: &BTreeSet<String>, setup: &mut Setup) {
    let ranges = &site.built.tab.protected;
    let (ours, foreign): (Vec<_>, Vec<_>) = ranges
        .iter()
        .partition(|range| range.description.trim() == target.description);
    let mut held = false;
    let mut found = false;
    for range in ours {
        if is_closed(range) {
            // It can be neither seen nor changed; ours comes beside it.
            setup.open.push(site.barred_problem(range));
            continue;
        }
        found = true;
        let wider = !same(&range.range, &target.range);
        // One that has grown over a neighbour would shut that column's people out.
        let fault =
            (target.judge)(range).or_else(|| wider.then(|| "its protection covers more than it should".to_owned()));
        match fault {
            None => held = true,
            Some(fault) => setup.steps.push(Step {
                place: target.place.clone(),
                what: format!("repair its protection: {} (so far: {fault})", target.who),
                repair: true,
                edits: vec![Edit::Reprotect {
                    id: range.id,
                    as_is: target.protection(site, wish, groups),
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
    let edit = Edit::Protect(target.protection(site, wish, groups));
    setup.step(target.place.clone(), what, vec![edit]);
}

impl Target<'_> {
    fn protection(&self, site: &Site<'_>, wish: &Wish<'_>, known: &BTreeSet<String>) -> Protection {
        let is_group = |entry: &&&String| entry.starts_with(GROUP) || known.contains(&address_of(entry));
        let (groups, users): (Vec<&String>, Vec<&String>) = self.entries.iter().partition(is_group);
        Protection {
            sheet_id: site.sheet_id(),
            range: self.range,
            description: self.description.clone(),
            // Only editors are shown who may edit, and the passes have to see it.
            users: users
                .into_iter()
                .map(|entry| address_of(entry))
                .chain([wish.account.to_owned()])
                .collect(),
            groups: groups.into_iter().map(|entry| address_of(entry)).collect(),
        }
    }
}

/// Ranges of other people that stand in somebody's way.
fn strangers(site: &Site<'_>, column: &Column, at: u32, who: &Keyholders, setup: &mut Setup) {
    let foreign = site.built.tab.protected.iter().filter(|range| {
        let below = range.range.end_row.is_none_or(|end| end > 1);
        covers(range, at) && below && !range.warning_only && !range.description.starts_with(OURS)
    });
    for range in foreign {
        if is_closed(range) {
            // What a pass writes or appends to must be open to it.
            if column.owner != Owner::Human || column.header.eq_ignore_ascii_case("serverId") {
                setup.open.push(site.barred_problem(range));
            } else if column.editors != Editing::Everybody {
                let message = format!(
                    "somebody else's protection covers {} ({}), and Google hides its editors; if those who hold the key \
                     cannot type there, remove it",
                    site.place(at),
                    column.header
                );
                setup.notes.push(Setup::problem(Code::Hidden, &site.place(at), message));
            }
            continue;
        }
        let wanted: BTreeSet<&String> = match column.editors {
            Editing::KeyA => who.a.iter().collect(),
            Editing::KeyB => who.b.iter().collect(),
            Editing::BothKeys => who.a.iter().chain(&who.b).collect(),
            Editing::Nobody | Editing::Service | Editing::Everybody => continue,
        };
        let Some(editors) = range.editors.as_ref().filter(|editors| !editors.domain) else {
            continue;
        };
        let all = editors.users.iter().chain(&editors.groups);
        let found: BTreeSet<String> = all.map(|entry| address_of(entry)).collect();
        let out: Vec<&str> = wanted
            .into_iter()
            .filter(|one| !found.contains(*one))
            .map(String::as_str)
            .collect();
        if !out.is_empty() {
            let message = format!(
                "somebody else's protection covers {} ({}) and does not name {}; remove it if they cannot type there",
                site.place(at),
                column.header,
                out.join(", ")
            );
            setup
                .notes
                .push(Setup::problem(Code::ShutOut, &site.place(at), message));
        }
    }
}
