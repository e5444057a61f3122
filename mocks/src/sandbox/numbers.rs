//! What the sandbox's monitoring knows: how each version does, where some server runs it.
//!
//! Queries are not evaluated. Of each it matters which channel and version it names, and whether it is about seconds or about
//! errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::names::{BAD_VERSION, CHANNEL_TAG, RELEASE_TAB, VERSION_TAG};
use crate::cloud::{Editor, State};
use crate::prometheus::{Query, Reply};
use crate::sheets::{CellValue, Desk};

/// How versions do.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Whether whatever a rollout brings does badly.
    spoilt: Arc<AtomicBool>,
}

impl Health {
    pub(super) fn spoil(&self, bad: bool) {
        self.spoilt.store(bad, Ordering::Relaxed);
    }

    /// The answers of the monitoring.
    pub(super) fn answers(&self, desk: Desk, cloud: Editor) -> impl Fn(&Query) -> Reply + Send + use<> {
        let spoilt = Arc::clone(&self.spoilt);
        move |query| {
            let (Some(channel), Some(version)) = (label(&query.query, "channel"), label(&query.query, "version"))
            else {
                return Reply::vector([]);
            };
            if !runs(&cloud, channel, version) {
                return Reply::vector([]);
            }
            let new = desk.look(|book, _| {
                let tab = book.tab(RELEASE_TAB)?;
                let row = tab.find("channel", channel)?;
                Some(*tab.value(row, tab.column("releaseVersion")?) == CellValue::from(version))
            });
            let bad = version == BAD_VERSION || spoilt.load(Ordering::Relaxed) && new == Some(true);
            Reply::scalar(number(query, version, bad))
        }
    }
}

/// What a query says of a label, such as `api-prod` in `{channel="api-prod"}`.
fn label<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let (_, rest) = query.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Whether some server that is up runs the version.
fn runs(cloud: &Editor, channel: &str, version: &str) -> bool {
    cloud.edit(|fleet| {
        fleet.instances().any(|server| {
            let is = |key: &str, value: &str| server.tags.get(key).is_some_and(|held| held == value);
            server.state == State::Running && is(VERSION_TAG, version) && is(CHANNEL_TAG, channel)
        })
    })
}

/// A share of errors, or seconds; up and down a little, the same at the same time.
fn number(query: &Query, version: &str, bad: bool) -> f64 {
    let slow = query.query.contains("seconds");
    let salt = version.bytes().fold(f64::from(slow), |sum, byte| sum + f64::from(byte));
    let wave = (query.time / 3.1 + salt).sin() * 0.6 + (query.time / 1.3 + salt * 0.7).sin() * 0.4;
    let (usual, swing) = match (slow, bad) {
        (false, false) => (0.004, 0.002),
        (false, true) => (0.068, 0.012),
        (true, false) => (0.180, 0.025),
        (true, true) => (0.390, 0.060),
    };
    let rounded = ((usual + swing * wave) * 10_000.0_f64).round();
    rounded / 10_000.0
}
