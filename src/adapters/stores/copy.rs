//! Moves a store: into an empty place, whole, in one transaction; read back and compared; and only then the old one is closed.
//!
//! Wherever it ends, the old store serves until it is closed, and what stands in the new place is nothing or the whole. A copy is marked
//! until the old store is closed, so that a repeat knows what it may write over: a copy that nobody has used.

use super::{Held, Place, Right};
use crate::adapters::postgres;
use crate::adapters::rows::{Fault, Key, Mover, Table, carry, first_difference, taken};
use crate::adapters::sqlite::{self, StoreLock, last};
use crate::memory::{LastPass, StoreError};

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How many sealed rows.
    pub rows: i64,
    /// What they add up to.
    pub seal: String,
}

/// One end of a copy.
enum End {
    File(sqlite::Whole, String),
    Database(Box<postgres::Whole>),
}

impl End {
    async fn source(held: &mut Held) -> Result<Self, StoreError> {
        Ok(match (&mut held.right, &held.place) {
            (Right::Lease(lease), _) => Self::Database(Box::new(lease.whole().await?)),
            (Right::Lock(_), place) => {
                let url = place.url();
                Self::File(sqlite::Whole::source(&url).await?, url)
            }
        })
    }

    async fn target(place: &Place) -> Result<Self, StoreError> {
        Ok(match place {
            Place::File(url) => Self::File(sqlite::Whole::target(url).await?, url.clone()),
            Place::Database(address) => Self::Database(Box::new(postgres::Whole::target(address).await?)),
        })
    }

    /// Where it is, whatever the current directory is.
    fn url(&self, as_asked: &str) -> String {
        match self {
            Self::File(whole, _) => format!("sqlite:{}", whole.path().display()),
            Self::Database(_) => as_asked.to_owned(),
        }
    }

    fn said(&self, fault: Fault) -> StoreError {
        match self {
            Self::File(whole, _) => whole.said(fault),
            Self::Database(whole) => whole.said(fault),
        }
    }

    fn rows(&mut self) -> Result<Box<dyn Mover + '_>, Fault> {
        Ok(match self {
            Self::File(whole, _) => Box::new(whole.rows()?),
            Self::Database(whole) => Box::new(whole.rows()),
        })
    }

    async fn begin(&mut self, writes: bool) -> Result<(), StoreError> {
        let begun = match self {
            Self::File(whole, _) => whole.begin(writes).await,
            Self::Database(whole) => whole.begin(writes).await,
        };
        begun.map_err(|fault| self.said(fault))
    }

    async fn end(&mut self, commits: bool) -> Result<(), StoreError> {
        let ended = match self {
            Self::File(whole, _) => whole.end(commits).await,
            Self::Database(whole) => whole.end(commits).await,
        };
        ended.map_err(|fault| self.said(fault))
    }

    /// Makes room for the store of this id: in a place that is empty, or that holds a copy of it which nobody has used.
    async fn make_room(&mut self, store: &str) -> Result<(), Fault> {
        let mark = match self {
            Self::File(whole, _) => whole.room().await?,
            Self::Database(whole) => whole.room().await?,
        };
        let Some(mark) = mark else { return Ok(()) };
        if mark.store != store {
            return Err(taken("a copy of another store is there"));
        }
        let mut rows = self.rows()?;
        rows.untell().await?;
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Meta) {
            rows.clear(table).await?;
        }
        let mut keys = Vec::new();
        loop {
            let page = rows.page(Table::Meta, keys.last().map_or("", String::as_str)).await?;
            if page.is_empty() {
                break;
            }
            keys.extend(page.into_iter().map(|(key, ..)| key));
        }
        let own: Vec<&str> = keys
            .iter()
            .map(String::as_str)
            .filter(|key| *key != Key::Layout.word())
            .collect();
        rows.delete(Table::Meta, &own).await.map(drop)
    }

    /// Keeps how the last pass ended. Nothing depends on it.
    async fn note(&mut self, ended: &LastPass) -> Result<(), Fault> {
        match self {
            Self::File(_, url) => {
                if let Err(error) = last::note(url, ended) {
                    tracing::warn!(error = %error, "cannot note how the last pass ended");
                }
                Ok(())
            }
            Self::Database(whole) => whole.note(&serde_json::to_string(ended).unwrap_or_default()).await,
        }
    }
}

/// Moves the store that is held to `to`, and closes it here. `asked` is that address as it is to be written in `state.url`.
///
/// # Errors
/// When it cannot be moved, or another store is there. The old store serves then, unless it says itself that it is closed.
pub async fn copy(held: &mut Held, to: &Place, asked: &str) -> Result<Copied, StoreError> {
    let ended = held.last().await;
    let mut from = End::source(held).await?;
    // Others must not begin a pass on a copy that is being made.
    let _lock = match to {
        Place::File(url) => Some(StoreLock::acquire(
            url,
            &sqlite::Holder::here(held.run(), held.what(), held.now()),
        )?),
        Place::Database(_) => None,
    };
    let mut target = End::target(to).await?;
    from.begin(false).await?;
    target.begin(true).await?;
    let store = about(&mut from).await?;
    target.make_room(&store).await.map_err(|fault| target.said(fault))?;
    let carried = async {
        let (here, there) = (|fault| (true, fault), |fault| (false, fault));
        let (mut one, mut other) = (from.rows().map_err(here)?, target.rows().map_err(there)?);
        carry(&mut *one, &mut *other).await
    };
    let carried = carried.await;
    let (_, seal) = carried.map_err(|(source, fault)| if source { from.said(fault) } else { target.said(fault) })?;
    if let Some(ended) = &ended {
        target.note(ended).await.map_err(|fault| target.said(fault))?;
    }
    target.end(true).await?;
    from.end(false).await?;
    compare(&mut from, &mut target).await?;
    // Now it is whole there, and only now it is closed here.
    let there = target.url(asked);
    set(&mut from, Key::Moved, Some(there)).await?;
    set(&mut target, Key::Copied, None).await?;
    Ok(Copied {
        rows: seal.rows(),
        seal: seal.text(),
    })
}

/// The id of the store.
async fn about(from: &mut End) -> Result<String, StoreError> {
    let rows = async { from.rows()?.page(Table::Meta, "").await }.await;
    let rows = rows.map_err(|fault| from.said(fault))?;
    let id = rows.into_iter().find(|(key, ..)| key == Key::Store.word());
    Ok(id.map(|(_, id, _)| id).unwrap_or_default())
}

async fn compare(from: &mut End, target: &mut End) -> Result<(), StoreError> {
    from.begin(false).await?;
    target.begin(false).await?;
    let differs = async {
        let (mut one, mut other) = (from.rows()?, target.rows()?);
        first_difference(&mut *one, &mut *other).await
    };
    let fault = match differs.await {
        Ok(None) => None,
        Ok(Some(what)) => Some(Fault::Damaged(format!("what was copied reads otherwise: {what}"))),
        Err(fault) => Some(fault),
    };
    if let Some(fault) = fault {
        return Err(target.said(fault));
    }
    from.end(false).await?;
    target.end(false).await
}

/// Sets a mark of a place, or removes it, in a transaction of its own.
async fn set(end: &mut End, key: Key, value: Option<String>) -> Result<(), StoreError> {
    end.begin(true).await?;
    let done = async {
        let mut rows = end.rows()?;
        match value {
            Some(value) => rows.put(Table::Meta, &[(key.word(), value)]).await,
            None => rows.delete(Table::Meta, &[key.word()]).await,
        }
    };
    done.await.map_err(|fault| end.said(fault))?;
    end.end(true).await
}
