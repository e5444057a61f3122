//! The Google Sheets adapter against the emulator, over the wire: what it reads, what it writes and leaves alone, and
//! what it makes of each way in which a call can go wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "google_sheets/world.rs"]
mod world;

#[path = "google_sheets/access.rs"]
mod access;
#[path = "google_sheets/reading.rs"]
mod reading;
#[path = "google_sheets/writing.rs"]
mod writing;
