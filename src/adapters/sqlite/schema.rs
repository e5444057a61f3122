//! The layouts of the store: recognises one, makes a new one, brings an older one up to date, refuses a newer one.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqliteConnection};
use uuid::Uuid;

use super::rows::Rows;
use super::trouble::RESTORE;
use crate::adapters::files::host_name;
use crate::adapters::rows::{Fault, Key, Writer, about_of, crc};
use crate::memory::About;

/// A step from one layout to the next.
struct Step {
    version: i64,
    name: &'static str,
    sql: &'static str,
    /// The checksum of all `CREATE` statements once this step is made, which SQLite keeps as text in the file. sqlx panics on
    /// a type in them that is not UTF-8, so that they are checked before anything else is read.
    layout: i64,
}

/// All steps, oldest first. One that has been released must never be edited: its checksum is in every store.
const STEPS: [Step; 2] = [
    Step {
        version: 1,
        name: "first",
        sql: include_str!("migrations/0001_first.sql"),
        layout: 0xCBEC_CF2F,
    },
    Step {
        version: 2,
        name: "mail",
        sql: include_str!("migrations/0002_mail.sql"),
        layout: 0x0A88_00F7,
    },
];

/// "fltS", as the first migration sets it.
const APPLICATION_ID: i64 = 0x666C_7453;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet: it was just made, or its making was interrupted.
    Nothing,
    /// A store of this layout.
    Current,
    /// A store of an older one.
    Older,
}

/// Looks at what the file holds, and changes nothing.
pub(super) async fn inspect(connection: &mut SqliteConnection) -> Result<Found, Fault> {
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master")
        .fetch_one(&mut *connection)
        .await?;
    let changes: i64 = sqlx::query_scalar("PRAGMA schema_version")
        .fetch_one(&mut *connection)
        .await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await?;
    // All three, so that a store whose list of tables was lost is not made anew.
    if (tables, changes, application) == (0, 0, 0) {
        return Ok(Found::Nothing);
    }
    if application != APPLICATION_ID {
        return Err(Fault::Refused(
            "the file is the SQLite database of another program".into(),
            "point state.url at another path",
        ));
    }
    let version: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await?;
    let newest = STEPS.iter().map(|step| step.version).max().unwrap_or(0);
    if version > newest {
        return Err(Fault::Refused(
            format!("a newer fleetsheet wrote it (layout {version}; this one knows {newest})"),
            "run that version, or restore the backup from before the upgrade",
        ));
    }
    let layout = layout(connection).await?;
    if !STEPS
        .iter()
        .any(|step| (step.version, step.layout) == (version, layout))
    {
        return Err(Fault::Damaged(format!("its tables are not those of layout {version}")));
    }
    Ok(if version == newest {
        Found::Current
    } else {
        Found::Older
    })
}

/// Refuses a store that was moved elsewhere.
pub(super) async fn serves(connection: &mut SqliteConnection) -> Result<(), Fault> {
    match value(connection, Key::Moved).await? {
        Some(to) => Err(Fault::Moved(to)),
        None => Ok(()),
    }
}

/// A value of the table `meta`.
pub(super) async fn value(connection: &mut SqliteConnection, key: Key) -> Result<Option<String>, Fault> {
    let query = sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key.word());
    Ok(query.fetch_optional(connection).await?)
}

/// What a store of this layout says of itself.
pub(super) async fn about(connection: &mut SqliteConnection) -> Result<About, Fault> {
    let id = value(connection, Key::Store).await?.unwrap_or_default();
    let seal = value(connection, Key::Seal).await?.unwrap_or_default();
    Ok(about_of("sqlite", id, STEPS.len() as i64, seal))
}

/// The checksum of the `CREATE` statements in the file, but for the table that is sqlx's own to change.
async fn layout(connection: &mut SqliteConnection) -> Result<i64, Fault> {
    let statements: Vec<String> = sqlx::query_scalar(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> '_sqlx_migrations' ORDER BY name",
    )
    .fetch_all(connection)
    .await?;
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    Ok(crc(&statements))
}

/// Makes or updates the layout inside the caller's transaction; a new store gets an id.
pub(super) async fn migrate(connection: &mut SqliteConnection, now: DateTime<Utc>) -> Result<(), Fault> {
    let found = inspect(connection).await?;
    if found == Found::Current {
        return Ok(());
    }
    lay(connection).await?;
    if found == Found::Nothing {
        let mut rows = Rows(connection);
        let mut writer = Writer::of_nothing(&mut rows);
        writer.put_meta(Key::Store, new_store()).await?;
        let created = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        writer.put_meta(Key::Created, created).await?;
        writer.seal().await?;
    }
    // An older store keeps its seal: to seal rows that nobody verified would approve whatever happened to them. A migration that
    // changes sealed rows must load them first.
    Ok(())
}

/// Brings the tables to the newest layout, and no row.
pub(super) async fn lay(connection: &mut SqliteConnection) -> Result<(), Fault> {
    migrator().run(connection).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => {
            Fault::Sql(error)
        }
        other => Fault::Refused(format!("its layout cannot be brought up to date: {other}"), RESTORE),
    })
}

fn migrator() -> Migrator {
    Migrator::with_migrations(
        STEPS
            .into_iter()
            .map(|step| {
                let sql = step.sql.into_sql_str();
                Migration::new(step.version, step.name.into(), MigrationType::Simple, sql, false)
            })
            .collect(),
    )
}

/// The id of a new store. It begins with the machine that it is made on, which tells people more than a number.
pub(in crate::adapters) fn new_store() -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    let host: String = host_name().chars().filter(fits).take(HOST_MAX).collect();
    format!("{host}/{}", Uuid::new_v4())
}

/// Longest part of a machine's name that goes into an id, in characters.
const HOST_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;
    use crate::adapters::rows::Seal;

    /// Makes every layout in turn, and shows what to write into a new step.
    #[tokio::test]
    async fn each_step_names_the_layout_that_it_makes() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for step in STEPS {
            migrator().run_to(step.version, &mut connection).await.unwrap();
            let layout = layout(&mut connection).await.unwrap();
            assert_eq!(step.layout, layout, "layout: {layout:#010X}");
        }
    }

    #[tokio::test]
    async fn a_store_of_the_first_layout_is_brought_up_to_date_and_still_believed() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrator().run_to(1, &mut connection).await.unwrap();
        let mut rows = Rows(&mut connection);
        let mut writer = Writer::of_nothing(&mut rows);
        writer.put_meta(Key::Store, "a store".into()).await.unwrap();
        writer.seal().await.unwrap();
        let mut sealed = Seal::default();
        sealed.add(1, crc(&["meta", "store", "a store"]));
        let stored: String = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'seal'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(stored, sealed.text());
        assert_eq!(inspect(&mut connection).await.unwrap(), Found::Older);
        migrate(&mut connection, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(inspect(&mut connection).await.unwrap(), Found::Current);
        assert_eq!(
            super::super::rows::load(&mut connection).await.unwrap().store,
            "a store"
        );
    }
}
