//! What the service does at a tick, on a task of its own: reads changed files again, and makes a pass.

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::reload::{ConfigFiles, Loaded, Reload};
use crate::clients::policy;
use crate::clock::now;
use crate::locked_pass::{PassOptions, at_tick};
use crate::pass_end::Ending;
use crate::plan::Allowed;
use crate::refusal::Refusal;
use crate::report::Report;

/// What was done.
pub(super) struct Worked {
    pub(super) reload: Reload,
    pub(super) pass: Option<Result<Report, Refusal>>,
}

/// Reloads if the files changed, then makes a pass with the clients that there are.
pub(super) async fn work(
    files: ConfigFiles,
    mut loaded: Option<Loaded>,
    pass: Option<Option<DateTime<Utc>>>,
    reload: bool,
    stop: watch::Receiver<bool>,
) -> Worked {
    let reload = files.reload(loaded.as_ref(), reload).await;
    if let Reload::New(new) = &reload {
        loaded = Some(new.clone());
    }
    let pass = match (pass, loaded, &reload) {
        (None, ..) => None,
        (Some(tick), Some(Loaded { clients, .. }), _) => {
            let policy = policy(&clients.config, &Allowed::default(), false);
            let options = PassOptions::silent().until(stop).serving(tick);
            match at_tick(&clients, &policy, options, now()).await {
                // Another one was faster: no pass was missed.
                Ok(Some(report)) if tick.is_some() && report.outcome == Ending::Busy => None,
                pass => pass.transpose(),
            }
        }
        (Some(_), None, Reload::Bad(refusal)) => Some(Err(refusal.clone())),
        (Some(_), None, _) => Some(Err(Refusal::failed("nothing is connected"))),
    };
    Worked { reload, pass }
}
