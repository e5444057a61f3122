//! EC2 behind the traits of the vocabulary: lists instances and puts tags on them, over accounts and regions.
//!
//! The SDK's own retries are off, so that each permit of the pacing is one request, and each request has a timeout.
//! A part of a source's listing is never given for the whole, and a write is never repeated here.

mod access;
mod account;
mod ahead;
mod checks;
mod codes;
mod describe;
mod error;
pub(crate) mod http;
mod quote;
mod region;
mod reply;
mod session;
mod task;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Builder, Credentials, IdentityCache};
use aws_sdk_ec2::types::Tag;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};

use crate::calls::Calls;
use crate::endpoint::Endpoint;
use crate::fleet::{CloudError, CloudErrorKind, Fleet, FleetReader, Source, TagWriter};
use crate::pacing::Pacing;
use crate::tag::{ServerId, TagKey, TagSet};
pub(in crate::adapters) use access::{Access, wants_new_keys};
pub use account::{Account, Role};
use http::CountingClient;
use region::RegionClient;
use reply::WholeReply;
use session::Session;
use task::Task;

/// The longest wait for a connection. EC2's endpoints connect in milliseconds; a misspelt region never does, and should not cost
/// a whole request timeout.
const CONNECT: Duration = Duration::from_secs(5);

/// Environment variables that redirect the SDK.
const REDIRECTIONS: [&str; 4] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CLOUDWATCH",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_STS",
];

/// What [`Ec2::connect`] needs to know.
#[derive(Clone, Debug)]
pub struct Ec2Settings {
    /// The accounts, each with a name of its own.
    pub accounts: Vec<Account>,
    /// Where EC2 and STS are, for tests; `None` leaves it to the SDK.
    pub endpoint_url: Option<Endpoint>,
    /// The longest that one request may take.
    pub request_timeout: Duration,
    /// The pace of all requests, shared with whoever applies changes.
    pub pacing: Pacing,
    /// Access key id and secret to use instead of those of the environment, for the sandbox and tests.
    pub static_credentials: Option<(String, SecretString)>,
}

/// The client.
#[derive(Debug)]
pub struct Ec2 {
    accounts: BTreeMap<Arc<str>, Arc<Access>>,
    regions: BTreeMap<Source, Arc<RegionClient>>,
}

impl Ec2 {
    /// Makes the clients. No request is made yet: wrong keys show when they are first used.
    pub async fn connect(settings: &Ec2Settings, calls: Calls) -> Self {
        if settings.endpoint_url.is_none() {
            warn_of_redirections();
        }
        // An emulator on this machine is not behind the proxy.
        let plain = settings.endpoint_url.as_ref().is_some_and(Endpoint::is_plain);
        Self::with(settings, &CountingClient::new(calls, !plain)).await
    }

    /// The same over an HTTP client of the caller's, which gets every request of EC2 and STS and makes the answers.
    pub async fn through(settings: &Ec2Settings, calls: Calls, client: SharedHttpClient) -> Self {
        Self::with(settings, &CountingClient::through(calls, client)).await
    }

    async fn with(settings: &Ec2Settings, http: &CountingClient) -> Self {
        let (mut accounts, mut regions) = (BTreeMap::new(), BTreeMap::new());
        for account in &settings.accounts {
            let config = sdk_config(settings, account, http).await;
            let name: Arc<str> = account.name.as_str().into();
            let session = Session::new(account, &config, settings.request_timeout).await;
            let access = Arc::new(Access::new(config.clone(), session));
            for region in &account.regions {
                let source = Source {
                    account: Arc::clone(&name),
                    region: region.as_str().into(),
                };
                let config = Builder::from(&config).region(Region::new(region.clone())).build();
                let client = RegionClient {
                    source: source.clone(),
                    client: Client::from_conf(config),
                    access: Arc::clone(&access),
                    pacing: settings.pacing.clone(),
                    request_timeout: settings.request_timeout,
                };
                regions.insert(source, Arc::new(client));
            }
            accounts.insert(name, access);
        }
        Self { accounts, regions }
    }

    /// The ways in to the accounts, by name.
    pub(in crate::adapters) const fn accounts(&self) -> &BTreeMap<Arc<str>, Arc<Access>> {
        &self.accounts
    }

    /// The sources, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.regions.keys()
    }

    fn region(&self, source: &Source) -> Result<&RegionClient, CloudError> {
        self.regions
            .get(source)
            .map(|region| &**region)
            .ok_or_else(|| CloudError {
                kind: CloudErrorKind::Denied,
                code: "unknown".to_owned(),
                message: format!("{source}: no such account and region in the configuration"),
            })
    }
}

#[async_trait]
impl FleetReader for Ec2 {
    async fn read(&self) -> Fleet {
        // To read a page is work too: it is done beside whatever else is.
        let list = |region: &Arc<RegionClient>| {
            let region = Arc::clone(region);
            Task::start(async move { describe::list(&region).await }).end()
        };
        let listed = join_all(self.regions.values().map(list)).await;
        let mut fleet = Fleet::default();
        for (source, listed) in self.regions.keys().zip(listed) {
            let servers = match listed {
                Ok(servers) => servers,
                Err(error) => {
                    fleet.sources.insert(source.clone(), Some(error));
                    continue;
                }
            };
            fleet.sources.insert(source.clone(), None);
            if fleet.servers.is_empty() {
                fleet.servers = servers;
                continue;
            }
            for (id, server) in servers {
                match fleet.servers.entry(id) {
                    Entry::Vacant(entry) => {
                        entry.insert(server);
                    }
                    Entry::Occupied(entry) => {
                        let both = (entry.get().source.clone(), source.clone());
                        fleet.seen_twice.entry(entry.key().clone()).or_insert(both);
                    }
                }
            }
        }
        fleet
    }
}

#[async_trait]
impl TagWriter for Ec2 {
    async fn create_tags(&self, source: &Source, ids: &[ServerId], tags: &TagSet) -> Result<(), CloudError> {
        let region = self.region(source)?;
        region
            .call("ec2:CreateTags", ids, async |override_| {
                let resources = ids.iter().map(|id| id.as_str().to_owned()).collect();
                let call = region.client.create_tags().set_resources(Some(resources));
                let call = call.set_tags(Some(sdk_tags(tags))).customize();
                let call = call.config_override(override_).interceptor(WholeReply::create_tags());
                call.send().await
            })
            .await
            .map(drop)
    }
}

fn sdk_tags(tags: &TagSet) -> Vec<Tag> {
    let tag = |(key, value): (&TagKey, &Arc<str>)| Tag::builder().key(key.as_str()).value(&**value).build();
    tags.iter().map(tag).collect()
}

/// What is common to the EC2 and STS clients of an account.
async fn sdk_config(settings: &Ec2Settings, account: &Account, http: &CountingClient) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.request_timeout.min(CONNECT))
        .operation_attempt_timeout(settings.request_timeout)
        .operation_timeout(settings.request_timeout)
        .build();
    let region = account.regions.first().cloned().map(Region::new);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        // Keys are kept in the account's session and handed to each call.
        .identity_cache(IdentityCache::no_cache())
        .http_client(http.clone());
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url.without_slash());
    }
    if let Some((id, secret)) = &settings.static_credentials {
        let keys = Credentials::new(id, secret.expose_secret(), None, None, "fleetsheet");
        loader = loader.credentials_provider(keys);
    }
    loader.load().await
}

fn warn_of_redirections() {
    for name in REDIRECTIONS {
        if std::env::var_os(name).is_some_and(|url| !url.is_empty()) {
            tracing::warn!(
                variable = name,
                "the environment redirects requests to AWS to another endpoint"
            );
        }
    }
}
