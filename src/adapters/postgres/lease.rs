//! The lease of a pass: one row, whose times are all the database's.
//!
//! It is taken, renewed and released in one statement each. A task with a connection of its own renews it for as long as it has not
//! run out, so that no long commit and no hanging read keeps it from that.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::address::Address;
use super::copy::Whole;
use super::fence::Fence;
use super::holder::Holder;
use super::layout;
use super::look::{Standing, look};
use super::session::{Mode, Session, sql};
use super::store::PostgresStore;
use super::trouble;
use crate::adapters::rows::Fault;
use crate::clock::clocks;
use crate::lease::{Leave, Term};
use crate::memory::StoreError;

/// A lease is renewed so many times before it would run out.
const RENEWALS: u32 = 6;

/// After a renewal that failed it is tried again so soon.
const AGAIN: Duration = Duration::from_millis(500);

/// How long the end of a pass waits for its lease to be released: what cannot be released runs out.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks, and for what.
    pub holder: Holder,
    /// The tick that the pass serves; `None` for one that was asked for.
    pub tick: Option<DateTime<Utc>>,
    /// How long a lease is.
    pub length: Duration,
    /// How long a call may take.
    pub call: Duration,
    /// A hash of the configuration.
    pub config: String,
}

/// What came of asking.
pub(in crate::adapters) enum Answer {
    /// It was granted.
    Granted(Box<Lease>),
    /// Somebody else holds it.
    Held(Box<Standing>),
    /// That tick was served.
    Served,
}

/// A lease that was granted. Dropped without [`Lease::end`] it runs out.
#[derive(Debug)]
pub struct Lease {
    address: Address,
    epoch: i64,
    leave: Leave,
    holder: Holder,
    /// Since when, by the database.
    since: DateTime<Utc>,
    /// Whose lease ran out before.
    expired: Option<Holder>,
    /// The configuration of the last holder, if it had another, and who that was.
    other_config: Option<Holder>,
    renewing: JoinHandle<()>,
    session: Option<Session>,
}

/// How a pass ended, for those who come after.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// When the next tick is due.
    pub next: Option<DateTime<Utc>>,
    /// The tick is still to be served: the pass was told to stop.
    pub gives_back: bool,
    /// How it ended, as JSON.
    pub last: Option<String>,
}

const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, taken_from = CASE WHEN released THEN '' ELSE holder END, \
    before = tick, tick = GREATEST(tick, $1), holder = $2, config = $3, released = false, \
    expires_at = clock_timestamp() + $4 * interval '1 second' \
    WHERE name = 'pass' AND ((released AND ($1::timestamptz IS NULL OR tick IS NULL OR tick < $1)) \
    OR (NOT released AND expires_at <= clock_timestamp())) RETURNING epoch, taken_from, clock_timestamp()";

const RENEW: &str = "UPDATE lease SET expires_at = clock_timestamp() + $2 * interval '1 second' \
    WHERE name = 'pass' AND epoch = $1 AND NOT released AND expires_at > clock_timestamp()";

const RELEASE: &str = "UPDATE lease SET released = true, next = $2, tick = CASE WHEN $3 THEN before ELSE tick END, \
    last = COALESCE($4, last) WHERE name = 'pass' AND epoch = $1 AND NOT released";

/// Ends transactions that have held the row for longer than any may: one whose client stands still in the middle of a message is not
/// idle in the server's eyes.
const CLEAR_THE_WAY: &str = "SELECT pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a WHERE a.usename = current_user \
    AND a.pid <> pg_backend_pid() AND a.xact_start < clock_timestamp() - interval '10 seconds' \
    AND a.pid IN (SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.relation = 'lease'::regclass \
    AND l.mode IN ('RowShareLock', 'RowExclusiveLock')) \
    AND EXISTS (SELECT FROM lease WHERE name = 'pass' AND NOT released AND expires_at <= clock_timestamp())";

/// Takes the lease, or says who has it. Makes the store where it is missing.
pub(in crate::adapters) async fn take(address: &Address, asked: Asked) -> Result<Answer, StoreError> {
    taken(address, asked).await.map_err(|fault| trouble::at(fault, address))
}

async fn taken(address: &Address, mut asked: Asked) -> Result<Answer, Fault> {
    let mut session = Session::connect(address).await?;
    session.begin(Mode::Write).await?;
    layout::can_write(&mut session).await?;
    let row = session.one(sql("SELECT clock_timestamp()")).await?;
    let now: DateTime<Utc> = row.try_get(0)?;
    layout::prepare(&mut session, address, now).await?;
    session.commit().await?;
    asked.holder.since = now;
    let before = look(&mut session).await?;
    let sent = clocks();
    let take = async {
        session.begin(Mode::Lease).await?;
        let take = sql(TAKE)
            .bind(asked.tick)
            .bind(asked.holder.json())
            .bind(&asked.config)
            .bind(asked.length.as_secs_f64());
        let row = session.first(take).await?;
        session.commit().await?;
        Ok::<Option<PgRow>, Fault>(row)
    };
    let row = match take.await {
        Ok(row) => row,
        Err(fault) => {
            if trouble::is_lock_timeout(&fault) {
                clear_the_way(address).await?;
            }
            return Err(fault);
        }
    };
    let Some(row) = row else {
        let standing = look(&mut session).await?.0;
        return Ok(match standing.row.held_until {
            Some(_) => Answer::Held(Box::new(standing)),
            None => Answer::Served,
        });
    };
    let (epoch, from): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
    let leave = Leave::new(Term::since(sent, asked.length), asked.call, clocks);
    let fence = Fence {
        epoch,
        leave: leave.clone(),
    };
    let (before, config) = before;
    let other_config = before.holder.filter(|_| !config.is_empty() && config != asked.config);
    Ok(Answer::Granted(Box::new(Lease {
        address: address.clone(),
        epoch,
        leave,
        since: row.try_get(2)?,
        expired: Holder::of_json(&from),
        other_config,
        holder: asked.holder,
        renewing: tokio::spawn(renew(address.clone(), fence, asked.length)),
        session: Some(session),
    })))
}

async fn clear_the_way(address: &Address) -> Result<(), Fault> {
    let mut session = Session::connect(address).await?;
    session.begin(Mode::Lease).await?;
    session.all(sql(CLEAR_THE_WAY)).await?;
    session.end().await
}

/// Renews until the lease is lost or this is aborted. The end is counted from before each renewal was sent.
async fn renew(address: Address, fence: Fence, length: Duration) {
    let every = length / RENEWALS;
    let mut session = None;
    let mut pause = every;
    while !fence.leave.is_lost() {
        let left = fence.leave.left();
        tokio::select! {
            () = sleep(pause.min(left)) => {}
            () = fence.leave.lost() => return,
        }
        if fence.leave.is_lost() {
            return;
        }
        // What hangs is given up in time for another attempt.
        let limit = every.max(AGAIN * 2);
        let sent = clocks();
        let attempt = tokio::time::timeout(limit, renewed(&address, &mut session, fence.epoch, length));
        match attempt.await {
            Ok(Ok(true)) => {
                fence.leave.renewed(Term::since(sent, length));
                pause = every;
            }
            Ok(Ok(false)) => {
                fence.leave.lose();
                return;
            }
            Ok(Err(fault)) => {
                tracing::debug!(error = ?fault, "the lease could not be renewed; trying again");
                (session, pause) = (None, AGAIN);
            }
            Err(_) => (session, pause) = (None, AGAIN),
        }
    }
}

async fn renewed(address: &Address, place: &mut Option<Session>, epoch: i64, length: Duration) -> Result<bool, Fault> {
    let mut session = match place.take() {
        Some(session) => session,
        None => Session::connect(address).await?,
    };
    session.begin(Mode::Lease).await?;
    let renew = sql(RENEW).bind(epoch).bind(length.as_secs_f64());
    let done = session.execute(renew).await?;
    session.commit().await?;
    *place = Some(session);
    Ok(done == 1)
}

impl Lease {
    /// Its number.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Since when, by the database's clock.
    #[must_use]
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// The leave to act under it.
    #[must_use]
    pub fn leave(&self) -> &Leave {
        &self.leave
    }

    /// Who held one that ran out before this one.
    #[must_use]
    pub fn expired(&self) -> Option<&Holder> {
        self.expired.as_ref()
    }

    /// The last holder, if its configuration was another one.
    #[must_use]
    pub fn other_config(&self) -> Option<&Holder> {
        self.other_config.as_ref()
    }

    /// The store, which takes commits for as long as the lease is good.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn store(&mut self) -> Result<PostgresStore, StoreError> {
        let session = self.session().await?;
        Ok(PostgresStore::fenced(&self.address, self.fence(), session))
    }

    /// The store as a whole, to be copied elsewhere.
    pub(in crate::adapters) async fn whole(&mut self) -> Result<Whole, StoreError> {
        let session = self.session().await?;
        Ok(Whole::fenced(&self.address, self.fence(), session))
    }

    fn fence(&self) -> Fence {
        Fence {
            epoch: self.epoch,
            leave: self.leave.clone(),
        }
    }

    async fn session(&mut self) -> Result<Session, StoreError> {
        match self.session.take() {
            Some(session) => Ok(session),
            None => Session::connect(&self.address)
                .await
                .map_err(|fault| trouble::at(fault, &self.address)),
        }
    }

    /// Releases it. The calls in hand have ended, or were dropped.
    pub async fn end(self, ended: Ended) {
        self.leave.lose();
        self.renewing.abort();
        let release = async {
            let mut session = Session::connect(&self.address).await?.limited(RELEASE_LIMIT);
            session.begin(Mode::Lease).await?;
            let release = sql(RELEASE)
                .bind(self.epoch)
                .bind(ended.next)
                .bind(ended.gives_back)
                .bind(ended.last.as_deref());
            session.execute(release).await?;
            session.commit().await
        };
        match tokio::time::timeout(RELEASE_LIMIT, release).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                let error = trouble::at(fault, &self.address);
                tracing::warn!(error = %error, "the lease could not be released; it runs out by itself");
            }
            Err(_) => tracing::warn!("the lease could not be released in time; it runs out by itself"),
        }
    }

    /// Who holds it.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leave.lose();
        self.renewing.abort();
    }
}
