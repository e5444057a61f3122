//! Notes beside the store how a pass ended, for `fleetsheet status`. Nothing depends on it.

use serde_json::Value;

use crate::adapters::sqlite::{Holder, last};
use crate::memory::LastPass;
use crate::report::Report;

/// Notes how a pass ended.
pub(super) fn end(url: &str, holder: &Holder, report: &Report) {
    let ended = LastPass {
        at: holder.since,
        host: holder.host.clone(),
        report: report.summary(),
        told: None,
    };
    write(url, &ended.after(last::read(url).as_ref()));
}

/// Notes how far an ordered rollback came. It is no pass: what the last one told of other channels stays.
pub(super) fn order(url: &str, report: &Report) {
    let Some(last) = last::read(url) else { return };
    let Some(mut told) = last.told() else { return };
    let summary = report.summary();
    for line in summary["channels"].as_array().into_iter().flatten() {
        let same = |old: &&mut Value| old["channel"] == line["channel"];
        if let Some(old) = told.channels.iter_mut().find(same) {
            old.clone_from(line);
        }
    }
    let told = Some(told);
    write(url, &LastPass { told, ..last });
}

fn write(url: &str, last: &LastPass) {
    if let Err(error) = last::note(url, last) {
        tracing::warn!(error = %error, "cannot note how this pass ended; fleetsheet status shows an earlier one");
    }
}
