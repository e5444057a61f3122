//! What kept a pass from its work: the problem that report, mail, log and status page name first.

use super::Report;
use crate::pass_end::Ending;
use crate::problem::{Code, Kind, Problem};

impl Report {
    /// What kept the pass from all or part of its work, the most serious first. Nothing for a pass that was done.
    #[must_use]
    pub fn causes(&self) -> Vec<&Problem> {
        if matches!(self.outcome, Ending::Done | Ending::Changes) {
            return Vec::new();
        }
        let mut causes: Vec<&Problem> = self.problems.iter().filter(|problem| is_cause(problem)).collect();
        causes.sort_by_key(|problem| weight(self.outcome, problem));
        causes
    }

    /// The first of them, on one line that says where.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let problem = *self.causes().first()?;
        let said = problem.place.is_empty() || problem.message.contains(&problem.place);
        Some(if said {
            problem.message.clone()
        } else {
            format!("{}: {}", problem.place, problem.message)
        })
    }
}

fn is_cause(problem: &Problem) -> bool {
    let stops = ends_a_pass(problem.code) && problem.kind != Kind::Release;
    stops || matches!(problem.kind, Kind::ApiFailure | Kind::Belt)
}

/// Whether it ends a whole pass, rather than a part of it.
fn ends_a_pass(code: Code) -> bool {
    let failures = [
        Code::Act,
        Code::Busy,
        Code::Check,
        Code::Interrupted,
        Code::Late,
        Code::Observe,
        Code::WriteBack,
    ];
    let stops = [Code::History, Code::Store, Code::Structure, Code::Tab];
    failures.contains(&code) || stops.contains(&code)
}

/// A pass that failed can have met a belt, too, and one that a belt held a source that was down.
fn weight(outcome: Ending, problem: &Problem) -> u8 {
    let whole = ends_a_pass(problem.code);
    let belt = problem.kind == Kind::Belt;
    match outcome {
        Ending::Failed => u8::from(belt) * 2 + u8::from(!whole),
        Ending::Held => u8::from(!belt),
        Ending::Partial => u8::from(whole || belt),
        _ => u8::from(!whole),
    }
}
