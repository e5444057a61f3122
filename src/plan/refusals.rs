//! Which servers whose tags were refused are tried again in this pass. A refusal lasts until somebody changes something, so that each
//! try is a call for nothing; but nobody tells when that was.

use std::collections::BTreeSet;

use super::draft::{Context, Draft};
use super::model::ServerStatus;
use crate::fleet::{Reach, Source};
use crate::memory::Refused;

/// Of servers that were refused for themselves, so many are tried in each pass.
const TRIED: usize = 8;

/// Lets servers rest whose very changes were refused, until their time comes. Of those that were refused alike one is tried in each
/// pass: once it is taken, so are the others.
pub(super) fn rest(drafts: &mut [Draft<'_>], context: &Context<'_>) {
    let inputs = context.inputs;
    let mut tried_alike: BTreeSet<(&Source, &str)> = BTreeSet::new();
    let mut tried_alone = 0;
    for draft in drafts {
        let Some(memory) = draft.before else { continue };
        let (Some(refused), Some(source)) = (&memory.refused, &memory.source) else {
            continue;
        };
        if draft.plan.changes.is_empty() || !refused.is_of(&draft.plan.changes) || inputs.now >= refused.retry_at {
            continue;
        }
        let goes = match refused.reach {
            Reach::Alike => tried_alike.insert((source, &refused.why)),
            Reach::Alone => {
                tried_alone += 1;
                tried_alone <= TRIED
            }
        };
        if !goes {
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
