//! Which servers whose tags were refused are tried again in this pass. A refusal lasts until somebody changes something, so that each
//! try is a call for nothing; but nobody tells when that was.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::draft::{Context, Draft};
use super::model::ServerStatus;
use crate::fleet::{Reach, Source};
use crate::memory::{Refused, ServerMemory};
use crate::tag::Change;

/// Of servers that were refused for themselves, so many are tried in each pass.
const TRIED: usize = 8;

/// The tries of one pass. Of those that were refused alike one is tried in each: once it is taken, so are the others.
#[derive(Default)]
pub(super) struct Tries<'a> {
    alike: BTreeSet<(&'a Source, &'a str)>,
    alone: usize,
}

impl<'a> Tries<'a> {
    /// The refusal for which a server's changes rest in this pass: these very changes were refused, their time has not come, and enough
    /// others are tried.
    pub(super) fn rests(
        &mut self,
        known: &'a ServerMemory,
        changes: &[Change],
        now: DateTime<Utc>,
    ) -> Option<&'a Refused> {
        let (refused, source) = (known.refused.as_ref()?, known.source.as_ref()?);
        if changes.is_empty() || !refused.is_of(changes) || now >= refused.retry_at {
            return None;
        }
        let goes = match refused.reach {
            Reach::Alike => self.alike.insert((source, &refused.why)),
            Reach::Alone => {
                self.alone += 1;
                self.alone <= TRIED
            }
        };
        (!goes).then_some(refused)
    }
}

/// Lets servers rest whose very changes were refused, until their time comes.
pub(super) fn rest(drafts: &mut [Draft<'_>], context: &Context<'_>) {
    let mut tries = Tries::default();
    for draft in drafts {
        let Some(known) = draft.before else { continue };
        if let Some(refused) = tries.rests(known, &draft.plan.changes, context.inputs.now) {
            draft.rest(refused);
        }
    }
}

impl Draft<'_> {
    fn rest(&mut self, refused: &Refused) {
        self.unapproved.clear();
        self.plan.withheld.append(&mut self.plan.changes);
        self.plan.status = ServerStatus::Refused(refused.clone());
    }
}
