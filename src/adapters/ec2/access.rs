//! An account's way in, which all services of AWS share: each call is made with the account's keys, and its failure is classified.
//!
//! A call is never repeated here. Keys that have expired are dropped, so that a repetition by the caller gets new ones.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId as _;

use super::codes::is_expired;
use super::error::{Failed, classify};
use super::session::{Keys, Session};
use crate::fleet::{CloudError, CloudErrorKind, Source};
use crate::tag::ServerId;

/// An account's settings and keys.
pub(in crate::adapters) struct Access {
    config: SdkConfig,
    session: Session,
}

/// The settings hold an access key's id.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    pub(super) const fn new(config: SdkConfig, session: Session) -> Self {
        Self { config, session }
    }

    /// What is common to all its clients.
    pub(in crate::adapters) const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Gets the keys.
    pub(super) async fn check(&self) -> Result<(), CloudError> {
        self.session.keys().await.map(drop)
    }

    /// Makes one call with the keys, and says what became of it. `ids` are the servers that it names.
    pub(in crate::adapters) async fn call<T, E, F>(
        &self,
        source: &Source,
        action: &'static str,
        ids: &[ServerId],
        call: impl FnOnce(Credentials) -> F,
    ) -> Result<T, CloudError>
    where
        E: ProvideErrorMetadata + Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let keys = self.session.keys().await?;
        let error = match call(keys.credentials.clone()).await {
            Ok(output) => {
                Session::worked(&keys);
                return Ok(output);
            }
            Err(error) => error,
        };
        let failed = Failed {
            source,
            action,
            who: self.session.who(),
            ids,
        };
        let meant = classify(&error, failed);
        // AWS's support asks for it. It is no part of the message: refusals that are alike would all differ.
        let request = error.request_id().unwrap_or("none");
        tracing::debug!(%source, action, code = meant.code, request, "AWS refused a call");
        Err(self.judge(meant, &keys).await)
    }

    /// Keys that were good until now may just have expired; then the call can be repeated with new ones.
    async fn judge(&self, mut error: CloudError, keys: &Arc<Keys>) -> CloudError {
        if is_expired(&error.code) && self.session.expired(keys).await {
            error.kind = CloudErrorKind::Transient;
        } else if error.kind == CloudErrorKind::Denied {
            self.session.refused(keys).await;
        }
        error
    }
}

/// Whether a call failed because its keys have just expired, and new ones are worth a try.
pub(in crate::adapters) fn wants_new_keys(error: &CloudError) -> bool {
    is_expired(&error.code) && error.kind == CloudErrorKind::Transient
}
