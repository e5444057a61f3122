//! Which changes of a server are sent when: whoever gives its traffic up waits until all who take it have it.

use crate::fleet::Stage;
use crate::rollout::{ACTIVE, Rollouts};
use crate::tag::{Change, ChannelName};

/// The changes of a server, each with its stage. Whatever decided so, a change that takes traffic away is in the later one.
#[must_use]
pub fn staged(changes: &[Change], channel: Option<&ChannelName>, rollouts: &Rollouts) -> Vec<(Vec<Change>, Stage)> {
    let is_role = |change: &Change| rollouts.colours().any(|colours| colours.role_tag == change.tag);
    let gives_up = |change: &&Change| is_role(change) && change.before.as_deref() == Some(ACTIVE);
    let comes = |change: &Change| is_role(change) && &*change.after == ACTIVE;
    let (later, first): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(gives_up);
    let opens = channel.filter(|_| first.iter().any(|change| comes(change))).cloned();
    let after = channel.cloned().map_or(Stage::First(None), Stage::After);
    let parts = [(first, Stage::First(opens)), (later, after)];
    let parts = parts.into_iter().filter(|(changes, _)| !changes.is_empty());
    parts
        .map(|(changes, stage)| (changes.into_iter().cloned().collect(), stage))
        .collect()
}
