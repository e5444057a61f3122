//! The state store, for commands that only read it: none of them makes one, and each says where there is none.

use crate::clients::store_place;
use crate::clock::now;
use crate::config::Config;
use crate::memory::Store;
use crate::refusal::Refusal;

/// Refuses to go on with one that was moved elsewhere.
pub(super) async fn must_serve(config: &Config) -> Result<(), Refusal> {
    store_place(config)
        .moved(now())
        .await
        .map_or(Ok(()), |moved| Err(moved.into()))
}

/// Opens it to read. One that is not there is empty.
pub(super) async fn to_read(config: &Config) -> Result<Box<dyn Store>, Refusal> {
    store_place(config).to_read(now()).await.map_err(Refusal::from)
}

/// What is said where there is none; `None` where there is one. A missing store looks like an empty one, and most often another
/// is meant.
pub(super) async fn absent(config: &Config) -> Result<Option<String>, Refusal> {
    let found = store_place(config).is_there().await.map_err(Refusal::from)?;
    Ok((!found).then(|| {
        format!(
            "there is no state store at {} (state.url): no pass has been made with it yet, or the service runs with another \
             configuration; use that one",
            config.state.place
        )
    }))
}

/// Refuses to go on without one.
pub(super) async fn must_be_there(config: &Config) -> Result<(), Refusal> {
    absent(config).await?.map_or(Ok(()), |absent| {
        Err(Refusal::config(format!(
            "{absent}; if the file is lost, see \"The state is lost\" in config/deploy/NIGHT.md. Nothing was changed"
        )))
    })
}
