//! The clients that the configuration describes, connected; and what else a pass takes from the configuration.
//!
//! This is the only module that turns settings of the configuration into settings of the adapters and of the plan.

use std::sync::Arc;

use secrecy::SecretString;

use crate::adapters::cloudwatch::CloudWatch;
use crate::adapters::ec2::{Account, Ec2, Ec2Settings, Role};
use crate::adapters::files::{host_name, login};
use crate::adapters::google_sheets::{GoogleSheets, Settings};
use crate::adapters::postgres::{Address, Tls};
use crate::adapters::prometheus::{Login, Prometheus, PrometheusSettings};
use crate::adapters::smtp::{Security, SmtpSettings};
use crate::adapters::stores::{Place, Terms};
use crate::calls::Calls;
use crate::config::{Config, DiscoveryRows, Email, Mode, SmtpSecurity, StatePlace, TagAuthority};
use crate::gate::{GateClients, QuerySource};
use crate::pacing::{Limits, Pacing};
use crate::plan::{Allowed, Policy, Rows};
use crate::refusal::Refusal;
use crate::sheet::names::Keyholders;
use crate::sheet::names::Names;

/// Access key and secret that come with an embedded sandbox.
pub type StaticCredentials = Option<(String, SecretString)>;

/// What passes are made with. The spreadsheet's and the cloud's client read and write; what only looks gets them as readers.
pub struct Clients {
    /// The configuration that they were made from.
    pub config: Config,
    /// Names of tabs and columns.
    pub names: Names,
    /// The spreadsheet.
    pub sheets: GoogleSheets,
    /// The cloud.
    pub cloud: Ec2,
    /// The alarms of its accounts.
    pub alarms: CloudWatch,
    /// Prometheus, if the configuration names one.
    pub prometheus: Option<Prometheus>,
    /// The limits of calls to the cloud, which reading and tagging share.
    pub pacing: Pacing,
    /// Counts requests.
    pub calls: Calls,
}

impl Clients {
    /// What gates are asked with.
    #[must_use]
    pub fn gates(&self) -> GateClients<'_> {
        GateClients {
            queries: self.prometheus.as_ref().map(|it| it as &dyn QuerySource),
            alarms: Some(&self.alarms),
        }
    }
}

/// Connects to everything that a pass needs, but for the mail server.
///
/// # Errors
/// When settings or credentials cannot work.
pub async fn connect(config: Config, credentials: StaticCredentials) -> Result<Clients, Refusal> {
    connect_after(None, config, credentials).await
}

/// The same; `calls` counts the requests, and knows what is waited for.
///
/// # Errors
/// As [`connect`].
pub async fn connect_counted(config: Config, credentials: StaticCredentials, calls: Calls) -> Result<Clients, Refusal> {
    let pacing = pacing(None, &config, &calls);
    assemble(config, credentials, calls, pacing).await
}

/// Connects anew when the configuration or the credentials changed. Counts go on where they were, and so do the limits if
/// they stayed the same, because EC2's buckets do not start anew either.
///
/// # Errors
/// As [`connect`].
pub async fn connect_after(
    old: Option<&Clients>,
    config: Config,
    credentials: StaticCredentials,
) -> Result<Clients, Refusal> {
    let calls = old.map(|old| old.calls.clone()).unwrap_or_default();
    let pacing = pacing(old, &config, &calls);
    assemble(config, credentials, calls, pacing).await
}

async fn assemble(
    config: Config,
    credentials: StaticCredentials,
    calls: Calls,
    pacing: Pacing,
) -> Result<Clients, Refusal> {
    let sheets = connect_sheets(&config, calls.clone()).await?;
    let cloud = connect_cloud(&config, credentials, pacing.clone(), calls.clone()).await;
    let alarms = CloudWatch::beside(&cloud, calls.clone());
    let prometheus = prometheus(&config, calls.clone());
    let names = names(&config, sheets.service_account_email());
    Ok(Clients {
        config,
        names,
        sheets,
        cloud,
        alarms,
        prometheus,
        pacing,
        calls,
    })
}

/// The limits of the configuration: those of `old` with what they have counted, if they are the same.
#[must_use]
pub fn pacing(old: Option<&Clients>, config: &Config, calls: &Calls) -> Pacing {
    let limits = &config.limits;
    let paced = Limits {
        batch_size: limits.batch_size,
        concurrency: limits.concurrency,
        create_tags_per_second: limits.create_tags_per_second.get(),
        create_tags_burst: limits.create_tags_burst.get(),
        describe_per_second: limits.describe_per_second.get(),
        ..Limits::default()
    };
    match old {
        Some(old) if *old.pacing.limits() == paced => old.pacing.clone(),
        _ => Pacing::counting(paced, calls.clone()),
    }
}

/// Connects to the spreadsheet.
///
/// # Errors
/// When credentials cannot work. A file that the configuration names is a fault of the configuration; credentials that
/// were found elsewhere are not.
pub async fn connect_sheets(config: &Config, calls: Calls) -> Result<GoogleSheets, Refusal> {
    let named = config.sheets.credentials_file.is_some();
    let settings = Settings {
        spreadsheet_id: config.sheets.spreadsheet_id.clone(),
        credentials_file: config.sheets.credentials_file.clone(),
        endpoint: config.sheets.endpoint.clone(),
        request_timeout: config.limits.request_timeout,
        sheets_per_minute: config.limits.sheets_per_minute.get(),
    };
    let sheets = GoogleSheets::connect(settings, calls)
        .await
        .map_err(|e| if named { Refusal::config(e) } else { Refusal::failed(e) })?;
    // The decision about editors needs to know who we are.
    sheets.identify().await.map_err(Refusal::failed)?;
    Ok(sheets)
}

/// Makes the clients of all accounts and regions. They find out at their first call whether there are credentials.
pub async fn connect_cloud(config: &Config, credentials: StaticCredentials, pacing: Pacing, calls: Calls) -> Ec2 {
    let account = |a: &crate::config::Account| Account {
        name: a.name.clone(),
        role: a.role_arn.clone().map(|arn| Role {
            arn,
            external_id: a.external_id.clone(),
        }),
        regions: a.regions.clone(),
    };
    let settings = Ec2Settings {
        accounts: config.aws.accounts.iter().map(account).collect(),
        endpoint_url: config.aws.endpoint_url.clone(),
        request_timeout: config.limits.request_timeout,
        pacing,
        static_credentials: credentials,
    };
    Ec2::connect(&settings, calls).await
}

/// The client of Prometheus, if there is one. What is wrong with it shows with the first query.
#[must_use]
pub fn prometheus(config: &Config, calls: Calls) -> Option<Prometheus> {
    let asked = &config.prometheus;
    let login = match (&asked.token_file, &asked.user, &asked.password_file) {
        (Some(file), ..) => Login::Token(file.clone()),
        (None, Some(user), Some(file)) => Login::Password {
            user: user.clone(),
            file: file.clone(),
        },
        _ => Login::None,
    };
    let settings = PrometheusSettings {
        url: asked.url.clone()?,
        login,
        ca_file: asked.ca_file.clone(),
        timeout: asked.timeout,
    };
    Some(Prometheus::new(settings, calls))
}

/// The mail server of `[email]`.
#[must_use]
pub fn smtp(email: &Email) -> SmtpSettings {
    let server = &email.smtp;
    SmtpSettings {
        security: match server.security {
            SmtpSecurity::Tls => Security::Tls,
            SmtpSecurity::StartTls => Security::StartTls,
            SmtpSecurity::Plain => Security::Plain,
        },
        host: server.host.clone(),
        port: server.port,
        user: server.user.clone(),
        password: server.password.clone(),
        password_file: email.smtp_password_file.clone(),
        hello_name: email.hello_name.clone(),
        from: email.from.clone(),
    }
}

/// Names of tabs and columns, and who holds the keys.
#[must_use]
pub fn names(config: &Config, service_account: &str) -> Names {
    let managed = config.tags.managed.iter().map(|key| key.as_str().into()).collect();
    let server = |key: &&String| config.authority.of(key) == TagAuthority::Server;
    let keys = &config.dual_key;
    Names {
        release_tab: config.sheets.release_tab.clone(),
        server_tab: config.sheets.server_tab.clone(),
        audit_tab: config.sheets.audit_tab.clone(),
        managed,
        server_authority: config
            .tags
            .managed
            .iter()
            .filter(server)
            .map(|key| key.as_str().into())
            .collect(),
        keyholders: Keyholders::new(&keys.a_editors, &keys.b_editors, &keys.owners, Some(service_account)),
    }
}

/// How to decide, from the configuration and the command line.
#[must_use]
pub fn policy(config: &Config, allow: &Allowed, takeover: bool) -> Policy {
    Policy {
        spreadsheet: config.sheets.spreadsheet_id.clone(),
        channel_tag: config.tags.channel.as_str().into(),
        version_tag: config.tags.version.as_str().into(),
        agents: config.agent.clone(),
        observe: config.mode == Mode::Observe,
        require_protection: config.dual_key.require_protection,
        rows: match config.discovery.rows {
            DiscoveryRows::All => Rows::All,
            DiscoveryRows::Persistent => Rows::Persistent,
            DiscoveryRows::None => Rows::None,
        },
        max_row_drop: config.belts.max_row_drop,
        max_fleet_drop: config.belts.max_fleet_drop,
        max_unapproved_change: config.belts.max_unapproved_change,
        allow: allow.belts.clone(),
        takeover,
        rollouts: Arc::clone(&config.rollouts),
        allow_window: allow.window,
        by: if takeover || *allow != Allowed::default() {
            login()
        } else {
            String::new()
        },
    }
}

/// Where the state store is.
#[must_use]
pub fn store_place(config: &Config) -> Place {
    place_of(&config.state.place)
}

/// A store's place as the adapters have it.
#[must_use]
pub fn place_of(place: &StatePlace) -> Place {
    match place {
        StatePlace::Sqlite(path) => Place::File(format!("sqlite:{}", path.display())),
        StatePlace::Postgres(it) => Place::Database(Box::new(Address {
            host: it.host.clone(),
            port: it.port,
            user: it.user.clone(),
            database: it.database.clone(),
            schema: it.schema.clone(),
            tls: if it.verified {
                Tls::Verified(it.authorities.clone())
            } else {
                Tls::None
            },
            password: it.password.clone(),
            password_file: it.password_file.clone(),
        })),
    }
}

/// With what a lease is asked for.
#[must_use]
pub fn terms(config: &Config) -> Terms {
    Terms {
        instance: config.replicas.name.clone().unwrap_or_else(host_name),
        length: config.replicas.lease,
        call: config.limits.request_timeout,
        config: config.fingerprint(),
    }
}
