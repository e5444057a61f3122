//! Gates on agents: read from the members of a rollout as the fleet shows them, so nobody is asked.

use crate::gate::{Gate, Kind, Taken};
use crate::plan::gate::{MemberSays, of_agents};
use crate::tag::Version;

/// What a gate on agents gives; `None` for a gate of another kind, which was asked.
pub(super) fn read(gate: &Gate, release: &Version, members: &[MemberSays<'_>]) -> Option<Taken> {
    let Kind::Agents(agents) = &gate.kind else {
        return None;
    };
    Some(Taken {
        reading: of_agents(agents, release.as_str(), members),
        asked: Vec::new(),
        left_out: false,
    })
}
