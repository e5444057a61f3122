//! What people do to a spreadsheet in the browser. Tests script it, so what cannot be done panics.

mod hand;
mod tab;

pub use hand::{Back, Barred, Deed};
pub(super) use hand::{choices, is_box};

use serde_json::{Value, json};

use super::a1;
use super::batch;
use super::cell::CellValue;
use super::error::ApiError;
use super::model::{Protected, Spreadsheet, Tab};
use super::range::GridRange;
use super::txn::{self, Txn};

/// A cell of a tab: `"B4"`, or the row number in the margin with a header, as in `(4, "notes")`.
pub trait At {
    /// Row and column, from zero.
    fn place(&self, tab: &Tab) -> Option<(usize, usize)>;
}

impl At for &str {
    fn place(&self, _: &Tab) -> Option<(usize, usize)> {
        match a1::corner(self)? {
            (Some(column), Some(row)) => Some((row, column)),
            _ => None,
        }
    }
}

impl At for (usize, &str) {
    fn place(&self, tab: &Tab) -> Option<(usize, usize)> {
        Some((self.0.checked_sub(1)?, tab.column(self.1)?))
    }
}

impl Spreadsheet {
    /// The tab of this name.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn tab_mut(&mut self, title: &str) -> &mut Tab {
        match self.tabs.iter_mut().find(|tab| tab.title == title) {
            Some(tab) => tab,
            None => panic!("the script edits the tab {title:?}, which does not exist"),
        }
    }

    /// Puts a value of a known type into a cell, extending the grid where it has to.
    ///
    /// # Panics
    /// If there is no such tab or header.
    #[track_caller]
    pub fn set(&mut self, tab: &str, at: impl At, value: impl Into<CellValue>) {
        self.tab_mut(tab).at(at).value = value.into();
    }

    /// Types text into a cell: `1.10` becomes a number there, unless the cell is plain text.
    ///
    /// # Panics
    /// If there is no such tab or header.
    #[track_caller]
    pub fn type_in(&mut self, tab: &str, at: impl At, text: &str) {
        self.tab_mut(tab).at(at).type_in(text);
    }

    /// Empties a cell.
    ///
    /// # Panics
    /// If there is no such tab or header.
    #[track_caller]
    pub fn clear(&mut self, tab: &str, at: impl At) {
        self.set(tab, at, CellValue::Empty);
    }

    /// What a cell shows.
    ///
    /// # Panics
    /// If there is no such tab or header.
    #[track_caller]
    #[must_use]
    pub fn get(&self, tab: &str, at: impl At) -> CellValue {
        let position = self.tabs.iter().position(|held| held.title == tab);
        let place = position.and_then(|position| Some((position, at.place(&self.tabs[position])?)));
        match place {
            Some((tab, (row, column))) => self.shown(tab, row, column),
            None => panic!("the script reads a cell of {tab:?} that does not exist"),
        }
    }

    /// Whether a person who may edit the file may type into a cell: all protected ranges over it have to allow it.
    ///
    /// # Panics
    /// If there is no such tab or header.
    #[track_caller]
    #[must_use]
    pub fn may_type(&self, person: &str, tab: &str, at: impl At) -> bool {
        let held = self.tab(tab);
        let Some((tab, (row, column))) = held.and_then(|tab| Some((tab, at.place(tab)?))) else {
            panic!("the script asks about a cell of {tab:?} that does not exist");
        };
        let refuses = |protected: &Protected| txn::refuses(self, person, protected, row, column);
        !tab.protected.iter().any(refuses)
    }

    /// Adds an empty tab at the end.
    pub fn add_tab(&mut self, title: &str, rows: usize, columns: usize) {
        let id = self.next_id();
        self.tabs.push(Tab::new(id, title, rows, columns));
    }

    /// Deletes a tab.
    pub fn delete_tab(&mut self, title: &str) {
        self.tabs.retain(|tab| tab.title != title);
    }

    /// Renames a tab; its id stays.
    ///
    /// # Panics
    /// If there is no such tab.
    #[track_caller]
    pub fn rename_tab(&mut self, title: &str, to: &str) {
        to.clone_into(&mut self.tab_mut(title).title);
    }

    /// Copies a tab under another name, as a person does with its menu: another id, no metadata.
    ///
    /// # Panics
    /// If there is no such tab.
    #[track_caller]
    pub fn copy_tab(&mut self, title: &str, to: &str) {
        let mut copy = self.tab_mut(title).clone();
        (copy.sheet_id, copy.title) = (self.next_id(), to.to_owned());
        copy.metadata.clear();
        copy.columns.iter_mut().for_each(|line| line.metadata.clear());
        copy.rows.iter_mut().for_each(|row| row.line.metadata.clear());
        for protected in &mut copy.protected {
            (protected.id, protected.range.sheet_id) = (self.next_id(), copy.sheet_id);
        }
        self.tabs.push(copy);
    }

    /// Lets a person with edit rights to the file do what requests of `spreadsheets.batchUpdate` say: all of it or, where
    /// protections or the grid refuse, nothing.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn attempt(&mut self, person: &str, requests: &[Value]) -> Result<(), String> {
        let mut txn = Txn {
            book: self.clone(),
            caller: person,
            method: "by hand",
            writes: Vec::new(),
        };
        batch::batch_update(&mut txn, json!({ "requests": requests })).map_err(ApiError::into_message)?;
        *self = txn.book;
        Ok(())
    }

    /// Keeps the state of the cells for [`Spreadsheet::restore`].
    #[must_use]
    pub fn snapshot(&self) -> Self {
        self.clone()
    }

    /// Brings the cells of an earlier version back, as the version history does. Metadata and protections stay as
    /// they are now; tabs that are gone stay gone.
    pub fn restore(&mut self, earlier: &Self) {
        for old in &earlier.tabs {
            let Some(tab) = self.tabs.iter_mut().find(|tab| tab.sheet_id == old.sheet_id) else {
                continue;
            };
            tab.resize_columns(old.columns.len());
            tab.resize_rows(old.rows.len());
            for (row, old) in tab.rows.iter_mut().zip(&old.rows) {
                row.cells.clone_from(&old.cells);
            }
        }
    }

    /// Protects a range of a tab for these people besides the owner; gives the range's id.
    ///
    /// # Panics
    /// If there is no such tab.
    #[track_caller]
    pub fn protect(&mut self, tab: &str, range: impl FnOnce(i64) -> GridRange, users: &[&str]) -> i64 {
        let id = self.next_id();
        let tab = self.tab_mut(tab);
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        tab.protected.push(Protected {
            id,
            range: range(tab.sheet_id),
            users,
            ..Protected::default()
        });
        id
    }

    /// Protects the whole column under a header for these people besides the owner; gives the range's id.
    ///
    /// # Panics
    /// If there is no such tab or header.
    #[track_caller]
    pub fn protect_column(&mut self, tab: &str, header: &str, users: &[&str]) -> i64 {
        let column = self.tab_mut(tab).column_or_panic(header);
        self.protect(tab, |sheet_id| GridRange::columns(sheet_id, column..column + 1), users)
    }

    /// Changes a protected range.
    ///
    /// # Panics
    /// If there is none of this id.
    #[track_caller]
    pub fn protected_mut(&mut self, id: i64) -> &mut Protected {
        let mut all = self.tabs.iter_mut().flat_map(|tab| &mut tab.protected);
        match all.find(|protected| protected.id == id) {
            Some(protected) => protected,
            None => panic!("the script edits the protected range {id}, which does not exist"),
        }
    }

    /// Removes a protected range.
    pub fn unprotect(&mut self, id: i64) {
        for tab in &mut self.tabs {
            tab.protected.retain(|protected| protected.id != id);
        }
    }
}
