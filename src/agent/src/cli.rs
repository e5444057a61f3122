//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Makes this server what its release tags say.
#[derive(Debug, Parser)]
#[command(name = "fleetsheet-agent", version, disable_help_subcommand = true)]
pub struct Cli {
    /// The configuration.
    #[arg(long, global = true, default_value = crate::config::PATH, env = "FLEETSHEET_AGENT_CONFIG")]
    pub config: PathBuf,
    /// How the answer is written.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Says more.
    #[arg(short, global = true)]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// The service: a run at each tick.
    Run {
        /// One run.
        #[arg(long)]
        once: bool,
        /// Without splay and backoff.
        #[arg(long, requires = "once")]
        now: bool,
    },
    /// What a run would do, with before and after. Changes nothing.
    Plan {
        /// Ends with 3 where there is something to do.
        #[arg(long)]
        exit_code: bool,
        /// Another version than the tag's.
        #[arg(long, conflicts_with = "path")]
        version: Option<String>,
        /// A working copy, for authors.
        #[arg(long)]
        path: Option<PathBuf>,
    },
    /// What runs, what the tag asks, and why they differ.
    Status,
    /// Back to the snapshot of the last attempt; the version left is quarantined.
    Rollback {
        /// How far: 1 files, 2 packages, 3 full.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
        level: Option<u8>,
    },
    /// Lifts the quarantine of a version, and `broken`.
    Retry {
        /// Which.
        version: String,
    },
    /// Accepts that the ref of a version moved.
    Accept {
        /// Which.
        version: String,
    },
    /// Nothing is changed until then.
    Hold {
        /// For how long; 24h at most.
        #[arg(long = "for", default_value = "4h", value_parser = humantime::parse_duration)]
        time: std::time::Duration,
        /// Why.
        reason: String,
    },
    /// Ends a hold.
    Unhold,
    /// Reads the cookbooks of a working copy.
    Lint {
        /// Where they are.
        dir: PathBuf,
    },
    /// What it needs, each ok or the fix.
    Check,
    /// Runs and acts.
    History {
        /// How many.
        #[arg(default_value_t = 20)]
        most: usize,
    },
    /// What was corrected, with the text that stood there.
    Drift {
        /// Of which resource.
        id: Option<String>,
    },
}
