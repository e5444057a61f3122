//! Observes for as long as a pass may: nothing was done yet, so it can be left at any time, and then says why.

use tokio::time::sleep_until;

use super::input::{PassClients, PassInput};
use crate::journal::Journal;
use crate::observe::{self, ObserveError, Observed};
use crate::pass_end::PassEnd;
use crate::problem::{Code, Kind, Problem};

/// Opens the journal and observes, until it is told to stop or the time is up.
pub(super) async fn observe<'a, 'j>(
    input: &PassInput<'_>,
    clients: &PassClients<'a>,
    journal: &'j mut Option<Journal<'a>>,
) -> Result<(&'j mut Journal<'a>, Observed), PassEnd> {
    let failed = |code, place: &str, what: &str| Problem::new(Kind::ApiFailure, code, place, what);
    let mut stop = clients.stop.clone();
    tokio::select! {
        biased;
        Ok(_) = stop.wait_for(|stop| *stop) => Err(PassEnd::Interrupted(failed(
            Code::Interrupted,
            "pass",
            "told to stop before anything was decided, so nothing was changed; the next pass starts over",
        ))),
        () = sleep_until(clients.tagging_ends) => Err(PassEnd::Blind(failed(
            Code::Late,
            "pass",
            "schedule.pass_timeout was up before spreadsheet and cloud were read, so nothing was changed; if they are always \
             this slow, raise it",
        ))),
        seen = async {
            let unread = |error: crate::memory::StoreError| blind("state", &error.to_string());
            let journal = journal.insert(Journal::open(clients.store).await.map_err(unread)?);
            let memory = journal.memory();
            let observed = observe::observe(clients.reader, clients.fleet, memory, input.names, input.now).await;
            Ok((journal, observed.map_err(end)?))
        } => seen,
    }
}

/// The end of a pass that could not observe.
pub(super) fn end(error: ObserveError) -> PassEnd {
    match error {
        ObserveError::Unreachable(error) => blind("spreadsheet", &error.to_string()),
        ObserveError::Untrusted(problems) => PassEnd::Unread(problems),
    }
}

/// The end of a pass that could not read `place`.
pub(super) fn blind(place: &str, what: &str) -> PassEnd {
    PassEnd::Blind(Problem::new(Kind::ApiFailure, Code::Observe, place, what))
}
