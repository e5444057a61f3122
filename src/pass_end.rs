//! How a pass ended: the one value from which report, mail, status page, log and exit code derive.

use crate::observe::Observed;
use crate::plan::Plan;
use crate::problem::{Code, Problem};
use crate::settle::Settled;

/// What a pass observed and decided.
#[derive(Debug, Default)]
pub struct Decided {
    /// What it observed.
    pub observed: Observed,
    /// What it decided from that.
    pub plan: Plan,
}

/// How a pass ended, with what it knew by then.
#[derive(Debug)]
pub enum PassEnd {
    /// Another pass holds the store, so it never began.
    Busy(Problem),
    /// It was told to stop before it decided anything.
    Interrupted(Problem),
    /// It let somebody who waited for the store go first, before it decided anything.
    GaveWay(Problem),
    /// It could not read what it decides from.
    Blind(Problem),
    /// It read the sheet, and the sheet cannot be served as it is.
    Unread(Vec<Problem>),
    /// A belt or an untrusted sheet stopped it before it changed a tag.
    Stopped(Box<Decided>, Vec<Problem>),
    /// Its plan did not pass the independent check, so it wrote nothing: a fault of fleetsheet.
    Faulty(Box<Decided>, Problem),
    /// It broke off after it decided and before it changed a tag. The settlement counts every change as not made.
    Cut(Box<Decided>, Box<Settled>, Problem),
    /// It came to its end. The problems are what went wrong on the way without undoing anything.
    Whole(Box<Decided>, Box<Settled>, Vec<Problem>),
    /// It was no whole pass: it carried out a rollback that was ordered on the command line, and looked at nothing else.
    Ordered(Box<Decided>, Box<Settled>),
    /// It could not read the sheet, and took back what its gates speak against. The problem is why the sheet could not be read.
    Watched(Box<Decided>, Box<Settled>, Problem),
    /// It only showed what a pass would do.
    Shown(Box<Decided>, Box<Settled>),
}

impl PassEnd {
    /// What it observed and decided, if it came that far.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        match self {
            Self::Busy(_) | Self::Interrupted(_) | Self::GaveWay(_) | Self::Blind(_) | Self::Unread(_) => None,
            Self::Stopped(decided, _)
            | Self::Faulty(decided, _)
            | Self::Cut(decided, ..)
            | Self::Whole(decided, ..)
            | Self::Ordered(decided, _)
            | Self::Watched(decided, ..)
            | Self::Shown(decided, _) => Some(decided),
        }
    }

    /// The word for it.
    #[must_use]
    pub fn outcome(&self) -> Ending {
        match self {
            Self::Busy(_) | Self::GaveWay(_) => Ending::Busy,
            Self::Interrupted(_) | Self::Blind(_) | Self::Faulty(..) | Self::Cut(..) | Self::Watched(..) => {
                Ending::Failed
            }
            Self::Unread(_) | Self::Stopped(..) => Ending::Stopped,
            Self::Whole(_, _, trouble) if trouble.iter().any(|problem| problem.code == Code::WriteBack) => {
                Ending::Failed
            }
            Self::Whole(decided, settled, _) | Self::Ordered(decided, settled) => reached(decided, settled),
            Self::Shown(decided, settled) => match reached(decided, settled) {
                Ending::Done if decided.plan.has_changes() || decided.plan.takes_over() => Ending::Changes,
                other => other,
            },
        }
    }
}

/// How much of what it decided a pass that came to its end could do.
fn reached(decided: &Decided, settled: &Settled) -> Ending {
    let unanswered = [Code::Source, Code::GateSource];
    let down = settled
        .problems
        .iter()
        .any(|problem| unanswered.contains(&problem.code));
    if decided.plan.is_held() {
        Ending::Held
    } else if settled.counts.failed > 0 || down {
        Ending::Partial
    } else {
        Ending::Done
    }
}

/// How a pass ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All was done.
    Done,
    /// It failed.
    Failed,
    /// `plan` found changes.
    Changes,
    /// Some servers failed, or a source was down: of servers or of gates.
    Partial,
    /// A belt held part of it.
    Held,
    /// A belt or an untrusted sheet stopped it.
    Stopped,
    /// Another pass holds the store.
    Busy,
    /// Its lease ran out, or another instance took it.
    Fenced,
}

impl Ending {
    /// The word in the report (SPEC's `outcome`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Changes => "changes",
            Self::Partial => "partial",
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Busy => "busy",
            Self::Fenced => "fenced",
        }
    }

    /// The exit code of `--once`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done | Self::Changes => 0,
            Self::Failed => 1,
            Self::Partial => 4,
            Self::Held | Self::Stopped => 5,
            Self::Busy | Self::Fenced => 6,
        }
    }

    /// Whether the pass did nothing that people wait for.
    #[must_use]
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped)
    }
}
