//! Protected ranges: who may make, change and remove them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sheets::error::{ApiError, PROTECTED, Result};
use crate::sheets::grid;
use crate::sheets::mask::Mask;
use crate::sheets::model::Protected;
use crate::sheets::range::GridRange;
use crate::sheets::txn::{Txn, can_edit};
use crate::sheets::values::from_json;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Add {
    protected_range: Given,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Delete {
    protected_range_id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    protected_range_id: Option<i64>,
    range: Option<GridRange>,
    named_range_id: Option<String>,
    table_id: Option<String>,
    description: String,
    warning_only: bool,
    unprotected_ranges: Vec<GridRange>,
    editors: Option<Editors>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Editors {
    users: Vec<String>,
    groups: Vec<String>,
    domain_users_can_edit: bool,
}

impl Given {
    fn check(&self) -> Result<()> {
        if self.named_range_id.is_some() || self.table_id.is_some() {
            return Err(ApiError::invalid("The emulator protects plain ranges only."));
        }
        if self.warning_only && self.editors.is_some() {
            return Err(ApiError::invalid(
                "ProtectedRange is warningOnly. Editors cannot be set on it.",
            ));
        }
        Ok(())
    }
}

/// A group is no user. (The service's words are not known.)
fn are_users(txn: &Txn<'_>, editors: Option<&Editors>) -> Result<()> {
    let users = editors.map(|editors| editors.users.as_slice()).unwrap_or_default();
    match users.iter().find(|user| txn.book.groups.contains_key(*user)) {
        Some(group) => Err(ApiError::invalid(format!("Invalid user: {group}"))),
        None => Ok(()),
    }
}

/// Whoever protects a range stays among its editors, whatever the list says.
fn set_editors(protected: &mut Protected, editors: Option<Editors>, caller: &str) {
    let editors = editors.unwrap_or_default();
    (protected.users, protected.groups) = (editors.users, editors.groups);
    protected.domain = editors.domain_users_can_edit;
    if !protected.users.iter().any(|user| user.eq_ignore_ascii_case(caller)) {
        protected.users.push(caller.to_owned());
    }
}

pub(super) fn add(txn: &mut Txn<'_>, request: Add) -> Result<Value> {
    let given = request.protected_range;
    given.check()?;
    are_users(txn, given.editors.as_ref())?;
    let range = given
        .range
        .ok_or_else(|| ApiError::invalid("A range must be specified."))?;
    let tab = txn.tab(range.sheet_id)?;
    let title = &txn.book.tabs[tab].title;
    if range.is_sheet() && txn.book.tabs[tab].protected.iter().any(|held| held.range.is_sheet()) {
        return Err(ApiError::invalid(format!(
            "The sheet \"{title}\" already has sheet protection."
        )));
    }
    let id = given.protected_range_id.unwrap_or_else(|| txn.book.next_id());
    let mut all = txn.book.tabs.iter().flat_map(|tab| &tab.protected);
    if all.any(|held| held.id == id) {
        return Err(ApiError::invalid(format!(
            "A protected range with id {id} already exists."
        )));
    }
    let (description, warning_only, unprotected) = (given.description, given.warning_only, given.unprotected_ranges);
    let mut protected = Protected {
        id,
        range,
        description,
        warning_only,
        unprotected,
        ..Protected::default()
    };
    if !warning_only {
        set_editors(&mut protected, given.editors, txn.caller);
    }
    let json = grid::protected_range(&txn.book, txn.caller, &protected);
    txn.book.tabs[tab].protected.push(protected);
    Ok(json!({ "protectedRange": json }))
}

fn find(txn: &Txn<'_>, id: i64) -> Result<(usize, usize)> {
    for (at, tab) in txn.book.tabs.iter().enumerate() {
        if let Some(place) = tab.protected.iter().position(|protected| protected.id == id) {
            if can_edit(&txn.book, txn.caller, &tab.protected[place]) {
                return Ok((at, place));
            }
            return Err(ApiError::invalid(PROTECTED));
        }
    }
    Err(ApiError::invalid(format!("No protected range with id: {id}")))
}

pub(super) fn update(txn: &mut Txn<'_>, mut body: Value) -> Result<Value> {
    let mask = Mask::parse(body["fields"].as_str().unwrap_or_default(), "ProtectedRange")?;
    let given: Given = from_json(body["protectedRange"].take())?;
    are_users(txn, given.editors.as_ref())?;
    let (tab, place) = find(txn, given.protected_range_id.unwrap_or_default())?;
    let mut protected = txn.book.tabs[tab].protected[place].clone();
    if mask.meets(&["warningOnly"]) {
        protected.warning_only = given.warning_only;
    }
    if protected.warning_only && mask.meets(&["editors"]) && given.editors.is_some() {
        return Err(ApiError::invalid(
            "ProtectedRange is warningOnly. Editors cannot be set on it.",
        ));
    }
    if mask.meets(&["range"]) {
        protected.range = given
            .range
            .ok_or_else(|| ApiError::invalid("A range must be specified."))?;
    }
    if mask.meets(&["description"]) {
        protected.description = given.description;
    }
    if mask.meets(&["unprotectedRanges"]) {
        protected.unprotected = given.unprotected_ranges;
    }
    if protected.warning_only {
        (protected.users, protected.groups, protected.domain) = (Vec::new(), Vec::new(), false);
    } else if let Some(mask) = mask.get("editors") {
        let mut editors = given.editors.unwrap_or_default();
        // A mask below `editors` leaves the other lists as they are.
        if !mask.meets(&["users"]) {
            editors.users.clone_from(&protected.users);
        }
        if !mask.meets(&["groups"]) {
            editors.groups.clone_from(&protected.groups);
        }
        if !mask.meets(&["domainUsersCanEdit"]) {
            editors.domain_users_can_edit = protected.domain;
        }
        set_editors(&mut protected, Some(editors), txn.caller);
    }
    let to = txn.tab(protected.range.sheet_id)?;
    if to == tab {
        txn.book.tabs[tab].protected[place] = protected;
    } else {
        txn.book.tabs[tab].protected.remove(place);
        txn.book.tabs[to].protected.push(protected);
    }
    Ok(Value::Null)
}

pub(super) fn delete(txn: &mut Txn<'_>, request: &Delete) -> Result<Value> {
    let (tab, place) = find(txn, request.protected_range_id)?;
    txn.book.tabs[tab].protected.remove(place);
    Ok(Value::Null)
}
