//! Rows of the server tab that hold something else than an instance id: a server's name, a heading, an id in capitals. Such a row
//! is about no server; what it says to people is made here.

use std::collections::BTreeMap;

use super::cell::clip;
use super::display::ServerTab;
use super::intent::MisnamedRow;
use crate::problem::{Code, Kind, Problem};
use crate::tag::ServerId;
use crate::text::few;

/// What is wrong with the text, to follow "which".
pub(crate) const NOT_AN_ID: &str = "is not an instance id (i- and 8 or 17 hexadecimal digits)";

/// Servers of one name that a message lists.
const NAMED: usize = 5;

/// Where a server stands in the server tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Nowhere.
    Nowhere,
    /// In this row.
    Row(u32),
    /// It gets a row in this pass.
    Soon,
}

/// The servers of each name.
pub type Owners<'a> = BTreeMap<&'a str, BTreeMap<&'a ServerId, Listed>>;

/// The servers of each name, as far as the service shows names in the sheet.
#[must_use]
pub fn owners_shown(servers: &ServerTab) -> Owners<'_> {
    let mut owners = Owners::new();
    for row in &servers.rows {
        let name = row.service.get("name").map_or("", |name| name.trim());
        if !name.is_empty() {
            owners.entry(name).or_default().insert(&row.id, Listed::Row(row.row));
        }
    }
    owners
}

/// What is wrong and what to do, to follow "holds".
#[must_use]
pub fn says(row: &MisnamedRow, owners: &Owners<'_>) -> String {
    let text = row.text.as_str();
    format!("\"{}\", which {NOT_AN_ID}; {}", clip(text), advice(text, owners))
}

/// The problem that people are told.
#[must_use]
pub fn problem(row: &MisnamedRow, owners: &Owners<'_>) -> Problem {
    let place = row.origin.place("serverId");
    let message = format!("{place} holds {}", says(row, owners));
    Problem::new(Kind::BadCell, Code::ServerId, place, message)
}

fn advice(text: &str, owners: &Owners<'_>) -> String {
    let lower = ServerId::from(&*text.to_ascii_lowercase());
    if lower.is_instance() {
        let listed = owners.get(text).and_then(|ids| ids.get(&lower));
        return match listed {
            Some(Listed::Row(row)) => format!("it is {lower}, which has row {row}: delete this row"),
            Some(Listed::Soon) => format!("it is {lower}, which gets a row of its own: delete this row"),
            Some(Listed::Nowhere) | None => format!("it is {lower} in capitals: write it in lower case"),
        };
    }
    let Some(owners) = owners.get(text).filter(|owners| !owners.is_empty()) else {
        return "no server that was seen has this name: type the instance id, or clear the row".to_owned();
    };
    if let (1, Some((id, listed))) = (owners.len(), owners.first_key_value()) {
        return match listed {
            Listed::Row(row) => format!("it is the name of {id}, which has row {row}: delete this row"),
            Listed::Soon => format!("it is the name of {id}, which gets a row of its own: delete this row"),
            Listed::Nowhere => format!("it is the name of {id}: put that id there"),
        };
    }
    let ids = few(owners.keys().map(|id| id.as_str()), NAMED);
    format!(
        "it is the name of {} servers ({ids}): put the id of one of them there",
        owners.len()
    )
}
