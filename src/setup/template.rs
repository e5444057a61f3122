//! What a tab is to look like: `sheet-templates/*.toml`, part of the program, read into types.
//!
//! The templates are data that people may read and change; whether they fit the parser of the sheet is tested.

use std::sync::Arc;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;

use crate::sheet::names::Names;

const RELEASE: &str = include_str!("../../sheet-templates/ReleaseSheet.toml");
const SERVER: &str = include_str!("../../sheet-templates/ServerTagAssignment.toml");
const AUDIT: &str = include_str!("../../sheet-templates/AuditLog.toml");

/// A template that cannot be read: only an edit of the templates in the source can cause it.
#[derive(Debug, thiserror::Error)]
#[error("the template of the tab {tab} cannot be read: {why}")]
pub struct TemplateError {
    tab: String,
    why: String,
}

/// Who fills a column in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// People.
    Human,
    /// The service.
    Service,
    /// The service, once a row.
    Appended,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CellKind {
    /// Text that must stay as it was typed.
    Text,
    /// A box to tick.
    Checkbox,
    /// A channel, from a dropdown.
    Channel,
    /// Whatever people like.
    Free,
}

/// Who may edit a column, besides the file's owner and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Editing {
    /// Exactly those who hold key A.
    KeyA,
    /// Exactly those who hold key B.
    KeyB,
    /// Exactly those who hold either key.
    BothKeys,
    /// None of those who hold a key.
    Nobody,
    /// Nobody at all.
    Service,
    /// Whoever may edit the file.
    Everybody,
}

/// What a column stands for several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Repeat {
    /// Each key of `tags.managed`.
    ManagedTags,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its header.
    pub header: Arc<str>,
    /// Who fills it in.
    pub owner: Owner,
    pub(crate) kind: CellKind,
    /// Who may edit it.
    pub editors: Editing,
    /// In pixels.
    pub(crate) width: u32,
    /// The help that hangs on its header.
    pub(crate) note: String,
    /// Whether a tab that has been used may go without it.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether people may have a column of their own under its header: only one that `init` made is this one.
    #[serde(default)]
    pub(crate) marked: bool,
    #[serde(default)]
    repeat: Option<Repeat>,
}

/// How cells look that begin with a text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colour {
    /// The column.
    pub header: String,
    /// The text.
    pub starts: String,
    /// `#rrggbb`.
    pub background: String,
}

/// A tab.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name; from the configuration.
    #[serde(skip)]
    pub title: String,
    /// Rows of a new one.
    pub rows: u32,
    pub(crate) frozen_rows: u32,
    /// Whether one protection covers all of it.
    #[serde(default)]
    pub(crate) protected_whole: bool,
    /// Whether protections of headers and service columns only warn: strict ones keep every editor from deleting, inserting and
    /// sorting rows.
    #[serde(default)]
    pub warning_only: bool,
    /// Its columns, in the order of a new one.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
    /// Its colours.
    #[serde(rename = "colour", default)]
    pub colours: Vec<Colour>,
    /// Its filter views.
    #[serde(rename = "filter_view", default)]
    pub filter_views: Vec<FilterView>,
}

/// A view that hides rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterView {
    /// Its name.
    pub title: String,
    /// The column that decides.
    pub header: String,
    /// What that shows in rows that are hidden.
    pub hidden: Vec<String>,
}

/// The three tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// A row for each channel.
    pub release: Template,
    /// A row for each server.
    pub server: Template,
    /// A line for each event.
    pub audit: Template,
}

impl Templates {
    /// Reads them, with the names and managed tags of the configuration.
    ///
    /// # Errors
    /// When a template is broken.
    pub fn load(names: &Names) -> Result<Self, TemplateError> {
        Ok(Self {
            release: read(RELEASE, &names.release_tab, names)?,
            server: read(SERVER, &names.server_tab, names)?,
            audit: read(AUDIT, &names.audit_tab, names)?,
        })
    }

    /// All of them, the release tab first: others refer to it.
    pub fn all(&self) -> [&Template; 3] {
        [&self.release, &self.server, &self.audit]
    }
}

fn read(text: &str, title: &str, names: &Names) -> Result<Template, TemplateError> {
    let wrong = |why: String| TemplateError {
        tab: title.to_owned(),
        why,
    };
    let mut template: Template = Figment::from(Toml::string(text))
        .extract()
        .map_err(|error| wrong(error.to_string()))?;
    title.clone_into(&mut template.title);
    let columns = std::mem::take(&mut template.columns);
    template.columns = columns.into_iter().flat_map(|column| expand(column, names)).collect();
    for colour in &template.colours {
        if rgb(&colour.background).is_none() {
            return Err(wrong(format!(
                "{:?} is not a colour such as #d9ead3",
                colour.background
            )));
        }
    }
    Ok(template)
}

fn expand(column: Column, names: &Names) -> Vec<Column> {
    match column.repeat {
        None => vec![column],
        Some(Repeat::ManagedTags) => {
            let one = |key: &crate::tag::TagKey| {
                let mut own = column.clone();
                own.header = column.header.replace("KEY", key.as_str()).into();
                own.note = column.note.replace("KEY", key.as_str());
                if names.server_authority.contains(key) {
                    own.owner = Owner::Service;
                    own.editors = Editing::Service;
                    own.note = format!("The tag {key}, as the server carries it. fleetsheet writes it.");
                }
                own
            };
            names.managed.iter().map(one).collect()
        }
    }
}

/// Red, green and blue of `#rrggbb`.
pub(super) fn rgb(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}
