//! Carries steps out, and reads the spreadsheet again to see what was lost, refused or undone meanwhile. The same request is never
//! sent again blindly.

use super::model::{Setup, SetupRequest, Step};
use super::plan;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::structure::{Edit, SheetBuilder};
use crate::sheet::{SheetError, SheetErrorKind, TabRequest};

/// How often what is missing is sent. More than once happens after a lost reply, or when people edit meanwhile.
const ROUNDS: u32 = 3;

/// The result of a setup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The file's name.
    pub title: String,
    /// Steps that were made; in a dry run those to make.
    pub steps: Vec<Step>,
    /// What was right before.
    pub right: usize,
    /// What was not done: the spreadsheet is not finished while there is any.
    pub failed: Vec<Problem>,
    /// What people should know.
    pub notes: Vec<Problem>,
}

impl Outcome {
    fn of(title: String, first: &Setup) -> Self {
        let mut notes = first.notes.clone();
        if let Some(place) = &first.channel_at {
            let message = format!("the channel is there already, in {place}; no row was added");
            notes.push(Setup::problem(Code::Channel, place, message));
        }
        Self {
            title,
            steps: Vec::new(),
            right: first.right,
            failed: [first.refused.clone(), first.open.clone()].concat(),
            notes,
        }
    }

    /// Takes in what was done in the end, and what is left to do.
    fn finish(&mut self, left: Setup, done: Vec<Step>, trouble: Option<SheetError>) {
        self.steps = done;
        self.failed = [left.refused, left.open].concat();
        self.notes.extend(left.notes);
        self.notes.sort();
        self.notes.dedup();
        if !left.steps.is_empty() {
            self.failed.extend(trouble.as_ref().map(call_failed));
            self.failed.extend(left.steps.iter().map(left_over));
        }
    }
}

/// Makes the spreadsheet as it is asked for, or only says what it would do.
///
/// # Errors
/// When the spreadsheet cannot be read before anything was written.
pub async fn carry_out(
    builder: &dyn SheetBuilder,
    request: &SetupRequest<'_>,
    dry_run: bool,
) -> Result<Outcome, SheetError> {
    let titles = request.templates.all();
    let tabs = [
        TabRequest::whole(&titles[0].title),
        TabRequest::whole(&titles[1].title),
        // It only grows, and only its header and protection are looked at.
        TabRequest::header(&titles[2].title),
    ];
    let structure = builder.read_structure(&tabs).await?;
    let mut setup = plan(&structure, request);
    let mut outcome = Outcome::of(structure.title, &setup);
    if dry_run || setup.steps.is_empty() {
        outcome.steps = setup.steps;
        return Ok(outcome);
    }
    let mut tried: Vec<Step> = Vec::new();
    let mut trouble = None;
    for _ in 0..ROUNDS {
        let edits: Vec<Edit> = setup.steps.iter().flat_map(|step| step.edits.iter().cloned()).collect();
        let sent = builder.build(&edits).await;
        let refused = matches!(&sent, Err(error) if error.kind != SheetErrorKind::OutcomeUnknown);
        if !refused {
            let new = setup.steps.iter().filter(|step| !tried.contains(step));
            tried.extend(new.cloned().collect::<Vec<_>>());
        }
        trouble = sent.err();
        let again = match builder.read_structure(&tabs).await {
            Ok(structure) => plan(&structure, request),
            Err(error) => {
                outcome.steps = if trouble.is_none() { tried } else { Vec::new() };
                outcome.failed.push(call_failed(&error));
                outcome.failed.extend(trouble.map(|error| call_failed(&error)));
                return Ok(outcome);
            }
        };
        let same = again.steps == setup.steps;
        setup = again;
        if setup.steps.is_empty() || !setup.refused.is_empty() {
            break;
        }
        // Only a lost request is sent again unchanged: anything else would end the same way.
        let lost = matches!(&trouble, Some(error) if error.kind == SheetErrorKind::OutcomeUnknown);
        if same && !lost {
            break;
        }
    }
    tried.retain(|step| !setup.steps.contains(step));
    outcome.finish(setup, tried, trouble.map(|error| with_hint(error, request)));
    Ok(outcome)
}

fn call_failed(error: &SheetError) -> Problem {
    Problem::new(Kind::ApiFailure, Code::Call, "spreadsheet", error.message.clone())
}

/// Google does not take a group's address for a user's, and does not always say so.
fn with_hint(error: SheetError, request: &SetupRequest<'_>) -> SheetError {
    let mut lists = request.a_editors.iter().chain(request.b_editors);
    let plain = lists.any(|entry| !entry.starts_with(crate::sheet::names::GROUP));
    if error.kind != SheetErrorKind::Refused || !plain {
        return error;
    }
    SheetError {
        message: format!(
            "{}; if one of dual_key.a_editors and b_editors is a group, write it as group:ADDRESS",
            error.message
        ),
        ..error
    }
}

fn left_over(step: &Step) -> Problem {
    let owner = if step.edits.iter().any(|edit| matches!(edit, Edit::Reprotect { .. })) {
        "; if Google keeps the file's owner among the editors, name that address in dual_key.owners"
    } else {
        ""
    };
    let message = format!("not done: {}{owner}", step.what);
    Setup::problem(Code::LeftOver, &step.place, message)
}
