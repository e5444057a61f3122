//! The Google Sheets adapter against the emulator, over the wire: what it reads, what it writes and leaves alone, and
//! what it makes of each way in which a call can go wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

mod access;
mod proxy;
mod quota;
mod reading;
mod writing;
