//! Which servers have ended: what they take with them was not lost.

use super::trip::DAY;
use crate::memory::ServerMemory;
use crate::plan::inputs::Inputs;
use crate::plan::joined::Joined;

/// Whether a server has ended: seen so, or missing for a day. `memory` is what is remembered of it, by now or before.
pub(super) fn has_ended(joined: &Joined<'_>, memory: Option<&ServerMemory>, inputs: Inputs<'_>) -> bool {
    match joined.server {
        Some(server) => !server.state.is_live(),
        None => memory.is_some_and(|m| m.terminated || m.missing_since.is_some_and(|since| inputs.now - since >= DAY)),
    }
}
