//! Where an account's keys come from: what this machine has, or a role that STS gives them for, in whichever of the account's
//! regions STS answers.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::Region;
use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_types::error::metadata::ErrorMetadata;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::adapters::ec2::account::Role;
use crate::adapters::ec2::codes::kind_of_credentials;
use crate::adapters::ec2::quote::root;
use crate::fleet::CloudErrorKind;

/// The name that CloudTrail shows for what an assumed role did.
const SESSION_NAME: &str = "fleetsheet";

/// How long one region's STS may take before the next is asked, too. STS answers in a fraction of a second.
const HEDGE: Duration = Duration::from_secs(3);

/// Codes that one region's STS answers and another's may not: its endpoint is not switched on for the account.
const OF_THE_REGION: [&str; 2] = ["RegionDisabledException", "RegionDisabled"];

/// Where an account's keys come from.
#[derive(Debug)]
pub(super) enum Origin {
    /// Nowhere: the configuration asks for no keys.
    Nowhere,
    /// What this machine has.
    Machine(SharedCredentialsProvider),
    /// A role.
    Role(Regions),
}

/// STS in each of an account's regions.
#[derive(Debug)]
pub(super) struct Regions {
    each: Vec<SharedCredentialsProvider>,
    /// The one that answered last: it is asked first.
    good: AtomicUsize,
    hedge: Duration,
}

impl Origin {
    /// The keys that `config` provides or, with a role, those that STS of one of `regions` gives for it within `patience`.
    pub(super) async fn new(role: Option<&Role>, config: &SdkConfig, regions: &[String], patience: Duration) -> Self {
        let Some(role) = role else {
            return config.credentials_provider().map_or(Self::Nowhere, Self::Machine);
        };
        let mut each = Vec::new();
        for region in regions {
            let mut provider = AssumeRoleProvider::builder(&*role.arn)
                .configure(config)
                .region(Region::new(region.clone()))
                .session_name(SESSION_NAME);
            if let Some(id) = &role.external_id {
                provider = provider.external_id(id.clone());
            }
            each.push(SharedCredentialsProvider::new(provider.build().await));
        }
        Self::Role(Regions {
            each,
            good: AtomicUsize::new(0),
            hedge: HEDGE.min(patience / 4),
        })
    }

    /// Fetches keys.
    pub(super) async fn fetch(&self) -> Result<Credentials, CredentialsError> {
        match self {
            Self::Nowhere => Err(CredentialsError::not_loaded_no_source()),
            Self::Machine(provider) => provider.provide_credentials().await,
            Self::Role(regions) => regions.fetch().await,
        }
    }
}

impl Regions {
    /// The first keys that any region gives, or a refusal that would be the same in each. The next region is asked when one
    /// fails in a way that is its own, or is slow.
    async fn fetch(&self) -> Result<Credentials, CredentialsError> {
        let count = self.each.len();
        let first = self.good.load(Ordering::Relaxed);
        let ask = |i: usize| async move { (i, self.each[i].provide_credentials().await) };
        let mut order = (0..count).map(|i| (first + i) % count);
        let mut asked: FuturesUnordered<_> = order.next().map(ask).into_iter().collect();
        let mut failure = None;
        loop {
            tokio::select! {
                biased;
                Some((i, answer)) = asked.next() => match answer {
                    Ok(keys) => {
                        self.good.store(i, Ordering::Relaxed);
                        return Ok(keys);
                    }
                    Err(error) if !is_of_the_region(&error) => return Err(error),
                    Err(error) => {
                        failure.get_or_insert(error);
                        asked.extend(order.next().map(ask));
                    }
                },
                () = tokio::time::sleep(self.hedge), if !asked.is_empty() && order.len() > 0 => {
                    asked.extend(order.next().map(ask));
                }
                else => return Err(failure.unwrap_or_else(CredentialsError::not_loaded_no_source)),
            }
        }
    }
}

/// Whether another region may answer otherwise. A throttle is not answered with more calls.
fn is_of_the_region(error: &CredentialsError) -> bool {
    if let Some((code, _)) = answer(error) {
        return OF_THE_REGION.contains(&&*code) || kind_of_credentials(&code) == CloudErrorKind::Transient;
    }
    !matches!(
        error,
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)
    )
}

/// The code and the words of an API, if the failure goes back to an API's answer. The SDK shows those of some answers, such as that
/// of a region whose STS is switched off, in the text of the failure alone.
pub(super) fn answer(error: &(dyn Error + 'static)) -> Option<(String, String)> {
    if let Some(meta) = metadata(error)
        && let Some(code) = meta.code()
    {
        return Some((code.to_owned(), meta.message().unwrap_or_default().to_owned()));
    }
    let text = root(error);
    let (code, says) = text.split_once(": ").unwrap_or((&text, ""));
    let is_code = code.ends_with("Exception") && code.chars().all(|c| c.is_ascii_alphanumeric());
    is_code.then(|| (code.to_owned(), says.to_owned()))
}

fn metadata<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e ErrorMetadata> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(meta) = error.downcast_ref::<ErrorMetadata>() {
            return Some(meta);
        }
        cause = error.source();
    }
    None
}
