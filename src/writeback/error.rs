//! Why results cannot be shown in the sheet.

use crate::memory::StoreError;
use crate::sheet::SheetError;

/// Why the sheet could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The spreadsheet.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A protection of somebody else keeps us from columns; all others are written.
    #[error("{message}")]
    Closed {
        /// The first of the columns.
        place: String,
        /// Which they are, and what to do.
        message: String,
    },
    /// Another state store began to serve the spreadsheet since it was read.
    #[error(
        "belt store: the store {0} has begun to serve the spreadsheet meanwhile, so this one leaves it; stop whichever of the \
         two is not meant, or let this store serve the sheet with fleetsheet --once --takeover"
    )]
    Rival(String),
}
