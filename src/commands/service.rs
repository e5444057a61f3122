//! Runs until it is told to stop, with a pass on each tick of the schedule.

use crate::cli::Invocation;
use crate::config::Config;

use super::Refusal;

pub(super) async fn run(_asked: &Invocation, _config: Config) -> Result<u8, Refusal> {
    Err(Refusal::failed(
        "this version does not have this command yet; use --once (from a scheduler), plan, explain, history or sandbox",
    ))
}
