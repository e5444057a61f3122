//! fleetsheet keeps the release tags of a fleet of cloud servers equal to what a Google Sheet says.
//!
//! One pass is a straight line: observe → plan → check → apply → write back → report.

// Vocabulary, with the small traits that read and write it.
pub mod calls;
pub mod fleet;
pub mod memory;
pub mod problem;
pub mod sheet;
pub mod tag;

// Decide: pure.
pub mod plan;
// Act on the cloud.
pub mod apply;

// The only modules that open sockets or files.
pub mod adapters;

// Edge: what people say to the program, and what it says of itself.
pub mod cli;
pub mod config;
pub mod telemetry;
