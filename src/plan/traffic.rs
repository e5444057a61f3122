//! No server gives its traffic up unless the other colour takes it: looked at once everything that may hold a change has spoken.

use super::draft::{Context, Draft};
use super::model::ServerStatus;
use crate::rollout::ACTIVE;
use crate::tag::Change;

/// Takes back what blue-green channels may not do yet.
pub(super) fn cover(drafts: &mut [Draft<'_>], context: &Context<'_>) {
    let version = &context.inputs.policy.version_tag;
    for (name, (roles, hides)) in context.roles {
        let mut own: Vec<&mut Draft<'_>> = drafts
            .iter_mut()
            .filter(|draft| draft.plan.channel.as_ref() == Some(name) && draft.live.is_some())
            .collect();
        for draft in &mut own {
            // Traffic comes only with the version that a server is to have.
            if draft.plan.withheld.iter().any(|change| change.tag == *version) {
                let comes = |change: &Change| change.tag == *roles.tag() && &*change.after == ACTIVE;
                draft.plan.changes.retain(|change| !comes(change));
            }
        }
        let counts =
            |draft: &&&mut Draft<'_>| !matches!(draft.plan.status, ServerStatus::Held | ServerStatus::Duplicate);
        let made = |draft: &Draft<'_>| {
            let mut changes = draft.plan.changes.iter();
            changes.any(|change| change.tag == *roles.tag() && &*change.after == ACTIVE)
        };
        let servers = own
            .iter()
            .filter(counts)
            .filter_map(|draft| Some((draft.live?, made(draft))));
        if !roles.is_covered(servers, *hides) {
            for draft in &mut own {
                draft.plan.changes.retain(|change| !roles.gives_up(change));
            }
        }
    }
}
