//! The Sheets API v4, the token endpoint, and what gives tokens without a key.
//!
//! Requests are taken apart by `route`, checked against `schema`, and applied to a `model` of typed cells: what reads
//! goes through `values` and `grid`, what writes works on a copy in a `txn` that counts whole or not at all. Where the
//! documents leave open what the real service does, the stricter reading is taken.

mod a1;
mod answer;
mod append;
mod batch;
mod cell;
mod dims;
mod error;
mod grid;
mod http;
mod human;
mod identity;
mod mask;
mod metadata;
mod model;
mod range;
mod route;
mod schema;
mod token;
mod txn;
mod value;
mod values;
mod view;
mod world;
mod write;

pub use cell::{Cell, CellValue};
pub use human::{At, Back, Barred, Deed};
pub use identity::{AUDIENCE, AWS_ACCOUNT, PERSON, REFRESH_TOKEN};
pub use model::{Line, Metadata, Protected, Row, Spreadsheet, Tab};
pub use range::GridRange;
pub use token::SERVICE_ACCOUNT;
pub use txn::Write;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;

use crate::faults::{Script, Server, Traffic, serve_on};
use identity::state::Identity;
use token::Tokens;
use world::{Quota, Shared, World};

/// A running emulator of one spreadsheet. Dropping it closes its port.
#[derive(Debug)]
pub struct SheetsEmulator {
    server: Server,
    desk: Desk,
}

/// The spreadsheet of a running emulator, for scripted edits: it can be moved into a hook of the script.
#[derive(Clone, Debug)]
pub struct Desk {
    shared: Shared,
}

impl Desk {
    /// Lets somebody edit the spreadsheet by hand; calls of the API see all of the edit or nothing.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut Spreadsheet) -> R) -> R {
        let mut world = self.shared.world();
        world.revision += 1;
        edit(&mut world.book)
    }

    /// Looks at the spreadsheet, and at how many times something may have changed it.
    pub fn look<R>(&self, look: impl FnOnce(&Spreadsheet, u64) -> R) -> R {
        let world = self.shared.world();
        look(&world.book, world.revision)
    }

    /// The same, unless a call is being answered just now.
    pub fn look_if_free<R>(&self, look: impl FnOnce(&Spreadsheet, u64) -> R) -> Option<R> {
        let world = self.shared.world.try_lock().ok()?;
        Some(look(&world.book, world.revision))
    }

    /// The spreadsheet as it is now.
    #[must_use]
    pub fn book(&self) -> Spreadsheet {
        self.shared.world().book.clone()
    }

    /// Every cell that the API wrote so far, in order, with what it held before.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.shared.world().writes.clone()
    }

    /// Forgets the writes so far.
    pub fn forget_writes(&self) {
        self.shared.world().writes.clear();
    }

    /// Shares the file with the service account, or no longer does.
    pub fn share(&self, shared: bool) {
        self.shared.world().shared = shared;
    }

    /// Shares the file with the service account for looking only, or for editing again.
    pub fn share_as_viewer(&self, viewer: bool) {
        self.shared.world().viewer = viewer;
    }

    /// Limits reads and writes a minute, with minutes of the given length; there is no limit until then.
    pub fn set_quota(&self, reads: u32, writes: u32, minute: Duration) {
        self.shared.world().quota = Some(Quota::new(reads, writes, minute));
    }

    /// Lets refusals for want of quota say that this long is to be waited, or until the minute is over if that is longer.
    /// Without it they do not say.
    pub fn set_retry_after(&self, wait: Option<Duration>) {
        self.shared.world().retry_after = wait;
    }

    /// How long tokens given from now on are good.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.world().tokens.lifetime = lifetime;
    }

    /// Lets the identity provider give this token, and no other.
    pub fn set_subject(&self, token: &str) {
        self.shared.world().identity.subjects = [token.to_owned()].into();
    }

    /// Lets whoever may ask IAM have the tokens of this account, by way of these and no others.
    pub fn let_impersonate(&self, email: &str, delegates: &[&str]) {
        let delegates = delegates.iter().map(|email| (*email).to_owned()).collect();
        self.shared
            .world()
            .identity
            .accounts
            .insert(email.to_owned(), delegates);
    }

    /// Lets nobody have the tokens of any account.
    pub fn forbid_impersonation(&self) {
        self.shared.world().identity.accounts.clear();
    }

    /// The scopes that the person of [`PERSON`] agreed to.
    pub fn set_agreed_scopes(&self, scopes: &str) {
        scopes.clone_into(&mut self.shared.world().identity.agreed);
    }

    /// The body of the last request to IAM.
    #[must_use]
    pub fn asked_of_iam(&self) -> serde_json::Value {
        self.shared.world().identity.asked.clone()
    }

    /// Lets no token given so far count any more.
    pub fn revoke_tokens(&self) {
        self.shared.world().tokens.revoke();
    }
}

impl SheetsEmulator {
    /// Serves the spreadsheet on a free port of the loopback address.
    pub async fn start(book: Spreadsheet) -> Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), book).await
    }

    /// Serves the spreadsheet on the given address.
    pub async fn start_on(addr: SocketAddr, book: Spreadsheet) -> Result<Self> {
        let tokens = Tokens::new(String::new());
        let world = World {
            book,
            tokens,
            identity: Identity::new(),
            writes: Vec::new(),
            shared: true,
            viewer: false,
            quota: None,
            retry_after: None,
            revision: 0,
        };
        let shared = Shared {
            world: Arc::new(Mutex::new(world)),
            script: Script::new(),
        };
        let server = serve_on(addr, http::router(shared.clone())).await?;
        let emulator = Self {
            server,
            desk: Desk { shared },
        };
        emulator.desk.shared.world().tokens.uri = emulator.token_uri();
        Ok(emulator)
    }

    /// The bytes that crossed its connections so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.server.traffic()
    }

    /// The root of the API, with a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/", self.server.addr())
    }

    /// Where tokens are to be had.
    #[must_use]
    pub fn token_uri(&self) -> String {
        format!("http://{}/token", self.server.addr())
    }

    /// The key file of [`SERVICE_ACCOUNT`], as JSON.
    pub fn service_account_key_json(&self) -> Result<String> {
        token::key_json(&self.token_uri())
    }

    /// What is to happen to calls, and what did.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.desk.shared.script
    }

    /// The spreadsheet itself, for hooks.
    #[must_use]
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Lets somebody edit the spreadsheet by hand.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut Spreadsheet) -> R) -> R {
        self.desk.edit(edit)
    }

    /// The spreadsheet as it is now.
    #[must_use]
    pub fn book(&self) -> Spreadsheet {
        self.desk.book()
    }

    /// Every cell that the API wrote so far, in order, with what it held before.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.desk.writes()
    }
}

#[cfg(test)]
mod tests;
