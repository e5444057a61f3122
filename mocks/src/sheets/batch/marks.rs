//! What is put on a sheet besides cells: conditional format rules and developer metadata.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sheets::error::{ApiError, Result};
use crate::sheets::mask::Mask;
use crate::sheets::metadata::{self, DataFilter, Location, Place};
use crate::sheets::model::Metadata;
use crate::sheets::range::GridRange;
use crate::sheets::txn::Txn;
use crate::sheets::values::from_json;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    sheet_id: Option<i64>,
    rule: Value,
    index: usize,
    new_index: Option<usize>,
}

/// Adds a filter view. It needs a range (or a table), and its columns must lie in it.
pub(super) fn add_filter_view(txn: &mut Txn<'_>, body: Value) -> Result<Value> {
    let mut view = body["filter"].clone();
    if view["range"].is_null() {
        return Err(ApiError::invalid("A filter view must have a range."));
    }
    let range: GridRange = from_json(view["range"].clone())?;
    let tab = txn.tab(range.sheet_id)?;
    let (_, columns) = txn.book.tabs[tab].clip(&range);
    for spec in view["filterSpecs"].as_array().into_iter().flatten() {
        let column = spec["columnIndex"]
            .as_u64()
            .and_then(|column| usize::try_from(column).ok());
        if !column.is_some_and(|column| columns.contains(&column)) {
            return Err(ApiError::invalid(
                "A filter criterion is outside the range of its filter view.",
            ));
        }
    }
    txn.book.last_id += 1;
    view["filterViewId"] = json!(txn.book.last_id);
    txn.book.tabs[tab].filter_views.push(view.clone());
    Ok(json!({ "filter": view }))
}

fn rule_tab(txn: &Txn<'_>, rule: &Value) -> Result<usize> {
    let Some(first) = rule["ranges"].get(0) else {
        return Err(ApiError::invalid(
            "A conditional format rule must have at least one range.",
        ));
    };
    let condition = &rule["booleanRule"]["condition"];
    if rule.get("booleanRule").is_some() {
        let values = condition["values"].as_array().map_or(0, Vec::len);
        match condition["type"].as_str() {
            None => return Err(ApiError::invalid("A boolean rule must have a condition.")),
            Some("BOOLEAN" | "ONE_OF_LIST" | "ONE_OF_RANGE") => {
                return Err(ApiError::invalid(
                    "ConditionType is not supported by conditional formatting.",
                ));
            }
            Some(kind) if kind.starts_with("TEXT_") && values != 1 => {
                return Err(ApiError::invalid(format!(
                    "The condition {kind} takes exactly one value."
                )));
            }
            Some(_) => {}
        }
    }
    txn.tab(first["sheetId"].as_i64().unwrap_or_default())
}

pub(super) fn add_rule(txn: &mut Txn<'_>, request: Rule) -> Result<Value> {
    let tab = rule_tab(txn, &request.rule)?;
    let rules = &mut txn.book.tabs[tab].conditional;
    if request.index > rules.len() {
        return Err(ApiError::invalid(format!(
            "No place {} in the list of rules.",
            request.index
        )));
    }
    rules.insert(request.index, request.rule);
    Ok(Value::Null)
}

fn existing_rule(txn: &Txn<'_>, tab: usize, index: usize) -> Result<()> {
    if index < txn.book.tabs[tab].conditional.len() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "No conditional format on sheet: {} at index: {index}",
        txn.book.tabs[tab].sheet_id
    )))
}

pub(super) fn update_rule(txn: &mut Txn<'_>, request: Rule) -> Result<Value> {
    let tab = match (request.sheet_id, request.new_index) {
        (Some(id), _) => txn.tab(id)?,
        (None, None) => rule_tab(txn, &request.rule)?,
        (None, Some(_)) => 0,
    };
    existing_rule(txn, tab, request.index)?;
    let rules = &mut txn.book.tabs[tab].conditional;
    let old = rules.remove(request.index);
    match request.new_index {
        Some(to) => {
            rules.insert(to.min(rules.len()), old.clone());
            Ok(json!({ "newRule": old, "newIndex": to, "oldIndex": request.index }))
        }
        None => {
            rules.insert(request.index, request.rule.clone());
            Ok(json!({ "newRule": request.rule, "newIndex": request.index, "oldRule": old }))
        }
    }
}

pub(super) fn delete_rule(txn: &mut Txn<'_>, request: &Rule) -> Result<Value> {
    let tab = txn.tab(request.sheet_id.unwrap_or_default())?;
    existing_rule(txn, tab, request.index)?;
    let rule = txn.book.tabs[tab].conditional.remove(request.index);
    Ok(json!({ "rule": rule }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    metadata_id: Option<i64>,
    metadata_key: Option<String>,
    metadata_value: Option<String>,
    location: Option<Location>,
    visibility: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Create {
    developer_metadata: Given,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Update {
    data_filters: Vec<DataFilter>,
    developer_metadata: Given,
    fields: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Delete {
    data_filter: DataFilter,
}

fn visible(visibility: Option<String>) -> Result<String> {
    match visibility {
        Some(visibility) if visibility == "DOCUMENT" || visibility == "PROJECT" => Ok(visibility),
        _ => Err(ApiError::invalid(
            "Developer metadata must have a visibility specified.",
        )),
    }
}

fn named(key: Option<String>) -> Result<String> {
    key.filter(|key| !key.is_empty())
        .ok_or_else(|| ApiError::invalid("Developer metadata must have a key specified."))
}

fn place(txn: &Txn<'_>, location: Option<&Location>) -> Result<Place> {
    location
        .ok_or_else(|| ApiError::invalid("Developer metadata must have a location specified."))?
        .place(&txn.book)
}

pub(super) fn create_metadata(txn: &mut Txn<'_>, request: Create) -> Result<Value> {
    let given = request.developer_metadata;
    let place = place(txn, given.location.as_ref())?;
    let id = given.metadata_id.unwrap_or_else(|| txn.book.next_id());
    if metadata::all(&txn.book).iter().any(|(_, held)| held.id == id) {
        return Err(ApiError::invalid(format!(
            "Developer metadata with ID {id} already exists."
        )));
    }
    let (key, visibility) = (named(given.metadata_key)?, visible(given.visibility)?);
    let metadata = Metadata {
        id,
        key,
        value: given.metadata_value,
        visibility,
    };
    room(txn, place, &metadata)?;
    let json = metadata::json(&txn.book, place, &metadata);
    metadata::list(&mut txn.book, place).push(metadata);
    Ok(json!({ "developerMetadata": json }))
}

/// Metadata of a tab, its rows and columns, and that of the file, may hold 30,000 characters each.
fn room(txn: &Txn<'_>, place: Place, more: &Metadata) -> Result<()> {
    let home = |place: Place| match place {
        Place::Spreadsheet => None,
        Place::Sheet(tab) | Place::Row(tab, _) | Place::Column(tab, _) => Some(tab),
    };
    let length = |metadata: &Metadata| {
        metadata.key.chars().count() + metadata.value.as_ref().map_or(0, |value| value.chars().count())
    };
    let all = metadata::all(&txn.book);
    let held: usize = all
        .iter()
        .filter(|(at, _)| home(*at) == home(place))
        .map(|(_, held)| length(held))
        .sum();
    if held + length(more) > 30_000 {
        return Err(ApiError::invalid(
            "The developer metadata storage limit of 30000 characters was exceeded.",
        ));
    }
    Ok(())
}

pub(super) fn update_metadata(txn: &mut Txn<'_>, request: Update) -> Result<Value> {
    let mask = Mask::parse(&request.fields, "DeveloperMetadata")?;
    let given = request.developer_metadata;
    let mut changed = Vec::new();
    for filter in &request.data_filters {
        for (from, mut metadata) in filter.metadata(&txn.book)? {
            metadata::list(&mut txn.book, from).retain(|held| held.id != metadata.id);
            if mask.meets(&["metadataKey"]) {
                metadata.key = named(given.metadata_key.clone())?;
            }
            if mask.meets(&["metadataValue"]) {
                metadata.value.clone_from(&given.metadata_value);
            }
            if mask.meets(&["visibility"]) {
                metadata.visibility = visible(given.visibility.clone())?;
            }
            let to = if mask.meets(&["location"]) {
                place(txn, given.location.as_ref())?
            } else {
                from
            };
            changed.push(metadata::json(&txn.book, to, &metadata));
            metadata::list(&mut txn.book, to).push(metadata);
        }
    }
    Ok(json!({ "developerMetadata": changed }))
}

pub(super) fn delete_metadata(txn: &mut Txn<'_>, request: &Delete) -> Result<Value> {
    let mut gone = Vec::new();
    for (place, metadata) in request.data_filter.metadata(&txn.book)? {
        metadata::list(&mut txn.book, place).retain(|held| held.id != metadata.id);
        gone.push(metadata::json(&txn.book, place, &metadata));
    }
    Ok(json!({ "deletedDeveloperMetadata": gone }))
}
