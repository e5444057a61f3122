//! What has to hold of every trial, whatever people did and when.

use std::collections::{BTreeMap, BTreeSet};

use fleetsheet_mocks::sheets::{CellValue, Spreadsheet, Tab};

use super::arena::{NEW, Pass, Settled, Trial};
use super::deeds::Deed;
use super::hands::{blame, versions};
use crate::stage::{RELEASE, SERVERS, words};

fn is_service(tab: &str, header: &str) -> bool {
    let own: &[&str] = match tab {
        RELEASE => &["releaseVersion", "previousVersion", "status", "updatedAt"],
        SERVERS => &[
            "name",
            "account",
            "region",
            "state",
            "releaseVersion",
            "status",
            "updatedAt",
        ],
        _ => &[],
    };
    own.iter().any(|service| service.eq_ignore_ascii_case(header.trim()))
}

/// Which tab it is, whatever it is called meanwhile; any other is people's.
pub(crate) fn known(tab: &Tab) -> &str {
    match tab.sheet_id {
        11 => RELEASE,
        22 => SERVERS,
        _ => "",
    }
}

pub(crate) fn header(tab: &Tab, column: usize) -> String {
    words(tab.value(0, column))
}

pub(crate) fn is_human(tab: &Tab, column: usize) -> bool {
    !is_service(known(tab), &header(tab, column))
}

/// The rows of a tab that have a text in the key column: number, key.
pub(crate) fn keyed(tab: &Tab) -> Vec<(usize, String)> {
    let key = if known(tab) == RELEASE { "channel" } else { "serverId" };
    let Some(column) = tab.column(key) else {
        return Vec::new();
    };
    (1..tab.data_rows())
        .map(|row| (row, words(tab.value(row, column)).trim().to_owned()))
        .filter(|(_, key)| !key.is_empty())
        .collect()
}

/// What a cell shows; a formula is told from the text that it shows only where people's cells are compared.
pub(crate) fn cell(tab: &Tab, row: usize, header: &str) -> Option<String> {
    Some(words(shown(tab.value(row, tab.column(header)?))))
}

fn shown(value: &CellValue) -> &CellValue {
    match value {
        CellValue::Formula { shown, .. } => shown,
        value => value,
    }
}

/// An append goes by a look at the ids just before it: whoever adds the same row in between has it twice.
const APPEND: &str = "sheets.batchUpdate";
/// A write goes by a look at the service cells just before it: what is typed there in between is written over unseen.
pub(crate) const WRITE: &str = "sheets.values.batchUpdateByDataFilter";

pub(crate) fn served(book: &Spreadsheet) -> impl Iterator<Item = &Tab> {
    book.tabs.iter().filter(|tab| !known(tab).is_empty())
}

/// No human cell, header, column, tab or protection is lost or changed; what was appended is discovered servers, each once.
/// `method` is the request before which the file was disturbed, and `untouched` what it was until then.
pub(crate) fn human(pass: &Pass, method: &str, untouched: &Spreadsheet) -> Vec<String> {
    let mut faults = Vec::new();
    let ids = |book: &Spreadsheet| book.tabs.iter().map(|tab| tab.sheet_id).collect::<Vec<_>>();
    if ids(&pass.left) != ids(&pass.after) {
        return vec!["tabs came or went".into()];
    }
    for (left, after) in pass.left.tabs.iter().zip(&pass.after.tabs) {
        if (&left.title, left.columns.len(), &left.protected) != (&after.title, after.columns.len(), &after.protected) {
            faults.push(format!("{}: its name, columns or protections changed", left.title));
        }
        let old = untouched.tabs.iter().find(|old| old.sheet_id == left.sheet_id);
        // A column whose header changes between the look and the write gets the texts of this write still.
        let was_service = |column| method == WRITE && old.is_some_and(|old| !is_human(old, column));
        let rows = left.data_rows();
        for row in 0..rows {
            for column in 0..left.columns.len() {
                let (was, is) = (left.value(row, column), after.value(row, column));
                if was != is && (row == 0 || is_human(left, column) && !was_service(column)) {
                    let (tab, header) = (&left.title, header(left, column));
                    faults.push(format!("human cell {tab}!{header} of row {row}: {was:?} became {is:?}"));
                }
            }
        }
        if left.column("run").is_none() {
            faults.extend(appended(left, after, method == APPEND));
        }
    }
    faults
}

/// What is wrong with the rows that came. In the `window` between the look and the append the order of the columns may change,
/// and then ids and channels stand under wrong headers; nothing else ever does.
fn appended(left: &Tab, after: &Tab, window: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let before: BTreeSet<String> = keyed(left).into_iter().map(|(_, key)| key).collect();
    let mut new = BTreeSet::new();
    for row in left.data_rows()..after.data_rows() {
        let key = cell(after, row, "serverId").unwrap_or_default();
        let discovered = known(left) == SERVERS && after.column("serverId").is_some() && key.starts_with("i-");
        if !window && (!discovered || before.contains(&key) || !new.insert(key.clone())) {
            faults.push(format!("row {row} of {} came with the key {key:?}", left.title));
        }
        for column in (0..after.columns.len()).filter(|column| is_human(after, *column)) {
            let (header, text) = (header(after, column), words(after.value(row, column)));
            let own = ["serverId", "channel", "hold"]
                .iter()
                .any(|own| own.eq_ignore_ascii_case(header.trim()));
            let astray = window && NEW.iter().any(|(id, channel)| text == *id || text == *channel);
            if !own && !text.is_empty() && !astray {
                faults.push(format!("the new row of {key} has {text:?} under {header:?}"));
            }
        }
    }
    faults
}

/// Times that stand in two rows of a tab.
fn times(book: &Spreadsheet) -> Vec<String> {
    let mut faults = Vec::new();
    for tab in served(book) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (row, key) in keyed(tab) {
            let Some(time) = cell(tab, row, "updatedAt").filter(|time| !time.is_empty()) else {
                continue;
            };
            // Two rows with one key are one: what is written to them is the same.
            if let Some(other) = seen.insert(time.clone(), key.clone()).filter(|other| *other != key) {
                faults.push(format!("{key} has the time of {other}: {time}"));
            }
        }
    }
    faults
}

/// Service cells show what the pass that just decided from this file says and the cloud carries.
pub(crate) fn right(pass: &Pass, settled: &Settled) -> Vec<String> {
    let mut faults = Vec::new();
    let mut differs = |what: String, found: Option<String>, shall: &str| {
        if let Some(found) = found.filter(|found| found != shall) {
            faults.push(format!("{what} shows {found:?}, not {shall:?}"));
        }
    };
    let channels: BTreeMap<&str, &serde_json::Value> = pass.ran.json["channels"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|channel| (channel["channel"].as_str().unwrap(), channel))
        .collect();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for tab in served(&pass.after).filter(|tab| known(tab) == RELEASE) {
        for (row, key) in keyed(tab) {
            let Some(channel) = channels.get(&*key) else { continue };
            *lines.entry(key.clone()).or_default() += 1;
            for (header, field) in [
                ("releaseVersion", "release"),
                ("previousVersion", "previous"),
                ("status", "status"),
            ] {
                differs(
                    format!("{header} of {key}"),
                    cell(tab, row, header),
                    channel[field].as_str().unwrap(),
                );
            }
        }
    }
    let before = settled.book.tab(SERVERS).unwrap();
    for tab in served(&pass.after).filter(|tab| known(tab) == SERVERS) {
        for (row, key) in keyed(tab) {
            let Some(tags) = pass.tags.get(&key) else { continue };
            let tag = |name: &str| tags.get(name).map_or("", String::as_str);
            let facts = [
                ("name", tag("Name")),
                ("account", "main"),
                ("region", crate::stage::REGION),
                ("state", "running"),
                ("releaseVersion", tag("ReleaseVersion")),
            ];
            for (header, shall) in facts {
                differs(format!("{header} of {key}"), cell(tab, row, header), shall);
            }
            let channel = cell(tab, row, "channel").unwrap_or_default();
            let status = cell(tab, row, "status");
            let single = keyed(tab).iter().filter(|(_, other)| *other == key).count() == 1;
            let asks = |tab: &Tab, row| ["channel", "hold", "tag:Owner"].map(|header| cell(tab, row, header));
            let as_before = match before.find("serverId", &key) {
                Some(old) => asks(before, old) == asks(tab, row),
                None => NEW.contains(&(&*key, &*channel)),
            };
            if as_before && single && lines.get(&channel) == Some(&1) {
                differs(format!("status of {key}"), status.clone(), "in sync");
                differs(
                    format!("the version of {key}"),
                    Some(tag("ReleaseVersion").to_owned()),
                    channels[&*channel]["release"].as_str().unwrap(),
                );
            } else if status.as_deref() == Some("") {
                differs(format!("status of {key}"), status, "something");
            }
        }
    }
    faults.extend(times(&pass.after));
    faults.extend(ghosts(pass));
    faults
}

/// Service cells in rows without a key that nobody put there.
fn ghosts(pass: &Pass) -> Vec<String> {
    let mut faults = Vec::new();
    for tab in served(&pass.after) {
        let Some(left) = served(&pass.left).find(|left| left.sheet_id == tab.sheet_id) else {
            continue;
        };
        let keys: BTreeSet<usize> = keyed(tab).into_iter().map(|(row, _)| row).collect();
        for row in (1..tab.data_rows()).filter(|row| !keys.contains(row)) {
            for column in (0..tab.columns.len()).filter(|column| !is_human(tab, *column)) {
                let is = tab.value(row, column);
                if !is.is_empty() && is != left.value(row, column) {
                    faults.push(format!("row {row} of {} has no key, but {is:?}", tab.title));
                }
            }
        }
    }
    faults
}

/// Service cells show what the pass decided before it was disturbed.
pub(crate) fn as_decided(pass: &Pass, settled: &Settled) -> Vec<String> {
    let mut faults = Vec::new();
    for tab in served(&pass.after) {
        let control = settled.control.after.tab(known(tab)).unwrap();
        let shall: BTreeMap<String, usize> = keyed(control).into_iter().map(|(row, key)| (key, row)).collect();
        for (row, key) in keyed(tab) {
            let Some(own) = shall.get(&key) else { continue };
            for column in (0..control.columns.len()).filter(|column| !is_human(control, *column)) {
                let header = header(control, column);
                let (shall, is) = (words(control.value(*own, column)), cell(tab, row, &header));
                if header != "updatedAt" && is.as_ref().is_some_and(|is| *is != shall) {
                    faults.push(format!("{header} of {key} shows {is:?}, not {shall:?}"));
                }
            }
        }
    }
    faults.extend(times(&pass.after));
    faults.extend(ghosts(pass));
    faults
}

/// Whether the report says more than that of the pass that nobody disturbed.
fn names_it(pass: &Pass, settled: &Settled) -> bool {
    let usual = settled.control.ran.problems();
    pass.ran.code != 0 || pass.ran.problems().iter().any(|problem| !usual.contains(problem))
}

/// All that is wrong with a trial.
pub(crate) fn faults(deed: &Deed, trial: &Trial, settled: &Settled) -> Vec<String> {
    let mut faults = Vec::new();
    for (nth, pass) in trial.passes().enumerate() {
        let mut found = human(pass, if nth == 0 { &trial.method } else { "" }, &trial.untouched);
        if ![0, 1, 5].contains(&pass.ran.code) {
            found.push(format!("exit code {}", pass.ran.code));
        }
        if pass.ran.json["outcome"] == "stopped" && !pass.is_silent() {
            found.push("it stopped, but wrote".into());
        }
        faults.extend(found.into_iter().map(|fault| format!("pass {nth}: {fault}")));
    }
    let first = &trial.disturbed;
    let wrong = match trial.at {
        _ if first.saw_nothing() => Vec::new(),
        Some(1) => right(first, settled),
        _ => as_decided(first, settled),
    };
    if !wrong.is_empty() && !names_it(first, settled) {
        faults.push(format!("the report of the disturbed pass does not say that {wrong:?}"));
    }
    for (what, pass) in [("next", Some(&trial.next)), ("mended", trial.mended.as_ref())] {
        let Some(pass) = pass else { continue };
        let codes = if what == "mended" { &[0] } else { deed.codes };
        let fine = codes.contains(&pass.ran.code) || (codes == [1] && pass.is_silent() && pass.ran.code == 0);
        if !fine {
            faults.push(format!(
                "the {what} pass ends with {}: {:?}",
                pass.ran.code,
                pass.ran.problems()
            ));
        }
        if pass.ran.code == 5 && pass.ran.problems_of("belt").is_empty() {
            faults.push(format!("the {what} pass does not say what holds it"));
        }
        if !pass.saw_nothing() {
            faults.extend(
                right(pass, settled)
                    .into_iter()
                    .map(|fault| format!("{what} pass: {fault}")),
            );
        }
    }
    if let Some(last) = trial.last.as_ref().filter(|last| !last.is_silent()) {
        faults.push(format!("it does not come to rest: {:?} {:?}", last.writes, last.tagged));
    }
    faults.extend(versions(deed, trial, settled));
    faults.extend(blame(deed, trial));
    faults
}
