//! Asks an account's region what fleetsheet may do there: by listing a page, and by dry runs, which change nothing.

use std::collections::BTreeMap;

use super::region::PAGE;
use super::{Ec2, describe, error, sdk_tags};
use crate::fleet::{CloudError, CloudErrorKind, Server, Source};
use crate::pacing::Action;
use crate::tag::{ServerId, TagSet};

impl Ec2 {
    /// Gets an account's keys: assumes its role, or finds those of the environment. Whether EC2 accepts them shows only
    /// when they are used.
    ///
    /// # Errors
    /// When there are none; the message says what to do.
    pub(crate) async fn check_keys(&self, account: &str) -> Result<(), CloudError> {
        let Some(access) = self.accounts().get(account) else {
            return Err(CloudError {
                kind: CloudErrorKind::Denied,
                code: "unknown".to_owned(),
                message: format!("{account}: no such account in the configuration"),
            });
        };
        access.check().await
    }

    /// Asks, without reading anything, whether instances may be listed.
    ///
    /// # Errors
    /// When they may not, or when that cannot be known; the message says what to do.
    pub async fn check_describe(&self, source: &Source) -> Result<(), CloudError> {
        let region = self.region(source)?;
        let lane = region.pacing.lane(source, Action::DescribeInstances);
        let _waits = lane.waits_for(format!("asking whether the servers of {source} may be listed"));
        let _permit = lane.admit().await;
        let asked = region
            .call("ec2:DescribeInstances", &[], async |override_| {
                let call = region.client.describe_instances().dry_run(true).max_results(PAGE);
                call.customize().config_override(override_).send().await
            })
            .await;
        allowed(asked.map(drop))
    }

    /// Lists some servers, up to a page of them, to have one to ask about.
    ///
    /// # Errors
    /// As for listing all of them.
    pub async fn sample(&self, source: &Source) -> Result<BTreeMap<ServerId, Server>, CloudError> {
        describe::first_page(self.region(source)?).await
    }

    /// Asks, without changing anything, whether a server may be given these tags. The ids need not exist for that, but
    /// a policy may depend on the keys and on the server.
    ///
    /// # Errors
    /// When it may not, or when that cannot be known; the message says what to do.
    pub async fn check_create_tags(&self, source: &Source, id: &ServerId, tags: &TagSet) -> Result<(), CloudError> {
        let region = self.region(source)?;
        let lane = region.pacing.lane(source, Action::CreateTags);
        let _waits = lane.waits_for(format!("asking whether the servers of {source} may be tagged"));
        let _permit = lane.admit().await;
        let ids = std::slice::from_ref(id);
        let asked = region
            .call("ec2:CreateTags", ids, async |override_| {
                let call = region.client.create_tags().dry_run(true).resources(id.as_str());
                let call = call.set_tags(Some(sdk_tags(tags)));
                call.customize().config_override(override_).send().await
            })
            .await;
        allowed(asked.map(drop))
    }
}

/// The result of a dry run. A dry run never succeeds: EC2 says "allowed" by an error with a code of its own.
fn allowed(asked: Result<(), CloudError>) -> Result<(), CloudError> {
    match asked {
        Err(error) if !error::is_dry_run_success(&error) => Err(error),
        _ => Ok(()),
    }
}
