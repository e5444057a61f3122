//! Signals: to stop, to read the configuration again, or to make a pass now.
//!
//! After the first signal to stop a pass ends well: calls under way are finished, and what was done is written back. After a
//! second one, or when the grace is over, the program exits at once; the next pass finishes the work.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

use crate::text::seconds;

/// A signal to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT, as from Ctrl-C.
    Interrupt,
    /// SIGTERM, as from systemd and Kubernetes.
    Terminate,
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

/// Why the program exits before a pass has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// A second signal to stop came.
    Signal(Stop),
    /// The pass took longer than the grace.
    Grace,
}

impl Unfinished {
    /// The exit code: 1, or 128 and the number of the signal, as shells count it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Grace => 1,
            Self::Signal(Stop::Interrupt) => 130,
            Self::Signal(Stop::Terminate) => 143,
        }
    }
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Stop.
    Stop(Stop),
    /// Read the configuration again.
    Reload,
    /// Make a pass now.
    Pass,
}

/// Listens for signals.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
    user: Option<Signal>,
}

impl Signals {
    /// Listens for SIGINT, SIGTERM, SIGHUP and SIGUSR1.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn all() -> io::Result<Self> {
        Ok(Self {
            hangup: Some(signal(SignalKind::hangup())?),
            user: Some(signal(SignalKind::user_defined1())?),
            ..Self::to_stop()?
        })
    }

    /// Listens for SIGINT and SIGTERM. The others end the program, as they do where nobody listens.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn to_stop() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
            user: None,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Heard {
        let Self {
            interrupt,
            terminate,
            hangup,
            user,
        } = self;
        tokio::select! {
            _ = interrupt.recv() => Heard::Stop(Stop::Interrupt),
            _ = terminate.recv() => Heard::Stop(Stop::Terminate),
            () = came(hangup) => Heard::Reload,
            () = came(user) => Heard::Pass,
        }
    }

    /// Waits for the next request to stop.
    pub async fn stop(&mut self) -> Stop {
        loop {
            if let Heard::Stop(stop) = self.next().await {
                return stop;
            }
        }
    }
}

/// Waits for a signal; for ever where nobody listens for it.
async fn came(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

/// Logs that the pass is asked to end.
pub fn say_stopping(stop: Stop, grace: Duration) {
    info!(
        signal = stop.name(),
        grace.seconds = seconds(grace),
        "told to stop: no further call starts, and what was done is written back; a second signal exits at once"
    );
}

/// Waits until a pass that was asked to end has ended.
///
/// # Errors
/// When a second signal came, or `grace` is over.
pub async fn see_out<T>(
    work: impl Future<Output = T>,
    signals: &mut Signals,
    grace: Duration,
) -> Result<T, Unfinished> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        stop = signals.stop() => {
            error!(signal = stop.name(), "second stop signal: exiting now; the next pass will finish the work");
            Err(Unfinished::Signal(stop))
        }
        () = tokio::time::sleep(grace) => {
            error!(
                grace.seconds = seconds(grace),
                "the pass did not end within schedule.shutdown_grace: exiting now; the next pass will finish the work"
            );
            Err(Unfinished::Grace)
        }
    }
}

/// Makes a pass that SIGINT and SIGTERM end well. `pass` gets a value that holds true as soon as it is to stop.
///
/// # Errors
/// When a second signal came, or `grace` is over.
pub async fn stoppable<T, F>(grace: Duration, pass: impl FnOnce(watch::Receiver<bool>) -> F) -> Result<T, Unfinished>
where
    F: Future<Output = T>,
{
    let (stop, stopped) = watch::channel(false);
    let pass = pass(stopped);
    let Ok(mut signals) = Signals::to_stop() else {
        // Then the first signal ends the program at once, which does no harm.
        return Ok(pass.await);
    };
    tokio::pin!(pass);
    tokio::select! {
        biased;
        done = &mut pass => return Ok(done),
        signal = signals.stop() => {
            say_stopping(signal, grace);
            stop.send_replace(true);
        }
    }
    see_out(pass, &mut signals, grace).await
}
