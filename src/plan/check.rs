//! Checks a plan against what it was made from, before anything of it is applied: trusts nothing that the planner says and
//! shares no code with it.
//!
//! Nothing is written without an [`Approved`], and only [`check`] makes one.

mod blind;
mod colours;
mod evidence;
mod ground;
mod order;
mod releases;
mod servers;
mod voices;

use super::inputs::Inputs;
use super::model::{Plan, ServerPlan};
use crate::memory::{Binding, Update};
pub use blind::check_blind;
use evidence::Evidence;
pub use order::check_order;

/// A plan that may be applied.
#[derive(Debug)]
pub struct Approved<'p> {
    plan: &'p Plan,
}

impl<'p> Approved<'p> {
    /// The servers whose tags are to be changed, with their changes, in the order of the plan.
    pub fn changes(&self) -> impl Iterator<Item = &'p ServerPlan> + use<'p> {
        self.plan.servers.iter().filter(|server| !server.changes.is_empty())
    }

    /// What is to be remembered first.
    #[must_use]
    pub fn update(&self) -> &'p Update {
        &self.plan.update
    }
}

/// All that a stopped plan may remember: which belts stopped it, and which other store the spreadsheet names.
fn only_reasons(inputs: Inputs<'_>, plan: &Plan) -> Update {
    let claims = &inputs.sheet.display.stores;
    let named = |binding: &&Binding| {
        let rival = binding.rival.as_ref();
        let known = Binding {
            rival: rival.cloned(),
            ..inputs.memory.binding.clone().unwrap_or_default()
        };
        **binding == known && rival.is_some_and(|rival| *rival != inputs.memory.store && claims.contains(rival))
    };
    Update {
        tripped: plan.update.tripped.clone(),
        binding: plan.update.binding.as_ref().filter(named).cloned(),
        ..Update::default()
    }
}

/// Checks a plan.
///
/// # Errors
/// Everything that the plan would do and may not, one line each. The pass then writes nothing: it is a fault of the program,
/// not of the sheet.
pub fn check<'p>(inputs: Inputs<'_>, plan: &'p Plan) -> Result<Approved<'p>, Vec<String>> {
    let mut faults = Vec::new();
    if plan.stop.is_empty() {
        let evidence = Evidence::new(inputs, plan);
        releases::check(&evidence, &mut faults);
        servers::check(&evidence, &mut faults);
        colours::check(&evidence, &mut faults);
    } else if !plan.servers.is_empty() || !plan.channels.is_empty() || plan.update != only_reasons(inputs, plan) {
        faults.push("the plan is stopped, but is not empty".to_owned());
    }
    if faults.is_empty() {
        Ok(Approved { plan })
    } else {
        Err(faults)
    }
}
