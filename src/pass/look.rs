//! Observes for as long as a pass may: nothing was done yet, so it can be left at any time, and then says why.

use super::{Blind, Hands, Order, World, observe};
use crate::problem::{Code, Kind, Problem};

/// The code of the problem of a pass that was told to stop before it decided anything.
pub const INTERRUPTED: Code = Code::Interrupted;

/// Observes until it is told to stop or the time is up.
pub(super) async fn look(order: &Order<'_>, hands: &Hands<'_>) -> Result<World, Blind> {
    let failed = |code, what: &str| Blind::Failed(Problem::new(Kind::ApiFailure, code, "pass", what));
    let mut stop = hands.stop.clone();
    tokio::select! {
        biased;
        Ok(_) = stop.wait_for(|stop| *stop) => Err(failed(
            INTERRUPTED,
            "told to stop before anything was decided; nothing was changed, and the next pass starts over",
        )),
        () = tokio::time::sleep_until(hands.tagging_ends) => Err(failed(
            Code::Late,
            "schedule.pass_timeout was up before spreadsheet and cloud were read; nothing was changed. If they are always \
             this slow, raise it",
        )),
        world = observe(hands.reader, hands.fleet, hands.store, order.names, order.now) => world,
    }
}
