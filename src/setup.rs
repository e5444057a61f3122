//! Finds what a spreadsheet lacks to be served, as steps that add it: tabs, columns, formats, boxes, colours, protections.
//!
//! A pure function of how the spreadsheet is built and what is asked for. It never changes a cell that holds anything, the order
//! of columns or a row. What people made stays, and they are told what is wrong with it. A finished sheet needs no steps. Between
//! the read and the write lie milliseconds in which a person can insert a column. Then a format or a protection can land one
//! column off, but never a value; the next read finds our own protections and moves them.

mod guard;
mod model;
mod run;
mod tab_setup;
mod template;

use crate::problem::Code;
use crate::sheet::cell::text_of;
use crate::sheet::layout::{column_letters, quoted};
use crate::sheet::structure::{BuiltTab, Edit, Structure};
use crate::sheet::{Append, MADE_MARK, Mark, NewCell, RawTab};
use model::Setup;
use tab_setup::TabSetup;

pub use model::{SetupRequest, Step};
pub use run::{Outcome, carry_out};
pub use template::{Colour, Column, Editing, Owner, Template, TemplateError, Templates};

/// Compares the spreadsheet with the request.
fn plan(structure: &Structure, request: &SetupRequest<'_>) -> Setup {
    let mut setup = Setup::default();
    let mut tab_setups = Vec::new();
    let mut next_id = request.fresh_id;
    for template in request.templates.all() {
        let found = structure.built.iter().find(|built| built.tab.title == template.title);
        match found {
            Some(built) => tab_setups.push(TabSetup::of(template, built.clone(), request.account, &mut setup)),
            None => {
                if let Some(tab_setup) = make(template, structure, request.account, &mut next_id, &mut setup) {
                    tab_setups.push(tab_setup);
                }
            }
        }
    }
    if !setup.refused.is_empty() {
        setup.steps.clear();
        return setup;
    }
    for tab_setup in &mut tab_setups {
        tab_setup.add_columns(&mut setup);
    }
    let release = tab_setups.first().and_then(|tab_setup| {
        let column = *tab_setup.layout.columns.get("channel")?;
        Some((tab_setup.template.title.clone(), column))
    });
    for tab_setup in &tab_setups {
        tab_setup.format(release.as_ref(), &mut setup);
        tab_setup.colour(&mut setup);
        tab_setup.filter_views(&mut setup);
    }
    let groups = guard::known_groups(structure);
    for tab_setup in &tab_setups {
        guard::protect(tab_setup, request, &groups, &mut setup);
    }
    for tab_setup in &tab_setups {
        tab_setup.misfits(&mut setup);
    }
    if let (Some(channel), Some(tab_setup)) = (request.channel, tab_setups.first()) {
        add_channel(tab_setup, channel, &mut setup);
    }
    for list in [&mut setup.open, &mut setup.notes] {
        list.sort();
        list.dedup();
    }
    setup
}

/// The next id that no tab has.
fn unused_id(structure: &Structure, next_id: &mut u32) -> i64 {
    let taken = |id: u32| structure.tabs.iter().any(|(held, _)| *held == i64::from(id));
    // The API's ids have 31 bits.
    while taken(*next_id & 0x7fff_ffff) {
        *next_id = next_id.wrapping_add(1);
    }
    let id = i64::from(*next_id & 0x7fff_ffff);
    *next_id = next_id.wrapping_add(1);
    id
}

/// A tab that is not there, as it will be after the step that makes it.
fn make<'a>(
    template: &'a Template,
    structure: &Structure,
    account: &'a str,
    next_id: &mut u32,
    setup: &mut Setup,
) -> Option<TabSetup<'a>> {
    // Google takes two names that differ only in letter case for one.
    let alike = |(_, title): &&(i64, String)| title.to_lowercase() == template.title.to_lowercase();
    if let Some((_, title)) = structure.tabs.iter().find(alike) {
        let message = format!(
            "there is a tab {title}, which differs from {} only in letter case; rename it, or set its name in the \
             configuration ([sheets])",
            template.title
        );
        setup.refused.push(Setup::problem(Code::TabName, title, message));
        return None;
    }
    let sheet_id = unused_id(structure, next_id);
    let headers: Vec<String> = template
        .columns
        .iter()
        .map(|column| column.header.to_string())
        .collect();
    let columns = u32::try_from(headers.len()).unwrap_or(u32::MAX);
    let marked = || (0..).zip(&template.columns).filter(|(_, column)| column.marked);
    let tab = RawTab {
        sheet_id,
        title: template.title.clone(),
        rows: vec![headers.iter().cloned().map(crate::sheet::Cell::Text).collect()],
        row_count: template.rows,
        column_count: columns,
        marks: marked().map(|(column, of)| made(column, of)).collect(),
        ..RawTab::default()
    };
    let what = format!("make the tab with the columns {}", headers.join(", "));
    let mut edits = vec![
        Edit::AddTab {
            sheet_id,
            title: template.title.clone(),
            rows: template.rows,
            columns,
        },
        Edit::Headers { sheet_id, headers },
    ];
    edits.extend(marked().map(|(column, of)| tab_setup::mark(sheet_id, column, of)));
    setup.step(quoted(&template.title), what, edits);
    let built = BuiltTab {
        tab,
        ..BuiltTab::default()
    };
    Some(TabSetup::fresh(template, built, account, setup))
}

/// The mark of a column that is made with its tab.
fn made(column: u32, of: &Column) -> Mark {
    Mark {
        id: 0,
        key: MADE_MARK.to_owned(),
        value: of.header.to_string(),
        column: Some(column),
    }
}

fn add_channel(tab_setup: &TabSetup<'_>, channel: &str, setup: &mut Setup) {
    let tab = &tab_setup.built.tab;
    let Some(column) = tab_setup.layout.columns.get("channel").copied() else {
        return;
    };
    let is_it = |row: &Vec<crate::sheet::Cell>| {
        row.get(column as usize)
            .is_some_and(|cell| text_of(cell).trim() == channel)
    };
    if let Some(row) = tab.rows.iter().skip(1).position(is_it) {
        let letters = column_letters(column);
        setup.channel_at = Some(format!("{}!{letters}{}", quoted(&tab.title), row + 2));
        return;
    }
    let width = tab_setup
        .layout
        .columns
        .values()
        .max()
        .map_or(0, |last| *last as usize + 1);
    let mut row = vec![NewCell::Blank; width];
    let cells = [
        ("channel", NewCell::Text(channel.to_owned())),
        ("enabled", NewCell::Bool(false)),
        ("rollback", NewCell::Bool(false)),
        ("advance", NewCell::Bool(false)),
    ];
    for (header, cell) in cells {
        let slot = tab_setup
            .layout
            .columns
            .get(header)
            .and_then(|at| row.get_mut(*at as usize));
        if let Some(slot) = slot {
            *slot = cell;
        }
    }
    // What follows the last cell that is filled is not written, so whoever may edit it does not matter.
    let written = row.iter().rposition(|cell| *cell != NewCell::Blank);
    row.truncate(written.map_or(0, |last| last + 1));
    let width = u32::try_from(row.len()).unwrap_or(u32::MAX);
    let barred = (0..width).find_map(|column| tab_setup.barred_below(column));
    if let Some(range) = barred {
        setup.open.push(tab_setup.barred_problem(range));
        return;
    }
    let append = Append {
        sheet_id: tab.sheet_id,
        table: tab_setup.layout.table.clone(),
        rows: vec![row],
    };
    let what = format!("add a row for the channel {channel}");
    setup.step(quoted(&tab.title), what, vec![Edit::Append(append)]);
}
