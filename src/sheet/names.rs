//! What the configuration says about a spreadsheet: the names of its tabs, which tags it manages, and who holds which key.

use std::collections::BTreeSet;

use crate::tag::TagKey;

/// What the parser needs to know from the configuration.
#[derive(Clone, Debug)]
pub struct Names {
    /// Name of the release tab.
    pub release_tab: String,
    /// Name of the server tab.
    pub server_tab: String,
    /// Name of the audit tab.
    pub audit_tab: String,
    /// Tag keys that `tag:` columns may manage.
    pub managed: Vec<TagKey>,
    /// Managed keys for which the server, not the sheet, has the say.
    pub server_authority: BTreeSet<TagKey>,
    /// Who holds which key.
    pub keyholders: Keyholders,
}

/// Who holds which key, from the configuration. Addresses are compared in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyholders {
    /// Who may edit `desiredVersionA`.
    pub a: BTreeSet<String>,
    /// Who may edit `desiredVersionB`.
    pub b: BTreeSet<String>,
    /// The file's owners and the service account, left out of comparisons: they can edit anything anyway.
    pub ignored: BTreeSet<String>,
    /// The address that the spreadsheet is shared with, for messages; blank where it is not known.
    pub account: String,
}

impl Names {
    /// Whom the spreadsheet is shared with, in words.
    pub(crate) fn account(&self) -> &str {
        match self.keyholders.account.as_str() {
            "" => "the account that fleetsheet runs as",
            address => address,
        }
    }
}

impl Keyholders {
    /// Normalises the lists.
    #[must_use]
    pub fn new(a: &[String], b: &[String], owners: &[String], service_account: Option<&str>) -> Self {
        let lower = |list: &[String]| list.iter().map(|s| address_of(s)).collect::<BTreeSet<_>>();
        let mut ignored = lower(owners);
        ignored.extend(service_account.map(str::to_lowercase));
        Self {
            a: lower(a),
            b: lower(b),
            ignored,
            account: service_account.unwrap_or_default().to_owned(),
        }
    }
}

/// Comes before the address of a group, where it matters that it is one.
pub(crate) const GROUP: &str = "group:";

/// The address of an entry that may begin with `group:`, in lower case.
#[must_use]
pub fn address_of(entry: &str) -> String {
    let entry = entry.trim().to_lowercase();
    entry
        .strip_prefix(GROUP)
        .map_or_else(|| entry.clone(), |rest| rest.trim().to_owned())
}
