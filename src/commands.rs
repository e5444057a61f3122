//! Does what was asked on the command line: one file a command. How it ended is the exit code.

mod add;
mod check;
mod explain;
mod history;
mod init;
mod names;
mod once;
mod output;
mod plan;
mod preview;
mod rollback;
mod service;
mod state_copy;
mod status;
mod store;

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};

use crate::cli::{Command, Format, Invocation, SandboxRequest, Task, asks_for_json, mistake, shell};
use crate::clock::{now, run_id};
use crate::config::Config;
use crate::pass_end::PassEnd;
use crate::problem::{Code, Kind, Problem};
use crate::refusal::{Cause, Refusal};
use crate::report::Report;
use crate::sandbox;
use crate::screen::Page;
use output::{Logs, print, print_refusal, print_text, start_logs, unwritten};

/// Does what was asked, prints the result on standard output and gives the exit code.
pub async fn run(asked: Invocation) -> u8 {
    match dispatch(&asked).await {
        Ok(code) => code,
        Err(refusal) => {
            print_refusal(&refusal);
            if asked.format == Format::Json
                && let Err(unwritten) = print(Format::Json, &refused(&refusal), &Page::default())
                && !refusal.message.contains(output::STDOUT)
            {
                print_refusal(&unwritten);
            }
            refusal.exit_code()
        }
    }
}

/// Prints what clap has to say, help or a mistake, and gives the exit code. Where JSON was asked for, a mistake is an object too.
#[must_use]
pub fn say(help: &clap::Error, arguments: &[OsString]) -> u8 {
    if help.use_stderr() && asks_for_json(arguments) {
        let refusal = Refusal::config(mistake(help));
        if let Err(unwritten) = print(Format::Json, &refused(&refusal), &Page::default()) {
            print_refusal(&unwritten);
        }
    }
    let printed = help.print().and_then(|()| std::io::stdout().flush());
    match printed {
        Err(error) if !help.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            print_refusal(&unwritten(&error));
            1
        }
        _ => u8::try_from(help.exit_code()).unwrap_or(2),
    }
}

/// The report of a command that was refused.
fn refused(refusal: &Refusal) -> serde_json::Value {
    let place = match refusal.cause {
        Cause::Configuration => "configuration",
        Cause::Failure | Cause::Unanswered | Cause::Held => "fleetsheet",
    };
    let message = refusal.message.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    let problem = Problem::new(Kind::ApiFailure, Code::Refused, place, message);
    let end = match refusal.cause {
        Cause::Held => PassEnd::Unread(vec![problem]),
        Cause::Configuration | Cause::Failure | Cause::Unanswered => PassEnd::Blind(problem),
    };
    Report::new(&run_id(now()), &end, None).json()
}

async fn dispatch(asked: &Invocation) -> Result<u8, Refusal> {
    match &asked.command {
        Command::Sandbox(request) => {
            let SandboxRequest { servers, port, fresh } = *request;
            let port = port.unwrap_or_default();
            if fresh && sandbox::start_over(port).await? {
                print_text(&format!(
                    "The sandbox on port {port} starts over, with as many servers as it was started with.\n"
                ))?;
            } else {
                sandbox::serve(&asked.config, servers, port).await?;
            }
            Ok(0)
        }
        Command::Completions { shell } => {
            print_text(&shell::completions(*shell))?;
            Ok(0)
        }
        Command::Names => {
            print_text(&names::of_channels(&asked.config).await)?;
            Ok(0)
        }
        Command::Man => {
            print_text(&shell::manual())?;
            Ok(0)
        }
        Command::Check { send_test_mail } => check::run(asked, *send_test_mail).await,
        Command::Task(task) => {
            let config = Config::load(&asked.config, &Config::environment()).map_err(Refusal::config)?;
            let logs = match task {
                Task::Service | Task::Once { .. } | Task::Rollback(_) => Logs::Files,
                _ => Logs::NoFiles,
            };
            let _logs = start_logs(&config.log, asked.verbosity, logs).map_err(Refusal::config)?;
            carry_out(task, config, asked).await
        }
    }
}

async fn carry_out(task: &Task, config: Config, asked: &Invocation) -> Result<u8, Refusal> {
    let format = asked.format;
    store::must_serve(&config).await?;
    match task {
        Task::Service => service::run(config, &asked.config).await,
        Task::Once { allow, takeover } => once::run(config, allow, *takeover, format, asked.verbosity).await,
        Task::Plan(request) => plan::run(config, request, format, asked.verbosity).await,
        Task::Explain { name } => explain::run(config, name, format).await,
        Task::History { channel, since, limit } => {
            history::run(config, channel.as_deref(), *since, *limit, format).await
        }
        Task::Rollback(request) => rollback::run(config, request, format).await,
        Task::Status => status::run(config, format).await,
        Task::Init(changes) => init::run(config, changes, format).await,
        Task::Add(request) => add::run(config, request, format).await,
        Task::StateCopy { to } => state_copy::run(config, to, format).await,
    }
}
