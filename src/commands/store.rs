//! The state store, for commands that only read it: none of them makes one, and each says where there is none.

use crate::adapters::sqlite::{Access, SqliteStore, is_there};
use crate::clients::store_url;
use crate::clock::now;
use crate::config::Config;
use crate::refusal::Refusal;

/// Opens it to read. One that is not there is empty.
pub(super) async fn to_read(config: &Config) -> Result<SqliteStore, Refusal> {
    SqliteStore::open(&store_url(config), Access::Read, now())
        .await
        .map_err(Refusal::failed)
}

/// What is said where there is none; `None` where there is one. A missing store looks like an empty one, and most often another
/// is meant.
pub(super) fn absent(config: &Config) -> Result<Option<String>, Refusal> {
    let found = is_there(&store_url(config)).map_err(Refusal::failed)?;
    Ok((!found).then(|| {
        format!(
            "there is no state store at {} (state.url): no pass has been made with it yet, or the service runs with another \
             configuration; use that one",
            config.state.path.display()
        )
    }))
}

/// Refuses to go on without one.
pub(super) fn must_be_there(config: &Config) -> Result<(), Refusal> {
    absent(config)?.map_or(Ok(()), |absent| {
        Err(Refusal::config(format!(
            "{absent}; if the file is lost, see \"The state is lost\" in config/deploy/NIGHT.md. Nothing was changed"
        )))
    })
}
