//! Who may move a version, and who is told of what: no version without its keys or its tick, no accusation without an edit.

use std::collections::BTreeSet;

use fleetsheet::memory::KeyState;
use fleetsheet_mocks::sheets::{CellValue, Spreadsheet};

use super::arena::{NEW, Pass, Settled, Trial};
use super::deeds::{Blame, Deed, Unseen};
use super::law::{WRITE, cell, header, is_human, keyed, known, served};
use crate::stage::{RELEASE, SERVERS};

fn texts(book: &Spreadsheet, channel: &str, headers: &[&str]) -> Vec<Vec<CellValue>> {
    let Some(tab) = book.tab(RELEASE) else {
        return Vec::new();
    };
    let rows = keyed(tab).into_iter().filter(|(_, key)| key == channel);
    rows.map(|(row, _)| {
        let value = |header: &&str| {
            tab.column(header)
                .map_or(CellValue::Empty, |column| tab.value(row, column).clone())
        };
        headers.iter().map(value).collect()
    })
    .collect()
}

fn has_keys(book: &Spreadsheet) -> bool {
    let key = CellValue::from("2.4.0");
    let rows = texts(book, "web", &["desiredVersionA", "desiredVersionB", "enabled"]);
    rows.len() == 1 && rows[0][..2] == [key.clone(), key] && [true.into(), "TRUE".into()].contains(&rows[0][2])
}

fn is_ticked(book: &Spreadsheet) -> bool {
    let rows = texts(book, "db", &["rollback"]);
    rows.iter()
        .any(|row| [CellValue::Bool(true), "TRUE".into()].contains(&row[0]))
}

/// No server ever carries a version that no channel of its had before or after; a promotion had both keys, a rollback its tick.
pub(crate) fn versions(deed: &Deed, trial: &Trial, settled: &Settled) -> Vec<String> {
    let mut faults = Vec::new();
    let window = match deed.unseen {
        Unseen::Never => false,
        Unseen::AtWrite => trial.method == WRITE,
        Unseen::TillReadBack => trial.method == WRITE || trial.written,
    };
    if window {
        return faults;
    }
    // What the deciding reads saw, disturbed before the first one or not.
    let read = |pass: &Pass, nth: usize| match (nth, trial.at) {
        (0, Some(1)) | (1.., _) => pass.left.clone(),
        _ => settled.book.clone(),
    };
    let reads: Vec<Spreadsheet> = trial.passes().enumerate().map(|(nth, pass)| read(pass, nth)).collect();
    for (nth, pass) in trial.passes().enumerate() {
        let seen = &reads[..=nth];
        for write in pass
            .tagged
            .iter()
            .filter(|w| w.key == "ReleaseVersion" && w.request.is_some())
        {
            let mut channels: BTreeSet<String> = NEW
                .iter()
                .filter(|(id, _)| *id == write.instance)
                .map(|(_, c)| (*c).to_owned())
                .collect();
            for tab in seen.iter().chain([&settled.book]).filter_map(|book| book.tab(SERVERS)) {
                let rows = keyed(tab).into_iter().filter(|(_, key)| *key == write.instance);
                channels.extend(rows.filter_map(|(row, _)| cell(tab, row, "channel")));
            }
            let allowed: BTreeSet<&str> = channels
                .iter()
                .flat_map(|channel| match &**channel {
                    "web" if seen.iter().any(has_keys) => &["2.3.9", "2.4.0"][..],
                    "web" => &["2.3.9"],
                    "db" if seen.iter().any(is_ticked) => &["5.0.0", "4.9.0"],
                    "db" => &["5.0.0"],
                    "cache" => &["1.0.0"],
                    _ => &[],
                })
                .copied()
                .collect();
            if !write.after.as_deref().is_some_and(|version| allowed.contains(version)) {
                faults.push(format!(
                    "{} was given {:?}, not one of {allowed:?}",
                    write.instance, write.after
                ));
            }
        }
    }
    for (event, channel) in [("rollback", "db"), ("promotion", "web")] {
        // Both keys may well have been turned back meanwhile.
        let moves = trial
            .events
            .iter()
            .filter(|e| e.event == event && e.channel == channel && e.to != "2.3.9");
        let times = moves.count();
        if times > 1 {
            faults.push(format!("{times} {event}s of {channel}"));
        }
    }
    let other = trial
        .events
        .iter()
        .filter(|e| ["rollback", "promotion"].contains(&&*e.event) && !["web", "db"].contains(&&*e.channel));
    faults.extend(other.map(|event| format!("{event:?}")));
    faults
}

/// Service cells that the deed itself changed, of those that tell whether a row is as it was left.
fn touched(trial: &Trial) -> BTreeSet<(String, String)> {
    let mut cells = BTreeSet::new();
    for tab in served(&trial.done) {
        let Some(before) = trial.untouched.tab(known(tab)) else {
            continue;
        };
        for (row, key) in keyed(tab) {
            let Some((old, _)) = keyed(before).into_iter().find(|(_, other)| *other == key) else {
                continue;
            };
            for column in (0..tab.columns.len()).filter(|column| !is_human(tab, *column)) {
                let header = header(tab, column);
                let counts = known(tab) == SERVERS || header != "status";
                if counts && cell(before, old, &header) != cell(tab, row, &header) {
                    cells.insert((known(tab).to_owned(), key.clone()));
                }
            }
        }
    }
    cells
}

/// Nobody is accused who did nothing; who did is told of once, and the keys of the row are spent.
pub(crate) fn blame(deed: &Deed, trial: &Trial) -> Vec<String> {
    let accused = trial.passes().filter(|pass| pass.accuses()).count();
    let told = trial.events.iter().filter(|e| e.event == "unauthorised_edit").count();
    let touched = touched(trial);
    let mut faults = Vec::new();
    let (least, most) = match deed.blame {
        Blame::Nobody => (0, 0),
        Blame::Once if touched.is_empty() || trial.method == WRITE => (0, 1),
        Blame::Once => (1, 1),
        Blame::Perhaps => (0, 1),
    };
    // Taking it back is an edit, too.
    let most =
        most + usize::from(most > 0 && deed.blame == Blame::Perhaps && (trial.mended.is_some() || deed.then.is_some()));
    if !(least..=most).contains(&accused) {
        let said: Vec<_> = trial
            .passes()
            .map(|pass| pass.ran.problems_of("unauthorised_edit"))
            .collect();
        faults.push(format!("accused {accused} times, not {least} to {most}: {said:?}"));
    }
    if deed.blame == Blame::Once && told >= 1 {
        for (_, channel) in touched.iter().filter(|(tab, _)| tab == RELEASE) {
            let memory = trial.memory.channels.get(&**channel);
            let spent = |key: &KeyState| matches!(key, KeyState::Spent { .. });
            if memory.is_some_and(|m| !spent(&m.key_a) || !spent(&m.key_b)) {
                faults.push(format!("the keys of {channel} are not spent"));
            }
        }
    }
    faults
}
