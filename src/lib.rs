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

// The list is in layers: a module uses only modules of the groups below its own. `tests/layers.rs` holds that.

// Edge: a file for each command.
pub mod commands;

// What commands need: the line that was typed, what a pass needs, the emulators, the service.
pub mod cli;
pub mod prerequisites;
pub mod sandbox;
pub mod service;

// One pass under the store's lock, then its mail; and the reasons for what a pass would do.
pub mod explain;
pub mod locked_pass;

// The line of a pass, and what it is given.
pub mod clients;
pub mod pass;
pub mod progress;

// Say what happened.
pub mod alert;
pub mod delivery;

pub mod report;

pub mod pass_end;

// Act.
pub mod apply;
pub mod setup;
pub mod writeback;

// Decide: pure.
pub mod settle;

pub mod plan;

// Observe.
pub mod observe;

// Outside. The adapters open all files and sockets but the log files, which `telemetry` opens.
pub mod telemetry;

pub mod config;

pub mod adapters;

// Vocabulary, with the small traits that read and write it.
pub mod journal;
pub mod sheet;

pub mod memory;
pub mod pacing;

pub mod fleet;
pub mod mail;

pub mod problem;
pub mod refusal;
pub mod tag;

pub mod calls;
pub mod clock;
pub mod endpoint;
pub mod text;
