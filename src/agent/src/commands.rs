//! A function for each command: what it prints, and its exit code.

mod answer;
mod ask;
mod memory;
mod running;
mod shown;
mod status;

use std::collections::BTreeMap;
use std::process::ExitCode;

use answer::Answer;

use crate::adapters::disk;
use crate::cli::{Cli, Format, Task};
use crate::config::{self, Config};
use crate::problem::Problem;

fn configuration(cli: &Cli) -> Result<Config, Vec<Problem>> {
    let environment: BTreeMap<String, String> = std::env::vars()
        .filter(|(key, _)| {
            let of_tests = key.starts_with("FLEETSHEET_AGENT_TEST_") || key == "FLEETSHEET_AGENT_ABORT_AT";
            key.starts_with("FLEETSHEET_AGENT_") && !of_tests && key != "FLEETSHEET_AGENT_CONFIG"
        })
        .collect();
    let place = cli.config.display().to_string();
    let wrong = |why: String| vec![Problem::new("config", place.clone(), why)];
    disk::is_roots(&cli.config).map_err(wrong)?;
    let text = match disk::text(&cli.config).map_err(wrong)? {
        Some(text) => text,
        None if cli.config == std::path::Path::new(config::PATH) => String::new(),
        None => return Err(wrong("is not there; write it, or leave --config out".into())),
    };
    config::read(&text, &cli.config, &environment)
}

/// Does what the line asks.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let answer = match configuration(cli) {
        Ok(config) => answer(cli, &config),
        // Authors lint on machines that have no agent.
        Err(problems) => Answer::of_problems(&problems, 2),
    };
    shown::write(&answer, cli.format == Format::Json);
    ExitCode::from(answer.code)
}

fn answer(cli: &Cli, config: &Config) -> Answer {
    let json = cli.format == Format::Json;
    let answered = match &cli.task {
        Task::Run { once: false, .. } => return running::service(config, json),
        Task::Run { now, .. } => running::once(config, *now),
        Task::Plan {
            exit_code,
            version,
            path,
        } => ask::plan(config, *exit_code, version.as_deref(), path.as_deref()),
        Task::Status => status::status(config),
        Task::Lint { dir } => Ok(ask::lint(config, dir)),
        Task::Check => Ok(ask::check(config)),
        Task::History { most } => ask::history(config, *most),
        Task::Drift { id } => ask::drift(config, id.as_deref()),
        Task::Rollback { level } => running::rollback(config, *level),
        Task::Retry { version } => memory::retry(config, version),
        Task::Accept { version } => memory::accept(config, version),
        Task::Hold { time, reason } => memory::hold(config, *time, reason),
        Task::Unhold => memory::unhold(config),
    };
    answered.unwrap_or_else(|stop| Answer::of_stop(&stop))
}
