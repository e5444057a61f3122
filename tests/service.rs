//! The service, as it is run: ticks, signals, reloads, its port and its logs.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

mod asked;
mod clock;
mod http;
mod logs;
mod reload;
mod signals;
mod ticks;
