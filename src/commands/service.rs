//! Runs until it is told to stop, with a pass on each tick of the schedule; and lets a single pass be stopped likewise.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Refusal, now};
use crate::cli::Invocation;
use crate::config::{Config, Mode};
use crate::sandbox;
use crate::service::board::Board;
use crate::service::metrics::Metrics;
use crate::service::reload::Source;
use crate::service::schedule::Ticks;
use crate::service::signals::{Signals, say_stopping, see_out};
use crate::service::{Service, http, log_panics, schedule};

pub(super) async fn run(asked: &Invocation, config: Config) -> Result<u8, Refusal> {
    log_panics();
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let signals = Signals::all().map_err(|error| Refusal::failed(format!("signals cannot be heard: {error}")))?;
    let schedule = schedule(&config)?;
    let metrics = Metrics::new().map_err(Refusal::failed)?;
    let observe = config.mode == Mode::Observe;
    let board = Board::new(metrics, schedule.clone(), &config.sheets.spreadsheet_id, observe, now());
    let board = Arc::new(board);
    let source = Source {
        path: asked.config.clone(),
        environment: Config::environment(),
        sandbox: credentials,
    };
    let loaded = match source.first(config.clone()).await {
        Ok(loaded) => Some(loaded),
        Err(refusal) if refusal.code == 2 => return Err(refusal),
        Err(refusal) => {
            tracing::error!(reason = %refusal, "nothing can be connected yet; each tick tries again");
            None
        }
    };
    let door = match config.http.listen {
        Some(address) => Some(http::bind(address).await.map_err(|error| {
            Refusal::config(format!(
                "http.listen {address} cannot be opened ({error}); name another address and port, or \"\" for none"
            ))
        })?),
        None => None,
    };
    let ticks = Ticks::of(&schedule)
        .await
        .map_err(|error| Refusal::failed(format!("the schedule cannot be started: {error}")))?;
    let listens = door.as_ref().and_then(|door| door.local_addr().ok());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        cron = schedule.line(),
        first = schedule
            .next(now())
            .map(|next| next.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        http.listen = listens.map(|address| address.to_string()),
        "service started"
    );
    let answering = door.map(|door| tokio::spawn(http::serve(door, Arc::clone(&board))));
    let code = Service::new(source, config, loaded, board, ticks).serve(signals).await;
    if let Some(answering) = answering {
        answering.abort();
    }
    Ok(code)
}

/// Makes a pass that SIGINT and SIGTERM end well.
///
/// # Errors
/// The exit code, when the pass did not end in time or a second signal came.
pub(super) async fn stoppable<T, F>(grace: Duration, pass: impl FnOnce(watch::Receiver<bool>) -> F) -> Result<T, u8>
where
    F: Future<Output = T>,
{
    let (stop, stopped) = watch::channel(false);
    let pass = pass(stopped);
    let Ok(mut signals) = Signals::to_stop() else {
        // Then the first signal ends it at once, which harms nothing.
        return Ok(pass.await);
    };
    tokio::pin!(pass);
    tokio::select! {
        biased;
        done = &mut pass => return Ok(done),
        told = signals.stop() => {
            say_stopping(told, grace);
            stop.send_replace(true);
        }
    }
    see_out(pass, &mut signals, grace).await
}
