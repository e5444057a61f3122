//! The end of a pass: what people have to be told goes into the state store, whatever became of the pass.

use tracing::warn;

use super::{Blind, Hands, Order};
use crate::alert::{Scene, Sight, review};
use crate::memory::{Memory, Update};
use crate::plan::Plan;
use crate::report::Report;
use crate::sheet::parse::Sheet;

/// A pass that is over.
pub(super) struct Ended {
    pub(super) report: Report,
    sight: Sight,
    /// What it knew at its end; `None` to ask the store.
    memory: Option<Box<Memory>>,
    seen: Option<Box<(Sheet, Plan)>>,
}

impl Ended {
    /// A pass that found nothing to decide from.
    pub(super) fn blind(run: &str, blind: Blind) -> Self {
        let (sight, memory) = match &blind {
            Blind::Failed(_) => (Sight::Blind, None),
            Blind::Untrusted(_, memory) => (Sight::Unread, Some(memory.clone())),
        };
        Self {
            report: Report::blind(run, blind),
            sight,
            memory,
            seen: None,
        }
    }

    /// A pass that came so far.
    pub(super) fn at(sight: Sight, report: Report, memory: Option<Memory>, sheet: Sheet, plan: Plan) -> Self {
        Self {
            report,
            sight,
            memory: memory.map(Box::new),
            seen: Some(Box::new((sheet, plan))),
        }
    }

    /// Remembers what is open and writes the letters that are due. Trouble here changes nothing about the pass.
    pub(super) async fn remember(&self, order: &Order<'_>, hands: &Hands<'_>) {
        let loaded;
        let memory = match &self.memory {
            Some(memory) => memory,
            None => match hands.store.load().await {
                Ok(memory) => {
                    loaded = memory;
                    &loaded
                }
                Err(error) => return warn!(error = %error, "nobody can be told by mail"),
            },
        };
        let seen = self.seen.as_deref();
        let scene = Scene {
            report: &self.report,
            sight: self.sight,
            plan: seen.map(|(_, plan)| plan),
            sheet: seen.map(|(sheet, _)| sheet),
        };
        let update = review(memory, &scene, &hands.mail, order.now);
        if update != Update::default()
            && let Err(error) = hands.store.commit(&update).await
        {
            warn!(error = %error, "what is open could not be remembered, so nobody is told of it by mail");
        }
    }
}
