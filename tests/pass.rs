//! Whole passes of the real program against the emulators: what the world looks like afterwards, whatever people, clouds and
//! networks did meanwhile.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod answered;
mod cloud_faults;
mod denials;
mod discovery;
mod edges;
mod edits;
mod foreign;
mod formulas;
mod gates;
mod happy;
mod history;
mod keys;
mod memory;
mod names;
mod older_store;
mod ordered;
mod plans;
mod rollback;
mod rowless;
mod scripts;
mod sheet_edits;
mod stages;
mod status;
mod stops;
mod strangers;
mod tables;
mod terminal;
mod time_travel;
mod typed_over;
mod unseen;
mod waves;
mod writes;
