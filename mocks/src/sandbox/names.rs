//! What things are called in the sandbox: tabs, people, tags, accounts and regions.

/// The id of the spreadsheet.
pub const SPREADSHEET: &str = "sandbox";
/// The tab with a row for each channel.
pub const RELEASE_TAB: &str = "ReleaseSheet";
/// The tab with a row for each server.
pub const SERVER_TAB: &str = "ServerTagAssignment";
/// The tab with a line for each thing that happened.
pub const AUDIT_TAB: &str = "AuditLog";
/// The file's owner.
pub const OWNER: &str = "owner@example.com";
/// The group that may turn key A.
pub const A_EDITORS: &str = "sre@example.com";
/// The group that may turn key B.
pub const B_EDITORS: &str = "releases@example.com";
/// One of the group that may turn key A.
pub const SRE: &str = "sre-on-call@example.com";
/// One of the group that may turn key B.
pub const RELEASE_MANAGER: &str = "release-manager@example.com";
/// Somebody who may edit the file and is in neither group.
pub const EDITOR: &str = "editor@example.com";
/// A version that does badly wherever it runs.
pub const BAD_VERSION: &str = "8.5.0";
/// The tag that says which channel a server belongs to.
pub const CHANNEL_TAG: &str = "ReleaseChannel";
/// The tag that says which version a server is to run.
pub const VERSION_TAG: &str = "ReleaseVersion";
/// The tag that the sheet holds in a column of its own.
pub const OWNER_TAG: &str = "Owner";
/// The account that the static keys belong to; it may assume the roles and has no servers.
pub const BASE_ACCOUNT: &str = "000000000000";
/// The regions of every account.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The accounts that have servers.
pub const ACCOUNTS: [Account; 2] = [
    Account {
        name: "prod",
        number: "111111111111",
        role_arn: "arn:aws:iam::111111111111:role/fleetsheet",
    },
    Account {
        name: "staging",
        number: "222222222222",
        role_arn: "arn:aws:iam::222222222222:role/fleetsheet",
    },
];

/// An account with servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// What people call it.
    pub name: &'static str,
    /// Its number.
    pub number: &'static str,
    /// The role by which it is reached.
    pub role_arn: &'static str,
}
