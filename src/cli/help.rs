//! What stands below the help of each command: the exit codes that it can have; and what was probably meant by words that are
//! commands elsewhere.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

pub(super) const ALL: &str = "\
Exit codes:
  0  done; rows with errors are problems in the report, not a failure
  1  failed
  2  wrong usage or configuration
  3  plan --exit-code found changes
  4  some servers failed, or a source of servers or gates was down
  5  a belt or a sheet that cannot be trusted stopped the pass or held part of it
  6  another pass holds the state store

Start with: fleetsheet sandbox (needs no account), then check, plan and --once.
Every configuration key can be set in the environment, as in FLEETSHEET_LIMITS__BATCH_SIZE=100.";

pub(super) const PASS: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration
  4  some servers failed, or a source of servers or gates was down
  5  a belt or a sheet that cannot be trusted stopped it or held part of it
  6  another pass holds the state store";

pub(super) const PLAN: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration
  3  with --exit-code: there are changes
  4  a source of servers or gates was down
  5  a belt or a sheet that cannot be trusted would stop the pass; with --exit-code also: would hold part of it";

pub(super) const EXPLAIN: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration
  5  the sheet cannot be trusted";

pub(super) const CHECK: &str = "\
Exit codes:
  0  a pass would work
  1  something is wrong, or could not be checked
  2  wrong usage or configuration
  5  the state store was moved elsewhere";

pub(super) const COPY: &str = "\
Exit codes:
  0  moved; the old store is closed, so set state.url to the new place
  1  failed, or the new place is not empty; the old store still serves
  2  wrong usage or configuration
  5  the old store was moved before, and is closed
  6  another pass holds the state store

Killed at any time, it leaves the old store as it was, unless it was done; run it again.";

/// Of commands that only look.
pub(super) const LOOK: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration
  5  the state store was moved elsewhere";

/// Of the sandbox, whose store is its own.
pub(super) const SANDBOX: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration";

/// Of commands that go on, or do something that is no pass.
pub(super) const DO: &str = LOOK;

/// What other tools call things, and what they are called here.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "--dry-run",
        "fleetsheet plan says what --once would do, and writes nothing",
    ),
    ("--json", "JSON is --format json"),
    ("apply", "fleetsheet --once makes a pass"),
    ("sync", "fleetsheet --once makes a pass"),
    (
        "--once",
        "fleetsheet --once is a request of its own; fleetsheet plan says what it would do",
    ),
];

/// The same mistake, with what was probably meant.
pub(super) fn hinted(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    if !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand) {
        return error;
    }
    let wrong = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    let wrong = wrong.into_iter().find_map(|kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    });
    let hint = ELSEWHERE.into_iter().find(|(word, _)| {
        wrong.as_deref() == Some(word) && arguments.iter().any(|argument| argument.to_str() == Some(word))
    });
    if let Some((_, hint)) = hint {
        // A likely spelling would lead astray.
        for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
            error.remove(kind);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}
