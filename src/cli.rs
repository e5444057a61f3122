//! The command line: what can be asked of the program, and how each request is spelt.
//! Only turns arguments into values; nothing here acts on them.

mod add;
mod belts;
mod help;
mod rollback;
mod sandbox;
pub mod shell;
mod since;
mod state;
mod wrong;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::{DEFAULT_PATH, SYSTEM_PATH};
use crate::plan::Allowed;
pub use add::AddRequest;
use belts::{Allow, BeltParser, allowed};
pub use rollback::RollbackRequest;
pub use sandbox::SandboxRequest;
pub use since::Since;
pub use state::AskState;
pub use wrong::{asks_for_json, mistake};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// The configuration file.
    pub config: PathBuf,
    /// How reports look on standard output.
    pub format: Format,
    /// How many `-v` were given.
    pub verbosity: u8,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Do something with the installation that the configuration describes.
    Task(Task),
    /// Check that everything a pass needs is there, the configuration first.
    Check {
        /// Also send a mail.
        send_test_mail: bool,
    },
    /// Run the emulators.
    Sandbox(SandboxRequest),
    /// Print the names of channels, for a shell.
    Names,
    /// Print a script that completes words in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man,
}

/// What to do with a configuration that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Run until told to stop, with a pass on each tick of the schedule.
    Service,
    /// Make one pass.
    Once {
        /// What this pass may let through.
        allow: Allowed,
        /// Serve the sheet with this store from now on.
        takeover: bool,
    },
    /// Say what a pass would do.
    Plan(PlanRequest),
    /// Say how the last pass ended, from the state store alone.
    Status,
    /// Make or repair the tabs.
    Init(InitRequest),
    /// Take a channel's release back.
    Rollback(RollbackRequest),
    /// Add rows for servers that carry certain tags.
    Add(AddRequest),
    /// Move the state store to another place.
    StateCopy {
        /// Its address, as `state.url` spells it.
        to: String,
    },
    /// Say why a server or a channel is as it is.
    Explain {
        /// A channel, or a server by its id or name.
        name: String,
    },
    /// Say what happened and when.
    History {
        /// Only of this channel.
        channel: Option<String>,
        /// Only what happened from then on.
        since: Option<Since>,
        /// At most so many entries, the newest. `None`: as many as fit a screen, or all since the time that was asked for.
        limit: Option<u32>,
    },
}

/// Which pass to show, and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// Only this channel.
    pub channel: Option<String>,
    /// Each change, however many there are.
    pub all: bool,
    /// Exit with 3 when there are changes.
    pub exit_code: bool,
    /// What the pass may let through.
    pub allow: Allowed,
    /// As if this store served the sheet from now on.
    pub takeover: bool,
}

/// Which tabs to make or repair, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitRequest {
    /// A channel to add.
    pub channel: Option<String>,
    /// Only say what would be made.
    pub dry_run: bool,
    /// Who is to hold key A, instead of `dual_key.a_editors`. Empty: as configured.
    pub a_editors: Vec<String>,
    /// Who is to hold key B, instead of `dual_key.b_editors`. Empty: as configured.
    pub b_editors: Vec<String>,
}

/// How reports look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Words and tables for people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Keeps the release tags of cloud servers equal to what a Google Sheet says.
#[derive(Debug, Parser)]
#[command(name = "fleetsheet", version, after_help = help::ALL, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Ask>,

    /// Make one pass, with progress on a terminal and a report, then exit
    #[arg(long)]
    once: bool,

    /// With --once: let this pass go on although BELT would stop it: row_drop, fleet_drop, source, unapproved, tab or
    /// history; or `window`: let it act as if no window or freeze closed.
    /// May be given several times. Run `plan` first and read what the belt holds back
    #[arg(long, value_name = "BELT", requires = "once", value_parser = BeltParser, hide_possible_values = true)]
    allow: Vec<Allow>,

    /// With --once: serve the spreadsheet with this state store from now on, after the old store was lost or replaced.
    /// Releases are taken from what the servers carry, and every key must be typed again
    #[arg(long, requires = "once")]
    takeover: bool,

    /// The configuration file [default: $FLEETSHEET_CONFIG, else config/fleetsheet.toml, else
    /// /etc/fleetsheet/fleetsheet.toml]
    #[arg(long, global = true, value_name = "PATH", value_parser = clap::builder::PathBufValueParser::new())]
    config: Option<PathBuf>,

    /// How the report looks on standard output; logs go to standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,

    /// Log more: -v each change, -vv everything. Has no effect when RUST_LOG is set
    #[arg(short = 'v', long = "verbose", global = true, action = ArgAction::Count)]
    verbosity: u8,
}

#[derive(Debug, Subcommand)]
enum Ask {
    /// Run the service: a pass on each tick of schedule.cron, health and metrics over HTTP, until it is told to stop
    #[command(after_help = help::DO)]
    Run,
    /// Show what --once would do; writes nothing anywhere
    #[command(after_help = help::PLAN)]
    Plan {
        /// Only this channel
        #[arg(value_name = "CHANNEL", value_parser = name)]
        channel: Option<String>,
        /// Show each change, however many there are
        #[arg(long)]
        all: bool,
        /// Exit with 3 when there are changes, with 5 when a belt would hold them
        #[arg(long)]
        exit_code: bool,
        /// As for --once
        #[arg(long, value_name = "BELT", value_parser = BeltParser, hide_possible_values = true)]
        allow: Vec<Allow>,
        /// As for --once
        #[arg(long)]
        takeover: bool,
    },
    /// Show the last pass, the channels, open problems and waiting mail, from the state store alone: no network
    #[command(after_help = help::LOOK)]
    Status,
    /// Check configuration, credentials, sheet, protections, cloud permissions and mail: each ok, or what to repair
    #[command(after_help = help::CHECK)]
    Check {
        /// Also send a mail to every recipient
        #[arg(long)]
        send_test_mail: bool,
    },
    /// Make or repair the tabs of the configured spreadsheet: headers, checkboxes, protections
    #[command(after_help = help::DO)]
    Init {
        /// Also add a row for this channel
        #[arg(long, value_name = "NAME", value_parser = name)]
        channel: Option<String>,
        /// Show what would be made; writes nothing
        #[arg(long)]
        dry_run: bool,
        /// Who may edit desiredVersionA, instead of dual_key.a_editors: a user's address, or group:ADDRESS. May be given
        /// several times
        #[arg(long = "a-editor", value_name = "ADDRESS", value_parser = crate::config::editor)]
        a_editors: Vec<String>,
        /// Who may edit desiredVersionB, instead of dual_key.b_editors: the same
        #[arg(long = "b-editor", value_name = "ADDRESS", value_parser = crate::config::editor)]
        b_editors: Vec<String>,
    },
    /// Take a channel's release back at once, as a tick of `rollback` does; works while the spreadsheet cannot be reached, too
    #[command(after_help = help::PASS)]
    Rollback(RollbackRequest),
    /// Add a row for each live server that carries certain tags and has none; changes no tag
    #[command(after_help = help::PASS)]
    Add(AddRequest),
    /// Say why a server or a channel is as it is
    #[command(after_help = help::EXPLAIN)]
    Explain {
        /// A channel, or a server: its instance id, such as i-0123456789abcdef0, or its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// List promotions, rollbacks, edits undone and belts: what and when
    #[command(after_help = help::LOOK)]
    History {
        /// Only of this channel
        #[arg(value_parser = name)]
        channel: Option<String>,
        /// Only from then on: a length of time such as 2d or 12h, a date, or a time such as 2026-11-27T05:00:00Z
        #[arg(long, value_name = "TIME", value_parser = since::since)]
        since: Option<Since>,
        /// At most so many entries, the newest [default: 50, or all with --since]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Move the state store: into a file, or into PostgreSQL for several instances
    #[command(subcommand)]
    State(AskState),
    /// Try it all in a browser: emulators of the spreadsheet, the cloud, the monitoring and the mail server, a simulated fleet
    #[command(after_help = help::SANDBOX)]
    Sandbox(SandboxRequest),
    /// Print the names of the channels that the state store knows, for scripts that complete words
    #[command(hide = true)]
    Names,
    /// Print a script that completes fleetsheet's commands and options in a shell
    Completions {
        /// The shell that reads it
        shell: Shell,
    },
    /// Print the manual page, to be read with man -l or installed as fleetsheet.1
    Man,
}

fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("is empty".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// The first of the usual places that has a configuration; the first of all if none has.
fn usual_path(is_there: impl Fn(&Path) -> bool) -> &'static str {
    let found = [DEFAULT_PATH, SYSTEM_PATH]
        .into_iter()
        .find(|path| is_there(Path::new(path)));
    found.unwrap_or(DEFAULT_PATH)
}

/// The answer to nothing at all: the help, as wrong usage.
fn nothing() -> clap::Error {
    let asked = Cli::command()
        .arg_required_else_help(true)
        .try_get_matches_from(["fleetsheet"]);
    asked.err().unwrap_or_else(|| {
        let message = "say what to do; fleetsheet --help lists it";
        Cli::command().error(ErrorKind::MissingSubcommand, message)
    })
}

impl Invocation {
    /// Reads arguments, the program's own name first. `config_variable` is the value of `FLEETSHEET_CONFIG`, and `is_there`
    /// tells whether a file is there.
    ///
    /// # Errors
    /// Wrong usage, and also requests for help or the version; [`clap::Error::exit`] prints each and ends the program
    /// as it should: with 2, or with 0.
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        config_variable: Option<&OsStr>,
        is_there: impl Fn(&Path) -> bool,
    ) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let Cli {
            command,
            once,
            allow,
            takeover,
            config,
            format,
            verbosity,
        } = Cli::try_parse_from(&arguments).map_err(|error| help::hinted(error, &arguments))?;
        let command = match command {
            Some(_) if once => {
                let message = "--once is a request of its own; leave it or the command out";
                return Err(Cli::command().error(ErrorKind::ArgumentConflict, message));
            }
            Some(Ask::Run) => Command::Task(Task::Service),
            Some(Ask::Status) => Command::Task(Task::Status),
            Some(Ask::Plan {
                channel,
                all,
                exit_code,
                allow,
                takeover,
            }) => Command::Task(Task::Plan(PlanRequest {
                channel,
                all,
                exit_code,
                allow: allowed(&allow),
                takeover,
            })),
            Some(Ask::Check { send_test_mail }) => Command::Check { send_test_mail },
            Some(Ask::Init {
                channel,
                dry_run,
                a_editors,
                b_editors,
            }) => Command::Task(Task::Init(InitRequest {
                channel,
                dry_run,
                a_editors,
                b_editors,
            })),
            Some(Ask::Rollback(request)) => Command::Task(Task::Rollback(request)),
            Some(Ask::Add(request)) => Command::Task(Task::Add(request)),
            Some(Ask::Explain { name }) => Command::Task(Task::Explain { name }),
            Some(Ask::History { channel, since, limit }) => Command::Task(Task::History { channel, since, limit }),
            Some(Ask::Sandbox(request)) => Command::Sandbox(request),
            Some(Ask::State(AskState::Copy { to })) => Command::Task(Task::StateCopy { to }),
            Some(Ask::Names) => Command::Names,
            Some(Ask::Completions { shell }) => Command::Completions { shell },
            Some(Ask::Man) => Command::Man,
            None if once => Command::Task(Task::Once {
                allow: allowed(&allow),
                takeover,
            }),
            None => return Err(nothing()),
        };
        // A sandbox is not what the variable of an installation, or of a sandbox that is gone, describes.
        let heeded = config_variable.filter(|path| !path.is_empty() && !matches!(command, Command::Sandbox(_)));
        let from_variable = || heeded.map(PathBuf::from);
        let config = config
            .or_else(from_variable)
            .unwrap_or_else(|| PathBuf::from(usual_path(is_there)));
        Ok(Self {
            command,
            config,
            format,
            verbosity,
        })
    }
}

#[cfg(test)]
mod tests;
