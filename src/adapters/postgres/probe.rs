//! Whether there is a store, and whether a pass could write to it, found out without writing.

use super::address::Address;
use super::layout::{self, Found};
use super::session::{Mode, Session};
use super::trouble;
use crate::memory::StoreError;

/// Whether there is a store at this address.
///
/// # Errors
/// When that cannot be told, or something else is there.
pub async fn is_there(address: &Address) -> Result<bool, StoreError> {
    let look = async {
        let mut session = Session::connect(address).await?;
        session.begin(Mode::Read).await?;
        let found = layout::inspect(&mut session, address).await?;
        session.end().await?;
        Ok(found == Found::Current)
    };
    look.await.map_err(|fault| trouble::at(fault, address))
}

/// What `check` says of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Whether it is there already; else the first pass makes it.
    pub exists: bool,
    /// What a failover could lose, in words; `None` where nothing.
    pub unprotected: Option<String>,
}

/// Looks whether a pass could open and write the store, which is neither made nor changed.
///
/// # Errors
/// When it could not.
pub async fn probe(address: &Address) -> Result<Probed, StoreError> {
    let look = async {
        let mut session = Session::connect(address).await?;
        session.begin(Mode::Write).await?;
        let found = layout::inspect(&mut session, address).await?;
        layout::can_write(&mut session).await?;
        if found == Found::Nothing {
            layout::can_make(&mut session, address).await?;
        }
        let unprotected = layout::unprotected(&mut session).await?;
        session.end().await?;
        Ok(Probed {
            exists: found == Found::Current,
            unprotected,
        })
    };
    look.await.map_err(|fault| trouble::at(fault, address))
}
