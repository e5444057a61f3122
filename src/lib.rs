//! fleetsheet keeps the release tags of a fleet of cloud servers equal to what a Google Sheet says.
//!
//! One pass is a straight line, and so is this list of modules:
//! observe → plan → check → apply → settle → write back → report.
//!
//! - [`pass`] is the line itself; read it first. [`service`] makes one on each tick.
//! - [`text`], [`tag`], [`fleet`], [`sheet`], [`memory`] and [`problem`] are the words, with the small traits that read and
//!   write.
//! - [`plan`] decides. It is one pure function of sheet, fleet, memory, policy and time.
//! - [`apply`] puts the tags on the servers, [`settle`] says what became of it, [`writeback`] shows it in the sheet.
//! - [`alert`] decides which mail that makes, and [`delivery`] sends what waits in the outbox.
//! - [`setup`] makes and repairs the tabs that all this needs.
//! - [`adapters`] are the only modules that open sockets or files.

// Edge: what people say to the program, and what it says of itself.
pub mod cli;
pub mod commands;
pub mod config;
pub mod explain;
pub mod prerequisites;
pub mod progress;
pub mod sandbox;
pub mod telemetry;

// Spine: the schedule; one pass.
pub mod pass;
pub mod service;

// Vocabulary, with the small traits that read and write it.
pub mod calls;
pub mod endpoint;
pub mod fleet;
pub mod journal;
pub mod mail;
pub mod memory;
pub mod pacing;
pub mod problem;
pub mod sheet;
pub mod tag;
pub mod text;

// Observe.
pub mod observe;

// Decide: pure.
pub mod pass_end;
pub mod plan;
pub mod settle;

// Act, and say what happened.
pub mod alert;
pub mod apply;
pub mod delivery;
pub mod report;
pub mod setup;
pub mod writeback;

// The only modules that open sockets or files.
pub mod adapters;
