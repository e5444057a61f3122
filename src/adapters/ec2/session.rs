//! The keys of one account: fetched once for all its regions, kept while they are good, renewed once when EC2 says
//! that they are too old.
//!
//! The SDK's own cache cannot be told to forget keys that were refused, and hides who failed when a role cannot be
//! assumed. Keys must never show in a message or a log.

mod advice;
mod origin;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::account::{Account, Role};
use super::codes::kind_of_credentials;
use super::quote::{quoted, root, with_advice, word};
use crate::adapters::outbound::untrusted;
use crate::fleet::{CloudError, CloudErrorKind};
pub(super) use advice::{CLOCK, is_about_time, lacking};
use origin::{Origin, answer};

/// Keys are renewed this long before they expire: longer than a request with them may take.
const EARLY: Duration = Duration::from_secs(60);

/// Keys that do not say when they expire are read again after this long, as the SDK does: files may be rotated.
const UNDATED: Duration = Duration::from_secs(15 * 60);

/// Where the SDK looks for keys, in words.
const PLACES: &str = "looked at AWS_ACCESS_KEY_ID, at the profile of AWS_PROFILE in ~/.aws, at a web identity token \
                      (AWS_WEB_IDENTITY_TOKEN_FILE), and at the metadata of the container and of the instance";

/// Keys in use.
pub(super) struct Keys {
    pub(super) credentials: Credentials,
    loaded: Instant,
    /// Whether EC2 has taken them at least once.
    worked: AtomicBool,
}

impl Keys {
    #[expect(
        clippy::disallowed_methods,
        reason = "keys expire by the clock of this machine, not by the time of a pass"
    )]
    fn good(&self) -> bool {
        match self.credentials.expiry() {
            Some(expiry) => expiry > SystemTime::now() + EARLY,
            None => self.loaded.elapsed() < UNDATED,
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Cache {
    keys: Option<Arc<Keys>>,
    /// The last failure, for callers that were waiting when it happened.
    failed: Option<(Instant, CloudError)>,
}

/// Where an account's keys come from.
#[derive(Debug)]
pub(super) struct Session {
    account: Arc<str>,
    role: Option<Role>,
    who: String,
    origin: Origin,
    patience: Duration,
    cache: Mutex<Cache>,
}

impl Session {
    /// The keys that `config` provides or, with a role, those that STS gives for it in one of the account's regions.
    /// `patience` bounds the fetching of keys.
    pub(super) async fn new(account: &Account, config: &SdkConfig, patience: Duration) -> Self {
        let role = account.role.as_ref();
        let who = match role {
            Some(role) => format!("the role {}", role.arn),
            None => format!("the credentials that account {:?} uses", account.name),
        };
        Self {
            account: account.name.as_str().into(),
            role: role.cloned(),
            who,
            origin: Origin::new(role, config, &account.regions, patience).await,
            patience,
            cache: Mutex::default(),
        }
    }

    /// Who the keys belong to, in words.
    pub(super) fn who(&self) -> &str {
        &self.who
    }

    /// Keys that are good for a while. Callers at the same time share one fetch, and its failure.
    pub(super) async fn keys(&self) -> Result<Arc<Keys>, CloudError> {
        let asked = Instant::now();
        let mut cache = self.cache.lock().await;
        if let Some(keys) = cache.keys.as_ref().filter(|keys| keys.good()) {
            return Ok(Arc::clone(keys));
        }
        if let Some((_, error)) = cache.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone());
        }
        let error = match timeout(self.patience, self.origin.fetch()).await {
            Ok(Ok(credentials)) => {
                let keys = Arc::new(Keys {
                    credentials,
                    loaded: Instant::now(),
                    worked: AtomicBool::new(false),
                });
                cache.keys = Some(Arc::clone(&keys));
                cache.failed = None;
                return Ok(keys);
            }
            Ok(Err(error)) => self.explain(&error),
            Err(_) => self.error(CloudErrorKind::Transient, "timeout", "no answer in time"),
        };
        cache.keys = None;
        cache.failed = Some((Instant::now(), error.clone()));
        Err(error)
    }

    /// EC2 took the keys.
    pub(super) fn worked(keys: &Keys) {
        keys.worked.store(true, Ordering::Relaxed);
    }

    /// EC2 says that the keys are too old. Returns whether other keys are worth a try: not if these never worked,
    /// because then the clock is wrong or the keys are dead.
    pub(super) async fn expired(&self, used: &Arc<Keys>) -> bool {
        let mut cache = self.cache.lock().await;
        let current = cache.keys.as_ref().is_some_and(|keys| Arc::ptr_eq(keys, used));
        if !current {
            return true;
        }
        let worked = used.worked.load(Ordering::Relaxed);
        cache.keys = None;
        worked
    }

    /// EC2 does not take the keys. They may have been replaced since they were read; those of a role cannot have been,
    /// and a region that is not enabled for the account should not cost a new session each time.
    pub(super) async fn refused(&self, used: &Arc<Keys>) {
        if self.role.is_none() {
            self.expired(used).await;
        }
    }

    fn error(&self, kind: CloudErrorKind, code: &str, what: &str) -> CloudError {
        let account = &self.account;
        let message = match &self.role {
            Some(role) => format!("{account}: the role {} cannot be assumed ({code}): {what}", role.arn),
            None => format!("{account}: no AWS credentials ({code}): {what}"),
        };
        CloudError {
            kind,
            code: code.to_owned(),
            message,
        }
    }

    fn explain(&self, error: &CredentialsError) -> CloudError {
        if let Some((code, says)) = answer(error) {
            let says = quoted(&says);
            let advice = advice::of_refusal(&code, &says, self.role.as_ref());
            let what = with_advice(&says, advice.as_deref());
            return self.error(kind_of_credentials(&code), &word(&code), &what);
        }
        match error {
            CredentialsError::CredentialsNotLoaded(_) => {
                let what = format!("none were found ({PLACES}); give it keys in one of these places");
                self.error(CloudErrorKind::Denied, "none", &what)
            }
            CredentialsError::InvalidConfiguration(_) => {
                let advice = advice::of_login(error);
                let what = with_advice(&root(error), advice.as_deref());
                self.error(CloudErrorKind::Denied, "configuration", &what)
            }
            CredentialsError::ProviderTimedOut(_) => {
                self.error(CloudErrorKind::Transient, "timeout", "no answer in time")
            }
            _ => {
                let root = root(error);
                match advice::of_login(error).or_else(|| untrusted(&root).map(str::to_owned)) {
                    Some(advice) => self.error(CloudErrorKind::Denied, "login", &with_advice(&root, Some(&advice))),
                    None => {
                        // With a role it is STS that was asked, mostly.
                        let what = match &self.role {
                            _ if root.contains("IMDS") => {
                                let said = format!("no AWS keys were found: {root} ({PLACES})");
                                with_advice(&said, Some("give it keys in one of these places"))
                            }
                            Some(_) => {
                                with_advice(&root, Some("check that STS of the account's regions can be reached"))
                            }
                            None => format!("{root} ({PLACES})"),
                        };
                        self.error(CloudErrorKind::Transient, "unavailable", &what)
                    }
                }
            }
        }
    }
}
