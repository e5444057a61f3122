//! fleetsheet keeps the release tags of a fleet of cloud servers equal to what a Google Sheet says.
//!
//! # One pass
//!
//! A pass is a straight line; [`pass`] is that line as code, a call a stage. Read it first. [`service`] makes a pass on each tick
//! of the schedule, [`locked_pass`] puts it under the store's lock, or under a [`lease`] where instances share a store, and sends the
//! mail after it.
//!
//! | stage | module | what becomes of what |
//! | --- | --- | --- |
//! | observe | [`observe`] | sheet and fleet, read beside each other, as [`sheet::parse::Sheet`] and [`fleet::Fleet`] |
//! | plan | [`mod@plan`] | [`plan::Inputs`] → [`plan::Plan`]: every change, status and problem, and why nothing else happens |
//! | check | [`plan::check`] | the plan, looked at by code that shares nothing with the planner → [`plan::check::Approved`] |
//! | remember | [`journal`] | the decision, on disk before the first act |
//! | claim | [`writeback::claim`] | the spreadsheet, marked with the store that serves it |
//! | apply | [`apply`] | the approved changes, in grouped and paced calls → [`fleet::Outcome`] for each server |
//! | settle | [`mod@settle`] | plan and outcomes → final statuses, cells to show, what to remember |
//! | write back | [`writeback`] | those cells and the rows of discovered servers, written and read back |
//! | review | [`alert`] | how the pass ended ([`pass_end::PassEnd`]) → [`report::Report`], and letters for the outbox |
//! | deliver | [`delivery`] | the outbox → the mail server |
//!
//! [`stages`] measures each of them: the report, the metrics and the log at `-v` say where the time went.
//!
//! `plan` and `explain` stop after the decision ([`pass::preview`]): they hold readers, and nothing that could write.
//!
//! `fleetsheet rollback` is a shorter line for the night when the spreadsheet is out of reach: [`pass::carry_out`] takes one
//! channel's release back by what is remembered and by what servers carry.
//!
//! # What is decided from
//!
//! A sheet has three parts, which are three types: the *intent* (what people asked), the *display* (what the service shows in its
//! own columns, and how a row is recognised) and the *approval* (who may turn which key). The decision about a channel takes the
//! intent and the approval; only what recognises edits and restored versions looks at the display.
//!
//! # Invariants
//!
//! - **No version moves without two keys, and every plan passes a check that shares no code with the planner.** Held by
//!   `tests/check.rs`, `tests/laws.rs`, `tests/explore.rs` (every short story, against a model that knows only what people did) and
//!   `tests/two_keys.rs` (over the wire).
//! - **Decisions are pure**: equal input gives equal bytes; no clock, no I/O, no randomness. Held by `tests/laws.rs` and the lint in
//!   `.clippy.toml`.
//! - **What is done was remembered before**: a pass that is killed at any write or request ends, one pass later, in the world that
//!   nobody killed. Only a [`journal::Journal`] commits during a pass. Held by `tests/kills.rs` and `tests/store/crash.rs`.
//! - **A failed call changes nothing that it did not say**: held by `tests/faults.rs`, fault by fault.
//! - **No human cell is written, no row doubled**, whoever edits meanwhile. Held by `tests/meanwhile.rs` and `tests/init/laws.rs`.
//! - **A quiet pass writes nothing**: no cell, no tag, no transaction but that of its lease. Held by `tests/pass/happy.rs` and
//!   `tests/postgres/passes.rs`.
//! - **A pass that lost its lease commits nothing and calls nobody.** Held by `tests/lease.rs` and `tests/postgres`.
//! - **Outside text stays text**: never a formula, a header, markup or a terminal escape. Held by `tests/hostile.rs` and the targets
//!   of `tests/fuzz`.
//! - **No import circle, no arrow upward in the list below, files and sockets only in the adapters.** Held by `tests/layers.rs`.
//!
//! Where a new rule, column, metric, setting or problem goes is in `.github/CONTRIBUTING.md`.

// The list is in layers: a module uses only modules of the groups below its own. `tests/layers.rs` holds that.

// Edge: a file for each command.
pub mod commands;

// What commands need: the line that was typed, what a pass needs, the emulators with the service that runs against them.
pub mod cli;
pub mod prerequisites;
pub mod sandbox;

// A pass on each tick.
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
pub mod enrol;
pub mod settle;

pub mod plan;

// Observe.
pub mod observe;

// Outside. The adapters open all files and sockets.
pub mod telemetry;

pub mod config;

pub mod adapters;

// Vocabulary, with the small traits that read and write it.
pub mod journal;
pub mod sheet;

pub mod memory;
pub mod pacing;

pub mod rollout;

pub mod gate;
pub mod running;
pub mod window;

pub mod fleet;
pub mod mail;

pub mod problem;
pub mod refusal;
pub mod tag;

pub mod calls;
pub mod clock;
pub mod endpoint;
pub mod screen;
pub mod stages;
pub mod text;

// The right to act, which all that act ask for.
pub mod lease;
