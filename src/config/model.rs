//! The checked configuration: what the rest of the program may rely on without looking again.

mod state;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::cron::Cron;
use crate::endpoint::Endpoint;
use crate::problem::Kind;
use crate::rollout::Rollouts;
use crate::running::AgentTags;

pub use state::{Access, Postgres, State, StatePlace};

/// A whole configuration that passed every check. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether the program acts, or only says what it would do.
    pub mode: Mode,
    /// When passes happen.
    pub schedule: Schedule,
    /// The spreadsheet and how to reach it.
    pub sheets: Sheets,
    /// The clouds to look after.
    pub aws: Aws,
    /// Which tags are ours.
    pub tags: Tags,
    /// The tags that agents write.
    pub agent: AgentTags,
    /// Who decides the value of a managed tag.
    pub authority: Authority,
    /// How hard the program may press on the APIs.
    pub limits: Limits,
    /// When a pass must stop and ask.
    pub belts: Belts,
    /// `[discovery]`.
    pub discovery: Discovery,
    /// Where gates find their numbers.
    pub prometheus: Prometheus,
    /// Strategies, gates, windows and freezes, in the words of the decision.
    pub rollouts: Arc<Rollouts>,
    /// Whose keys count.
    pub dual_key: DualKey,
    /// Mail; `None` when the `[email]` section is absent.
    pub email: Option<Email>,
    /// Where the program remembers.
    pub state: State,
    /// `[replicas]`.
    pub replicas: Replicas,
    /// Logs.
    pub log: Log,
    /// Health and metrics.
    pub http: Http,
    /// Emulators inside the process; `None` when the `[sandbox]` section is absent. When present, the spreadsheet id is
    /// `sandbox` unless set, and the lists of accounts and editors may be empty.
    pub sandbox: Option<Sandbox>,
}

/// `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Tag servers and serve promotions and rollbacks.
    Enforce,
    /// Say what would be done.
    Observe,
}

/// `[schedule]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When the service makes a pass.
    pub cron: Cron,
    /// Whether the service makes a pass at once when it starts.
    pub run_at_start: bool,
    /// A pass that takes longer is cancelled; at least [`Limits::request_timeout`].
    pub pass_timeout: Duration,
    /// How long a running pass may take to finish when the service is told to stop.
    pub shutdown_grace: Duration,
    /// While a rollout is under way the service also makes a pass at whole multiples of this, UTC; zero: it does not.
    pub rollout_every: Duration,
}

/// `[sheets]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheets {
    /// The id from the spreadsheet's address.
    pub spreadsheet_id: String,
    /// A service-account key; `None`: application default credentials. Not known to exist.
    pub credentials_file: Option<PathBuf>,
    /// The tab with a row for each server.
    pub server_tab: String,
    /// The tab with a row for each channel.
    pub release_tab: String,
    /// The tab to append audit lines to, where the spreadsheet has it.
    pub audit_tab: String,
    /// Where the Sheets API is, for tests.
    pub endpoint: Option<Endpoint>,
}

/// `[aws]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// Where the AWS APIs are, for tests.
    pub endpoint_url: Option<Endpoint>,
    /// The accounts to look after, in the order of the file. Empty only in a sandbox.
    pub accounts: Vec<Account>,
}

/// One `[[aws.account]]`. No two of them reach the same region with the same role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What the sheet calls it; unique.
    pub name: String,
    /// The role to assume; `None`: the credentials of the environment.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for besides; only with a role.
    pub external_id: Option<String>,
    /// At least one, without repetition.
    pub regions: Vec<String>,
}

/// `[tags]`. No two of these keys are the same in any letter case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// The tag that says which channel a server belongs to.
    pub channel: String,
    /// The tag that says which version a server is to run.
    pub version: String,
    /// Other tags that the sheet may hold as `tag:KEY` columns.
    pub managed: Vec<String>,
}

/// `[authority]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Who decides, for each managed tag that is named; see [`Authority::of`] for the others.
    pub tags: BTreeMap<String, TagAuthority>,
}

impl Authority {
    /// Who decides the value of the managed tag `key`: the sheet, unless the configuration says otherwise.
    #[must_use]
    pub fn of(&self, key: &str) -> TagAuthority {
        self.tags.get(key).copied().unwrap_or(TagAuthority::Sheet)
    }
}

/// Who decides the value of a managed tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagAuthority {
    /// The cell is copied to the server.
    Sheet,
    /// The server's value is copied to the cell.
    Server,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers in one tagging call, 1 to 1,000.
    pub batch_size: usize,
    /// Calls under way at once, 1 to 64.
    pub concurrency: usize,
    /// `CreateTags` calls a second, for each account and region.
    pub create_tags_per_second: NonZeroU32,
    /// `CreateTags` calls that may go at once after a quiet time.
    pub create_tags_burst: NonZeroU32,
    /// `DescribeInstances` calls a second, for each account and region.
    pub describe_per_second: NonZeroU32,
    /// Requests to the spreadsheet a minute.
    pub sheets_per_minute: NonZeroU32,
    /// Longest wait for one answer, 1 to 180 seconds.
    pub request_timeout: Duration,
}

/// `[belts]`. Each is a share above 0 and up to 1; 1 leaves the belt open.
#[derive(Clone, Debug, PartialEq)]
pub struct Belts {
    /// Share of the rows that may vanish from the sheet.
    pub max_row_drop: f64,
    /// Share of the servers that may vanish from an account's region.
    pub max_fleet_drop: f64,
    /// Share of the fleet that may change without a pair of keys.
    pub max_unapproved_change: f64,
}

/// `[dual_key]`. Addresses are in lower case; the three lists share none. Those of groups may follow `group:`, see
/// [`crate::sheet::names::address_of`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DualKey {
    /// Whether promotions wait while the key columns are not protected.
    pub require_protection: bool,
    /// Who may edit key A. Not empty when `require_protection` is on, except in a sandbox.
    pub a_editors: Vec<String>,
    /// Who may edit key B; the same.
    pub b_editors: Vec<String>,
    /// Owners of the file, whom Google always lists as editors.
    pub owners: Vec<String>,
}

/// `[email]`.
#[derive(Clone, Debug)]
pub struct Email {
    /// The mail server, from `smtp_url`.
    pub smtp: Smtp,
    /// A file that holds the password alone. Read it when it is needed, since it may be rotated.
    pub smtp_password_file: Option<PathBuf>,
    /// How to name ourselves to the mail server, a host name or an address in brackets; `None`: this machine's full name, else
    /// its address.
    pub hello_name: Option<String>,
    /// The sender, `NAME <ADDRESS>` or an address; parses as a [`lettre::message::Mailbox`], as do the recipients.
    pub from: String,
    /// Who gets what no route claims; not empty.
    pub to: Vec<String>,
    /// Recipients of single kinds of alert, instead of `to`; no list is empty.
    pub routes: BTreeMap<Kind, Vec<String>>,
    /// After how long a problem that is still open is mailed again.
    pub repeat_after: Duration,
    /// How many passes running something must fail, or a belt hold, before that is mailed.
    pub failure_threshold: u32,
}

impl Email {
    /// Who gets alerts of this kind.
    #[must_use]
    pub fn recipients(&self, kind: Kind) -> &[String] {
        self.routes.get(&kind).unwrap_or(&self.to)
    }
}

/// What `email.smtp_url` says, taken apart.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// How the connection is made safe.
    pub security: SmtpSecurity,
    /// Host name, or address without brackets.
    pub host: String,
    /// 465 for TLS, 587 for STARTTLS and 25 for plain SMTP, unless the address names another.
    pub port: u16,
    /// The user to log in as; `None`: no login.
    pub user: Option<String>,
    /// The password, when the environment gave one.
    pub password: Option<SecretString>,
}

/// How a connection to the mail server is made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// STARTTLS, without which nothing is sent (`smtp://`).
    StartTls,
    /// Plain text (`smtp://` to a loopback address).
    Plain,
}

/// `[discovery]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Which discovered servers get a row.
    pub rows: DiscoveryRows,
}

/// Which discovered servers get a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoveryRows {
    /// All.
    All,
    /// Those that do not come and go by themselves.
    Persistent,
    /// None.
    None,
}

/// `[prometheus]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// Its address, up to `/api/v1`; `None`: there is none, and no gate has a query.
    pub url: Option<Endpoint>,
    /// Whether the address may be `http://` to another machine.
    pub allow_http: bool,
    /// A file that holds a token to log in with; not beside a user.
    pub token_file: Option<PathBuf>,
    /// The user to log in as; with `password_file`.
    pub user: Option<String>,
    /// A file that holds the user's password alone.
    pub password_file: Option<PathBuf>,
    /// A file of authorities that count besides those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How long one query may take.
    pub timeout: Duration,
}

/// `[replicas]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// How long a lease is.
    pub lease: Duration,
    /// How much later than the one that served the last tick others try.
    pub standby_after: Duration,
    /// The name of this instance; `None`: the host's.
    pub name: Option<String>,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where log files go; `None`: standard error only.
    pub dir: Option<PathBuf>,
    /// How a line looks, in the files and on standard error.
    pub format: LogFormat,
    /// Daily files to keep, at least one.
    pub keep_days: u32,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where health and metrics are served; `None`: nowhere.
    pub listen: Option<SocketAddr>,
}

/// `[sandbox]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Servers in the simulated fleet.
    pub servers: u32,
    /// Where its randomness starts; the same seed gives the same fleet.
    pub seed: u64,
    /// What the emulators wait before each answer.
    pub latency: Duration,
}

impl Default for Sandbox {
    /// What an empty `[sandbox]` section says.
    fn default() -> Self {
        Self {
            servers: 1600,
            seed: 7,
            latency: Duration::ZERO,
        }
    }
}
