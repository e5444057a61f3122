//! What the service shows in the spreadsheet, and where: its own cells as they stand, the columns, and whose mark it carries.
//! None of it is read as intent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::layout::{Layout, TagColumn};
use crate::memory::Stamp;
use crate::tag::{Cells, ChannelName, ServerId};

/// All that the service shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Display {
    /// The release tab.
    pub release: ReleaseTab,
    /// The server tab.
    pub servers: ServerTab,
    /// The audit tab, if there is one.
    pub audit: Option<Layout>,
    /// Ids of the stores that claim this spreadsheet.
    pub stores: BTreeSet<String>,
}

/// The service's cells of the release tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseTab {
    /// Where its columns are.
    pub layout: Arc<Layout>,
    /// Its rows, from top to bottom.
    pub rows: Vec<ShownRelease>,
}

/// The service's cells in a channel's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRelease {
    /// Row number as people see it.
    pub row: u32,
    /// Its channel.
    pub channel: ChannelName,
    /// The cells that show whether the row is as the service left it.
    pub stamp: Stamp,
    /// `status`.
    pub status: String,
}

/// The service's cells of the server tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTab {
    /// Where its columns are.
    pub layout: Arc<Layout>,
    /// Columns of people's that an array formula fills: what is entered there breaks it.
    pub filled: BTreeSet<Arc<str>>,
    /// Its rows, from top to bottom.
    pub rows: Vec<ShownServer>,
    /// The same of rows whose text is not an instance id.
    pub misnamed: Vec<ShownServer>,
    /// `tag:` columns that show what the server carries.
    pub shown_tags: Vec<TagColumn>,
}

/// The service's cells in a server's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownServer {
    /// Row number as people see it.
    pub row: u32,
    /// Its server.
    pub id: ServerId,
    /// The service cells as they stand, by canonical header; `tag:` columns of the server's authority too.
    pub service: Cells,
}

impl ServerTab {
    /// All rows that have a key, from top to bottom, those that are about no server last.
    pub(crate) fn keyed(&self) -> impl Iterator<Item = &ShownServer> {
        self.rows.iter().chain(&self.misnamed)
    }
}

impl ShownServer {
    /// `updatedAt`, empty where there is none.
    #[must_use]
    pub fn updated_at(&self) -> &str {
        self.service.get("updatedAt").map_or("", |text| text)
    }
}
