//! The service: connects, opens the port, starts the ticks, and runs until it is told to stop.

use std::path::Path;
use std::sync::Arc;

use crate::adapters::listen::{Bounded, listen};
use crate::clock::now;
use crate::config::{Config, Mode};
use crate::refusal::{Cause, Refusal};
use crate::sandbox;
use crate::service::metrics::Metrics;
use crate::service::reload::ConfigFiles;
use crate::service::schedule::Ticks;
use crate::service::signals::Signals;
use crate::service::state::ServiceState;
use crate::service::{Service, http, log_panics, schedule};

pub(super) async fn run(config: Config, path: &Path) -> Result<u8, Refusal> {
    log_panics();
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let signals =
        Signals::all().map_err(|error| Refusal::failed(format!("cannot install signal handlers: {error}")))?;
    let schedule = schedule(&config);
    let metrics = Metrics::new().map_err(Refusal::failed)?;
    let observe = config.mode == Mode::Observe;
    let spreadsheet = &config.sheets.spreadsheet_id;
    let state = Arc::new(ServiceState::new(
        metrics,
        schedule.clone(),
        spreadsheet,
        observe,
        now(),
    ));
    let files = ConfigFiles {
        path: path.to_owned(),
        environment: Config::environment(),
        sandbox: credentials,
    };
    let loaded = match files.first(config.clone()).await {
        Ok(loaded) => Some(loaded),
        Err(refusal) if refusal.cause == Cause::Configuration => return Err(refusal),
        Err(refusal) => {
            tracing::error!(reason = %refusal, "cannot connect yet; each tick tries again");
            None
        }
    };
    let listener = open_port(&config).await?;
    let ticks = Ticks::of(&schedule)
        .await
        .map_err(|error| Refusal::failed(format!("cannot start the schedule: {error}")))?;
    let address = listener.as_ref().and_then(|listener| listener.address().ok());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        cron = schedule.line(),
        first = schedule
            .next(now())
            .map(|next| next.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        http.listen = address.map(|address| address.to_string()),
        "service started"
    );
    let answering = listener.map(|listener| tokio::spawn(http::serve(listener, Arc::clone(&state))));
    let code = Service::new(files, config, loaded, state, ticks).serve(signals).await;
    if let Some(answering) = answering {
        answering.abort();
    }
    Ok(code)
}

async fn open_port(config: &Config) -> Result<Option<Bounded>, Refusal> {
    let Some(address) = config.http.listen else {
        return Ok(None);
    };
    let listener = listen(address).await.map_err(|error| {
        Refusal::config(format!(
            "http.listen {address} cannot be opened ({error}); name another address and port, or \"\" for none"
        ))
    })?;
    Ok(Some(listener))
}
