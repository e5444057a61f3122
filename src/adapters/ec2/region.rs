//! One account's region: each call is made with the account's keys, and its failure is classified.
//!
//! A call is never repeated here. Keys that have expired are dropped, so that a repetition by the caller gets new ones.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId as _;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;

use super::codes::is_expired;
use super::error::{Failed, classify};
use super::reply::WholeReply;
use super::session::{Keys, Session};
use crate::fleet::{CloudError, CloudErrorKind, Source};
use crate::pacing::Pacing;
use crate::tag::ServerId;

/// Instances on a page, the most that EC2 gives (EC2 API reference, `DescribeInstances`, `MaxResults`).
pub(super) const PAGE: i32 = 1000;

/// One account's region.
pub(super) struct RegionClient {
    pub(super) source: Source,
    pub(super) client: Client,
    pub(super) session: Arc<Session>,
    pub(super) pacing: Pacing,
    pub(super) request_timeout: Duration,
}

impl fmt::Debug for RegionClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionClient")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl RegionClient {
    /// Makes one call with the account's keys, and says what became of it.
    pub(super) async fn call<T, E, F>(
        &self,
        action: &'static str,
        ids: &[ServerId],
        call: impl FnOnce(Builder) -> F,
    ) -> Result<T, CloudError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let keys = self.session.keys().await?;
        let with_keys = Builder::new().credentials_provider(keys.credentials.clone());
        let error = match call(with_keys).await {
            Ok(output) => {
                Session::worked(&keys);
                return Ok(output);
            }
            Err(error) => error,
        };
        let failed = Failed {
            source: &self.source,
            action,
            who: self.session.who(),
            ids,
        };
        let meant = classify(&error, failed);
        // AWS's support asks for it. It is no part of the message: refusals that are alike would all differ.
        let request = error.request_id().unwrap_or("none");
        tracing::debug!(source = %self.source, action, code = meant.code, request, "AWS refused a call");
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

    pub(super) async fn describe(&self, token: Option<String>) -> Result<DescribeInstancesOutput, CloudError> {
        self.call("ec2:DescribeInstances", &[], async |override_| {
            let call = self.client.describe_instances().max_results(PAGE);
            let call = call.set_next_token(token).customize().config_override(override_);
            call.interceptor(WholeReply::describe_instances()).send().await
        })
        .await
    }
}
