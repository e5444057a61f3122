//! fleetsheet-agent: makes a server what its release tags say.
//!
//! # One run
//!
//! A run is a straight line; [`mod@run`] is that line as code. Read it first.
//!
//! | stage | module | what becomes of what |
//! | --- | --- | --- |
//! | observe | [`mod@tags`], [`mod@observe`] | the server's tags, and what stands on it, as [`facts::Facts`] |
//! | decide | [`rules`] | [`memory::Memory`], tags and time → one of twelve rules |
//! | prepare | [`prepare`] | a signed ref → a rendered [`release::Release`], with its archives |
//! | plan | [`mod@plan`], [`mod@snapshot`] | release or snapshot, and facts → ordered [`action::Action`]s |
//! | check | [`check`] | the plan, looked at by code that shares nothing with the planner → [`check::Approved`] |
//! | act | [`act`], [`way_back`] | action by action, each with its intent in the journal and what it owes in the memory before |
//! | watch | [`attempt`], [`enforce`] | health → good, or the way back |
//! | say | [`say`] | two tags, metrics |
//!
//! # Invariants
//!
//! - **Decisions are pure**: [`rules`], [`mod@plan`], [`mod@snapshot`], [`check`], [`report`] open nothing and read no clock.
//! - **What is done was remembered before**: a run that is killed at any step is finished by the next ones. The rules of it are
//!   searched exhaustively by `tests/model`, with which [`rules`] is compared.
//! - **No import circle, no arrow upward in the list below, files and processes only in the adapters.** Held by `tests/layers.rs`.

// The list is in layers: a module uses only modules of the groups below its own. `tests/layers.rs` holds that.

// Edge.
pub mod commands;

pub mod cli;
pub mod say;

// The line of a run.
pub mod run;

pub mod enforce;
pub mod outcome;
pub mod preview;

pub mod attempt;

pub mod converge;

// Act.
pub mod act;
pub mod prepare;
pub mod tags;

pub mod way_back;

pub mod machine;

pub mod observe;

pub mod metrics;
pub mod report;

// Decide: pure.
pub mod check;
pub mod snapshot;

pub mod plan;

// Outside. The adapters open all files, sockets and processes.
pub mod adapters;

// Vocabulary.
pub mod rules;

pub mod action;
pub mod memory;

pub mod release;

pub mod config;
pub mod cookbook;
pub mod debian_version;
pub mod facts;
pub mod template;

pub mod digest;
pub mod problem;
