//! The service in a sandbox, as `fleetsheet run` has it: the tabs made ready by what `init` does, then a pass on each tick, and
//! what each of them reported on the page.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetsheet_mocks::browser::Browser;
use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::adapters::listen::listen;
use crate::calls::Calls;
use crate::clients::{StaticCredentials, connect_sheets, names};
use crate::clock::now;
use crate::config::Config;
use crate::sandbox::error::SandboxError;
use crate::service::metrics::Metrics;
use crate::service::reload::ConfigFiles;
use crate::service::schedule::Ticks;
use crate::service::signals::Signals;
use crate::service::state::ServiceState;
use crate::service::{Service, http, schedule};
use crate::setup::{SetupRequest, Templates, carry_out};

/// How often it is looked whether a pass runs.
const LOOK: Duration = Duration::from_millis(200);

/// Ends a task with whoever started it.
struct Guarded(JoinHandle<()>);

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs the service until it is told to stop by a signal, and shows on the page what it does.
pub(super) async fn live(
    browser: &Browser,
    config: &Config,
    credentials: &StaticCredentials,
    signals: Signals,
) -> Result<(), SandboxError> {
    make_ready(config).await?;
    let schedule = schedule(config);
    let metrics = Metrics::new().map_err(SandboxError::because)?;
    let spreadsheet = &config.sheets.spreadsheet_id;
    let state = Arc::new(ServiceState::new(metrics, schedule.clone(), spreadsheet, false, now()));
    let files = ConfigFiles {
        path: PathBuf::new(),
        environment: [].into(),
        sandbox: credentials.clone(),
    };
    let loaded = files.first(config.clone()).await.map_err(SandboxError::because)?;
    let ticks = Ticks::of(&schedule).await.map_err(SandboxError::because)?;
    // A port of its own, whatever the configuration says: another one may run on this machine.
    let port = listen(([127, 0, 0, 1], 0).into())
        .await
        .map_err(SandboxError::because)?;
    if let Ok(address) = port.address() {
        browser.status_page(format!("http://{address}/"));
    }
    let _answering = Guarded(tokio::spawn(http::serve(port, Arc::clone(&state))));
    let service = Service::new(files, config.clone(), Some(loaded), Arc::clone(&state), ticks);
    tokio::select! {
        _ = service.serve(signals) => Ok(()),
        () = show(browser, &state) => Ok(()),
    }
}

/// Passes on what the service did and what the page asks for, for ever.
async fn show(browser: &Browser, state: &ServiceState) {
    let mut passes = state.passes();
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            Ok(()) = passes.changed() => {
                if let Some(last) = state.snapshot().last {
                    let report = last.report.as_ref().map(|report| report.json()).unwrap_or_default();
                    browser.ended(&report, last.why().as_deref(), last.at);
                }
            }
            () = browser.asked() => state.ask(),
            _ = look.tick() => browser.running(state.snapshot().running.is_some()),
        }
    }
}

/// Help, lists, colours and all else that `init` makes.
async fn make_ready(config: &Config) -> Result<(), SandboxError> {
    let sheets = connect_sheets(config, Calls::default())
        .await
        .map_err(SandboxError::because)?;
    let account = sheets.service_account_email().to_owned();
    let names = names(config, &account);
    let templates = Templates::load(&names).map_err(SandboxError::because)?;
    let request = SetupRequest {
        templates: &templates,
        names: &names,
        a_editors: &config.dual_key.a_editors,
        b_editors: &config.dual_key.b_editors,
        account: &account,
        channel: None,
        fresh_id: uuid::Uuid::new_v4().as_fields().0 & 0x3fff_ffff,
    };
    let sheets = sheets.with_deadline(Instant::now() + config.schedule.pass_timeout);
    let outcome = carry_out(&sheets, &request, false)
        .await
        .map_err(SandboxError::because)?;
    match outcome.failed.first() {
        Some(problem) => Err(SandboxError::because(&problem.message)),
        None => Ok(()),
    }
}
