//! Notes how a pass ended, for `fleetsheet status`. Nothing depends on it.

use serde_json::Value;

use crate::adapters::files::host_name;
use crate::adapters::stores::Held;
use crate::memory::LastPass;
use crate::report::Report;

/// How a pass ended. A file beside the store has it at once, a lease when it is given back.
pub(super) async fn end(held: &Held, report: &Report) -> LastPass {
    let ended = LastPass {
        at: held.now(),
        host: host_name(),
        report: report.summary(),
        told: None,
    };
    let ended = ended.after(held.last().await.as_ref());
    held.note(&ended);
    ended
}

/// How far an ordered rollback came. It is no pass: what the last one told of other channels stays.
pub(super) async fn order(held: &Held, report: &Report) -> Option<LastPass> {
    let last = held.last().await?;
    let mut told = last.told()?;
    let summary = report.summary();
    for line in summary["channels"].as_array().into_iter().flatten() {
        let same = |old: &&mut Value| old["channel"] == line["channel"];
        if let Some(old) = told.channels.iter_mut().find(same) {
            old.clone_from(line);
        }
    }
    let told = Some(told);
    let last = LastPass { told, ..last };
    held.note(&last);
    Some(last)
}
