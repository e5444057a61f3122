//! What the system tells the program: to stop, or to read its configuration again.
//!
//! The first request to stop lets a pass end well: calls under way are finished, what was done is written back. A second
//! one, or the end of the grace, leaves it as it is; whatever was begun, the next pass finishes.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT, as from Ctrl-C.
    Interrupt,
    /// SIGTERM, as from systemd and Kubernetes.
    Terminate,
}

impl Stop {
    /// The exit code of a program that the signal ended at once, as shells count: 128 and its number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
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
}

/// Listens for signals.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens for SIGINT, SIGTERM and SIGHUP.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn all() -> io::Result<Self> {
        Ok(Self {
            hangup: Some(signal(SignalKind::hangup())?),
            ..Self::to_stop()?
        })
    }

    /// Listens for SIGINT and SIGTERM. SIGHUP ends the program, as it does where nobody listens.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn to_stop() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Heard {
        let Self {
            interrupt,
            terminate,
            hangup,
        } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => Heard::Stop(Stop::Interrupt),
            _ = terminate.recv() => Heard::Stop(Stop::Terminate),
            _ = hung_up => Heard::Reload,
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

/// Says that a pass is asked to end.
pub fn say_stopping(stop: Stop, grace: Duration) {
    info!(
        signal = stop.name(),
        grace.seconds = grace.as_secs_f64(),
        "told to stop: no further call starts, and what was done is written back; a second signal leaves at once"
    );
}

/// Waits until a pass that was asked to end has ended.
///
/// # Errors
/// The exit code, when a second signal came or `grace` is over.
pub async fn see_out<T>(work: impl Future<Output = T>, signals: &mut Signals, grace: Duration) -> Result<T, u8> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        stop = signals.stop() => {
            error!(signal = stop.name(), "told to stop a second time, and left at once; the next pass finishes what this one began");
            Err(stop.code())
        }
        () = tokio::time::sleep(grace) => {
            error!(
                grace.seconds = grace.as_secs_f64(),
                "the pass did not end within schedule.shutdown_grace and was left; the next pass finishes what it began"
            );
            Err(1)
        }
    }
}
