//! `--once`: one pass, with progress on a terminal, that signals end well.

use std::sync::{Arc, OnceLock};

use super::output::print;
use crate::calls::Calls;
use crate::cli::Format;
use crate::clients::{connect_counted, policy};
use crate::config::Config;
use crate::locked_pass::{PassOptions, once};
use crate::plan::Allowed;
use crate::progress::patience::Patience;
use crate::refusal::Refusal;
use crate::report::Report;
use crate::sandbox;
use crate::service::signals::stoppable;

pub(super) async fn run(
    config: Config,
    allow: &Allowed,
    takeover: bool,
    format: Format,
    verbosity: u8,
) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let calls = Calls::default();
    let patience = Arc::new(Patience::watch(&calls));
    let clients = connect_counted(config, credentials, calls).await?;
    let policy = policy(&clients.config, allow, takeover);
    // The report is shown before mail is sent, and whether that worked is asked at the end.
    let printed = Arc::new(OnceLock::new());
    let keep = Arc::clone(&printed);
    let hush = Arc::clone(&patience);
    let show = move |report: &Report| {
        hush.hush();
        let page = if verbosity > 0 {
            report.text_in_full()
        } else {
            report.text()
        };
        let _ = keep.set(print(format, &report.json(), &page));
    };
    let options = PassOptions::shown(clients.config.log.format).showing(show);
    let pass = |stop| once(&clients, &policy, options.until(stop));
    let ended = stoppable(clients.config.schedule.shutdown_grace, pass).await;
    if let Some(Err(unwritten)) = printed.get() {
        return Err(unwritten.clone());
    }
    match ended {
        Ok(ended) => Ok(ended?.outcome.exit_code()),
        Err(unfinished) => Ok(unfinished.exit_code()),
    }
}
