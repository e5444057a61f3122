//! One account's region: its client, its pace, and the account's keys for each call.
//!
//! A call is never repeated here.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;

use super::access::Access;
use super::ahead::Ahead;
use super::reply::WholeReply;
use crate::fleet::{CloudError, Source};
use crate::pacing::Pacing;
use crate::tag::ServerId;

/// Instances on a page, the most that EC2 gives (EC2 API reference, `DescribeInstances`, `MaxResults`).
pub(super) const PAGE: i32 = 1000;

/// One account's region.
pub(super) struct RegionClient {
    pub(super) source: Source,
    pub(super) client: Client,
    pub(super) access: Arc<Access>,
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
    /// Makes one call, and says what became of it.
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
        let with_keys = |keys| call(Builder::new().credentials_provider(keys));
        self.access.call(&self.source, action, ids, with_keys).await
    }

    /// Asks for one page, of which `ahead` tells before it is parsed where the next one begins.
    pub(super) async fn describe(
        &self,
        token: Option<String>,
        ahead: Ahead,
    ) -> Result<DescribeInstancesOutput, CloudError> {
        self.call("ec2:DescribeInstances", &[], async |override_| {
            let call = self.client.describe_instances().max_results(PAGE);
            let call = call.set_next_token(token).customize().config_override(override_);
            let call = call.interceptor(WholeReply::describe_instances());
            call.interceptor(ahead).send().await
        })
        .await
    }
}
