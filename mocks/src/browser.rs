//! The sandbox in a browser: one page on loopback over the emulators, for people who have no account yet.
//!
//! The page edits the emulated spreadsheet by the checks that people meet there, breaks and mends the emulated cloud, and shows
//! what a service that runs against them said. It knows that service by the JSON of its reports alone, and the service sees
//! what people did by its APIs alone.

mod assets;
mod board;
mod edit;
mod facts;
mod guard;
mod http;
mod mail;
mod parts;
mod people;
mod state;
mod story;
mod switches;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::faults::{Server, serve_on};
use crate::sandbox::Sandbox;
use http::Port;
use state::State;

/// The running page. Dropping it closes its port.
#[derive(Debug)]
pub struct Browser {
    server: Server,
    state: Arc<State>,
}

impl Browser {
    /// Serves the page over a sandbox, on this port of the loopback address (0: a free one).
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(world: Arc<Sandbox>, port: u16) -> io::Result<Self> {
        let state = Arc::new(State::new(world));
        let known = Port::default();
        let router = http::router(Arc::clone(&state), Arc::clone(&known));
        let server = serve_on(SocketAddr::from(([127, 0, 0, 1], port)), router).await?;
        // Nobody has it yet who could call before this.
        let _ = known.set(server.addr());
        Ok(Self { server, state })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.addr())
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.addr().port()
    }

    /// Waits until somebody opens the page.
    pub async fn opened(&self) {
        self.state.opened.notified().await;
    }

    /// Waits until somebody asks for a pass.
    pub async fn asked(&self) {
        self.state.asked.notified().await;
    }

    /// Waits until somebody asks for a new world.
    pub async fn again(&self) {
        self.state.again.notified().await;
    }

    /// Tells whether a pass runs.
    pub fn running(&self, running: bool) {
        self.state.running(running);
    }

    /// Tells what a pass reported at its end, as JSON; `why` says what kept it from its work.
    pub fn ended(&self, report: &Value, why: Option<&str>, at: DateTime<Utc>) {
        self.state.note(report, why, at);
    }

    /// Tells where the service shows its own page.
    pub fn status_page(&self, url: String) {
        self.state.status_page(url);
    }
}
