//! Looks whether everything that a pass needs is there, and says what to do where it is not.

use crate::cli::Invocation;

use super::Refusal;

pub(super) async fn run(_asked: &Invocation, _send_test_mail: bool) -> Result<u8, Refusal> {
    Err(Refusal::failed(
        "this version does not have this command yet; use --once (from a scheduler), plan, explain, history or sandbox",
    ))
}
