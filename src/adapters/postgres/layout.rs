//! The layout of the store in its schema: recognises it, makes it, refuses what is newer or somebody else's.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::Row as _;

use super::address::Address;
use super::rows::Rows;
use super::session::{Session, sql};
use crate::adapters::rows::{Carrier as _, Fault, Key, Table, Writer, about_of};
use crate::adapters::sqlite::new_store;
use crate::memory::About;

/// The layout that this version writes. Its tables are those of SQLite's layout with this number, and the lease.
pub const LAYOUT: i64 = 2;

/// The oldest PostgreSQL that is known to keep what is promised.
const OLDEST: i32 = 130_000;

/// "fltS", which makes this lock nobody else's.
const MAKING: i64 = 0x666C_7453;

const TABLES: &str = include_str!("layout/0002.sql");

/// All tables of a store.
const NAMES: [&str; 8] = [
    "channels", "events", "lease", "meta", "news", "outbox", "problems", "servers",
];

/// What a schema holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or it is not there.
    Nothing,
    /// A store of this layout.
    Current,
}

/// Looks at what the schema holds, and changes nothing.
pub(super) async fn inspect(session: &mut Session, address: &Address) -> Result<Found, Fault> {
    let look = "SELECT current_setting('server_version_num')::int, \
                COALESCE(ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
                ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                ORDER BY c.relname COLLATE \"C\"), '{}')";
    let row = session.one(sql(look).bind(&address.schema)).await?;
    let (version, tables): (i32, Vec<String>) = (row.try_get(0)?, row.try_get(1)?);
    if version < OLDEST {
        let what = format!("the server is PostgreSQL {}", version / 10_000);
        return Err(Fault::Refused(what, "use PostgreSQL 13 or newer"));
    }
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    let others = || {
        Fault::Refused(
            format!("the schema {} belongs to another program", address.schema),
            "name another one in state.schema, which is made where it is missing",
        )
    };
    if !tables.iter().any(|table| table == "meta") || !tables.iter().any(|table| table == "lease") {
        return Err(others());
    }
    let columns = "SELECT COUNT(*) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'meta' \
                   AND a.attname IN ('key', 'value', 'crc') AND NOT a.attisdropped";
    let count: i64 = session.one(sql(columns).bind(&address.schema)).await?.try_get(0)?;
    if count != 3 {
        return Err(others());
    }
    let ask = "SELECT (SELECT value FROM meta WHERE key = 'layout'), (SELECT value FROM meta WHERE key = 'moved')";
    let row = session.one(sql(ask)).await?;
    let (text, moved): (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    let layout = text.as_deref().and_then(|text| text.parse::<i64>().ok());
    match layout {
        Some(LAYOUT) if tables == NAMES => moved.map_or(Ok(Found::Current), |to| Err(Fault::Moved(to))),
        Some(LAYOUT) => Err(Fault::Damaged(format!("its tables are not those of layout {LAYOUT}"))),
        Some(newer) if newer > LAYOUT => Err(Fault::Refused(
            format!("a newer fleetsheet wrote it (layout {newer}; this one knows {LAYOUT})"),
            "run that version, or restore the backup from before the upgrade",
        )),
        _ => Err(Fault::Damaged("its layout is not known".into())),
    }
}

/// What a store of this layout says of itself.
pub(super) async fn about(session: &mut Session) -> Result<About, Fault> {
    let ask = "SELECT (SELECT value FROM meta WHERE key = 'store'), (SELECT value FROM meta WHERE key = 'seal')";
    let row = session.one(sql(ask)).await?;
    let (id, seal): (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(about_of(
        "postgres",
        id.unwrap_or_default(),
        LAYOUT,
        seal.unwrap_or_default(),
    ))
}

/// Makes the layout where there is none. Whoever else does the same waits.
pub(super) async fn prepare(session: &mut Session, address: &Address, now: DateTime<Utc>) -> Result<(), Fault> {
    if inspect(session, address).await? == Found::Current {
        return Ok(());
    }
    alone(session).await?;
    if inspect(session, address).await? == Found::Current {
        return Ok(());
    }
    lay(session, address).await?;
    let mut rows = Rows(session);
    let mut writer = Writer::of_nothing(&mut rows);
    writer.put_meta(Key::Store, new_store()).await?;
    let created = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    writer.put_meta(Key::Created, created).await?;
    writer.seal().await
}

/// Waits until nobody else makes a store, until the transaction ends.
pub(super) async fn alone(session: &mut Session) -> Result<(), Fault> {
    let lock = sql("SELECT pg_advisory_xact_lock($1)").bind(MAKING);
    session.execute(lock).await.map(drop)
}

/// Makes the tables, and no row but that of the layout.
pub(super) async fn lay(session: &mut Session, address: &Address) -> Result<(), Fault> {
    let schema = address.schema.replace('"', "\"\"");
    let there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
    let there: bool = session.one(sql(there).bind(&address.schema)).await?.try_get(0)?;
    if !there {
        session.raw(format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    session.raw(TABLES.to_owned()).await?;
    let layout = [(Key::Layout.word(), LAYOUT.to_string())];
    Rows(session).put(Table::Meta, &layout).await.map(drop)
}

/// Refuses a server that takes no writes.
pub(super) async fn can_write(session: &mut Session) -> Result<(), Fault> {
    let ask = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
    let row = session.one(sql(ask)).await?;
    match (row.try_get(0)?, row.try_get(1)?) {
        (false, false) => Ok(()),
        (true, _) => Err(Fault::Refused(
            "the server is a standby, which takes no writes".into(),
            "let state.url lead to the primary",
        )),
        (_, true) => Err(Fault::Refused(
            "the server takes no writes (default_transaction_read_only)".into(),
            "let it take them, or let state.url lead to one that does",
        )),
    }
}

/// Refuses where this user could not make the store.
pub(super) async fn can_make(session: &mut Session, address: &Address) -> Result<(), Fault> {
    let ask = "SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) \
               THEN has_schema_privilege($1, 'CREATE') ELSE has_database_privilege(current_database(), 'CREATE') END";
    match session.one(sql(ask).bind(&address.schema)).await?.try_get(0)? {
        true => Ok(()),
        false => Err(not_allowed()),
    }
}

pub(super) fn not_allowed() -> Fault {
    Fault::Refused(
        "this user may connect but not create the store".into(),
        "GRANT CREATE ON DATABASE to this user for the first pass, or make the schema with this user as its owner",
    )
}

/// What a failover to a standby could lose, in words.
pub(super) async fn unprotected(session: &mut Session) -> Result<Option<String>, Fault> {
    let ask = "SELECT current_setting('synchronous_standby_names') = ''";
    let alone: bool = session.one(sql(ask)).await?.try_get(0)?;
    Ok(alone.then(|| {
        "no synchronous standby (synchronous_standby_names is empty): should a standby ever take over, the last commits can be \
         missing, and passes stop until somebody decides"
            .to_owned()
    }))
}
