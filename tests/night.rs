//! The recipes of `config/deploy/NIGHT.md`, followed to the letter against the emulators: the commands of the page are the
//! commands that are run.
//!
//! `systemctl` is played: it tells the service that the test runs, or runs what the unit of that name says. All else is typed into
//! a shell in which `fleetsheet` is the real program.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

mod operator;
mod recipes;
mod rollouts;
