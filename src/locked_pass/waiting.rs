//! Watches, while a pass runs, whether somebody waits for the store who should not wait long.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::adapters::stores::Place;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

/// Looks until it is dropped.
pub(super) struct Watch {
    seen: watch::Receiver<bool>,
    looking: JoinHandle<()>,
}

impl Watch {
    /// Begins to look.
    pub(super) fn begin(place: &Place) -> Self {
        let place = place.clone();
        let (found, seen) = watch::channel(false);
        let looking = tokio::spawn(async move {
            while !place.is_waited_for() {
                sleep(LOOK).await;
            }
            found.send_replace(true);
            // A channel that is closed would say nothing any more.
            found.closed().await;
        });
        Self { seen, looking }
    }

    /// Holds true as soon as somebody waits.
    pub(super) fn receiver(&self) -> watch::Receiver<bool> {
        self.seen.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
