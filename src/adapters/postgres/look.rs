//! Looks at the row of the lease, without touching it.

use chrono::{DateTime, Utc};
use sqlx::Row as _;

use super::address::Address;
use super::holder::Holder;
use super::layout::{self, Found};
use super::session::{Mode, Session, sql};
use super::trouble;
use crate::adapters::rows::Fault;
use crate::lease::Row;
use crate::memory::StoreError;

/// What the row says.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Ticks and times.
    pub row: Row,
    /// The lease's number.
    pub epoch: i64,
    /// Who holds it, or held it last.
    pub holder: Option<Holder>,
    /// When it ends or ended.
    pub expires_at: Option<DateTime<Utc>>,
    /// How the last pass ended, as JSON.
    pub last: Option<String>,
}

const LOOK: &str = "SELECT clock_timestamp(), epoch, holder, tick, next, NULLIF(expires_at, '-infinity'), released, last, \
    config FROM lease WHERE name = 'pass'";

/// What the row says, and the configuration of whoever took it.
pub(super) async fn look(session: &mut Session) -> Result<(Standing, String), Fault> {
    session.begin(Mode::Read).await?;
    let row = session.one(sql(LOOK)).await?;
    session.end().await?;
    let (expires_at, released): (Option<DateTime<Utc>>, bool) = (row.try_get(5)?, row.try_get(6)?);
    let holder: String = row.try_get(2)?;
    let now: DateTime<Utc> = row.try_get(0)?;
    let standing = Standing {
        row: Row {
            now,
            tick: row.try_get(3)?,
            next: row.try_get(4)?,
            held_until: expires_at.filter(|_| !released),
        },
        epoch: row.try_get(1)?,
        holder: Holder::of_json(&holder),
        expires_at,
        last: row.try_get(7)?,
    };
    Ok((standing, row.try_get(8)?))
}

/// The database's time.
///
/// # Errors
/// When it cannot be reached.
pub(in crate::adapters) async fn now(address: &Address) -> Result<DateTime<Utc>, StoreError> {
    let ask = async {
        let mut session = Session::connect(address).await?;
        session.begin(Mode::Read).await?;
        let now = session.one(sql("SELECT clock_timestamp()")).await?.try_get(0)?;
        session.end().await?;
        Ok(now)
    };
    ask.await.map_err(|fault| trouble::at(fault, address))
}

/// Looks at the row again and again, over one connection.
#[derive(Debug)]
pub struct Look {
    address: Address,
    session: Option<Session>,
}

impl Look {
    /// Has not looked yet.
    #[must_use]
    pub fn new(address: &Address) -> Self {
        Self {
            address: address.clone(),
            session: None,
        }
    }

    /// Looks over a new connection next time: this one was given up in the middle of a look.
    pub fn give_up(&mut self) {
        self.session = None;
    }

    /// What the row says; `None` where there is no store.
    ///
    /// # Errors
    /// When that cannot be told.
    pub async fn look(&mut self) -> Result<Option<Standing>, StoreError> {
        let looked = self.looked().await;
        looked.map_err(|fault| trouble::at(fault, &self.address))
    }

    async fn looked(&mut self) -> Result<Option<Standing>, Fault> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::connect(&self.address).await?,
        };
        session.begin(Mode::Read).await?;
        let found = layout::inspect(&mut session, &self.address).await?;
        session.end().await?;
        let standing = match found {
            Found::Nothing => None,
            Found::Current => Some(look(&mut session).await?.0),
        };
        self.session = Some(session);
        Ok(standing)
    }
}

/// What the row says; `None` where there is no store.
///
/// # Errors
/// As [`Look::look`].
pub async fn standing(address: &Address) -> Result<Option<Standing>, StoreError> {
    Look::new(address).look().await
}
