//! The suites that touch nothing: what is decided, what is read out of cells, files and arguments, and what ships beside the
//! program. One program for all of them, because linking one costs more than most of them take to run.
//!
//! `cargo test --test decide explore::` runs one suite.

#[path = "support/people.rs"]
mod people;
#[path = "support/print.rs"]
mod print;
#[path = "support/rows.rs"]
mod rows;
#[path = "support/script.rs"]
mod script;
#[path = "support/world.rs"]
mod world;

mod advice;
mod belts;
mod bluegreen;
mod check;
mod clocks;
mod colours;
mod completed;
mod config;
mod deploy;
mod explore;
mod gates;
mod golden;
mod iam_policy;
mod laws;
mod layers;
mod lease;
mod order;
mod pace;
mod parse;
mod pauses;
mod rollouts;
mod waves;
mod windows;
