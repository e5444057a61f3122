//! Observes for as long as a pass may, and nobody waits for the store: nothing was done yet, so it can be left at any time, and then
//! says why.

use tokio::time::sleep_until;

use super::gates::Asking;
use super::input::{PassClients, PassInput};
use crate::journal::Journal;
use crate::memory::StoreError;
use crate::observe::{self, ObserveError, Observed, Unreachable};
use crate::pass_end::PassEnd;
use crate::problem::{Code, Kind, Problem};

/// Why a pass did not observe what it decides from.
pub(super) enum Sightless {
    /// It ends here.
    Ends(PassEnd),
    /// The sheet cannot be read; all else was seen.
    Blind(Box<Unreachable>),
}

/// Opens the journal and observes, until it is told to stop, the time is up, or somebody waits for the store.
pub(super) async fn observe<'a>(
    input: &PassInput<'_>,
    clients: &PassClients<'a>,
    journal: &mut Option<Journal<'a>>,
) -> Result<Observed, Sightless> {
    let failed = |code, place: &str, what: &str| Problem::new(Kind::ApiFailure, code, place, what);
    let (mut stop, mut waited_for) = (clients.stop.clone(), clients.waited_for.clone());
    tokio::select! {
        biased;
        Ok(_) = stop.wait_for(|stop| *stop) => Err(Sightless::Ends(PassEnd::Interrupted(failed(
            Code::Interrupted,
            "pass",
            "told to stop before anything was decided, so nothing was changed; the next pass starts over",
        )))),
        Ok(_) = waited_for.wait_for(|waited_for| *waited_for) => Err(Sightless::Ends(PassEnd::GaveWay(failed(
            Code::Busy,
            "state",
            "a rollback by command waits for the state store, so this pass gave way before anything was decided, and changed \
             nothing; the next pass starts over",
        )))),
        () = sleep_until(clients.tagging_ends) => Err(Sightless::Ends(PassEnd::Blind(failed(
            Code::Late,
            "pass",
            "the time for this pass was up before spreadsheet and cloud were read, so nothing was changed: one of them hardly \
             answers; the next pass tries again. If a fleet as large as this always takes so long, raise schedule.pass_timeout",
        )))),
        seen = async {
            let unread = |error: StoreError| Sightless::Ends(blind("state", &error.to_string()));
            // The cloud, whose pages come one after the other, need not wait for the memory, which says what to read of the sheet.
            let read = async {
                let journal = journal.insert(Journal::open(clients.store).await.map_err(unread)?);
                let asking = Asking {
                    clients: clients.gates,
                    policy: input.policy,
                    now: input.now,
                };
                let memory = journal.memory();
                Ok(observe::read_sheet(clients.reader, &asking, memory, input.names, input.now).await)
            };
            let seen = async { Ok(clients.fleet.read().await) };
            let (read, fleet) = tokio::try_join!(read, seen)?;
            match observe::understand(read, fleet, input.names) {
                Ok(observed) => Ok(observed),
                Err(ObserveError::Unreachable(seen)) => Err(Sightless::Blind(seen)),
                Err(error) => Err(Sightless::Ends(end(error))),
            }
        } => seen,
    }
}

/// The end of a pass that could not observe.
pub(super) fn end(error: ObserveError) -> PassEnd {
    match error {
        ObserveError::Unreachable(seen) => blind("spreadsheet", &seen.error.to_string()),
        ObserveError::Untrusted(problems) => PassEnd::Unread(problems),
    }
}

/// The end of a pass that could not read `place`.
pub(super) fn blind(place: &str, what: &str) -> PassEnd {
    PassEnd::Blind(Problem::new(Kind::ApiFailure, Code::Observe, place, what))
}
