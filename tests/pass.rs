//! Whole passes of the real program against the emulators: what the world looks like afterwards, whatever people, clouds and
//! networks did meanwhile.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

#[path = "support/aftermath.rs"]
mod aftermath;
#[path = "support/stage.rs"]
mod stage;

#[path = "pass/cloud_faults.rs"]
mod cloud_faults;
#[path = "pass/discovery.rs"]
mod discovery;
#[path = "pass/edges.rs"]
mod edges;
#[path = "pass/edits.rs"]
mod edits;
#[path = "pass/happy.rs"]
mod happy;
#[path = "pass/keys.rs"]
mod keys;
#[path = "pass/rollback.rs"]
mod rollback;
#[path = "pass/sheet_edits.rs"]
mod sheet_edits;
#[path = "pass/stops.rs"]
mod stops;
#[path = "pass/strangers.rs"]
mod strangers;
#[path = "pass/time_travel.rs"]
mod time_travel;
#[path = "pass/typed_over.rs"]
mod typed_over;
#[path = "pass/writes.rs"]
mod writes;
