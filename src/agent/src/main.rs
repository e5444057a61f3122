//! The program.

use std::process::ExitCode;

use clap::Parser as _;
use fleetsheet_agent::cli::Cli;
use fleetsheet_agent::commands;

fn main() -> ExitCode {
    commands::main(&Cli::parse())
}
