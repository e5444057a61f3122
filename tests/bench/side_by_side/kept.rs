//! The figures that were measured so far, in a file under the target directory: half an hour of measuring survives a fault in its
//! last minute, and a part can be measured anew by itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fleetsheet_mocks::faults::Traffic;

use crate::tools::Cost;

/// What each run took, by its name.
#[derive(Default)]
pub(crate) struct Kept(BTreeMap<String, Cost>);

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("side_by_side.tsv")
}

impl Kept {
    /// What the file holds.
    pub(crate) fn load() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_default();
        Self(text.lines().filter_map(read).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Cost> {
        self.0.get(name)
    }

    /// Keeps one more.
    pub(crate) fn keep(&mut self, name: &str, cost: Cost) {
        self.0.insert(name.to_owned(), cost);
        let lines: String = self.0.iter().map(|(name, cost)| line(name, cost)).collect();
        std::fs::write(path(), lines).expect("the figures can be kept");
    }
}

fn line(name: &str, cost: &Cost) -> String {
    let Traffic { sent, received } = cost.traffic.unwrap_or_default();
    let Cost {
        seconds,
        calls,
        throttled,
        peak_kb,
        ..
    } = cost;
    format!("{name}\t{seconds}\t{calls}\t{throttled}\t{sent}\t{received}\t{peak_kb}\n")
}

fn read(line: &str) -> Option<(String, Cost)> {
    let mut fields = line.split('\t');
    let name = fields.next()?.to_owned();
    let seconds = fields.next()?.parse().ok()?;
    let numbers: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    let [calls, throttled, sent, received, peak_kb] = *numbers.as_slice() else {
        return None;
    };
    let traffic = (sent > 0).then_some(Traffic { sent, received });
    let cost = Cost {
        seconds,
        calls,
        throttled,
        traffic,
        peak_kb,
    };
    Some((name, cost))
}
