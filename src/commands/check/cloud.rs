//! Accounts and regions: keys, listing, and a dry run of tagging. Regions are checked side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::persist::persist;
use crate::adapters::ec2::Ec2;
use crate::calls::Calls;
use crate::clients::{StaticCredentials, connect_cloud};
use crate::config::{Account, Config, Mode, TagAuthority};
use crate::fleet::{CloudError, Server, Source};
use crate::pacing::Pacing;
use crate::plan::Policy;
use crate::prerequisites::{Finding, Item, Sample, candidate, judge_create_tags, judge_listing, judge_overlaps};
use crate::sheet::parse::Sheet;
use crate::tag::{ServerId, TagKey};

/// What was found in the regions, with the client that can ask more.
pub(super) struct Regions {
    pub(super) cloud: Ec2,
    samples: Vec<Sample>,
}

/// Checks keys and listing of all accounts.
pub(super) async fn check_regions(
    config: &Config,
    credentials: StaticCredentials,
    pacing: Pacing,
    calls: Calls,
) -> (Vec<Finding>, Regions) {
    let cloud = connect_cloud(config, credentials, pacing, calls.clone()).await;
    let accounts = config.aws.accounts.iter();
    let checked = join_all(accounts.map(|account| check_account(&cloud, account, config, &calls))).await;
    let (mut findings, mut samples) = (Vec::new(), Vec::new());
    for (found, seen) in checked {
        findings.extend(found);
        samples.extend(seen);
    }
    findings.extend(judge_overlaps(&samples));
    (findings, Regions { cloud, samples })
}

async fn check_account(cloud: &Ec2, account: &Account, config: &Config, calls: &Calls) -> (Vec<Finding>, Vec<Sample>) {
    let name: Arc<str> = account.name.as_str().into();
    let sources = account.regions.iter().map(|region| Source {
        account: Arc::clone(&name),
        region: region.as_str().into(),
    });
    let limit = config.limits.request_timeout;
    let waits = calls.wait(format!("asking AWS for keys of the account {}", account.name));
    let keys = persist(limit, || cloud.check_keys(&account.name), CloudError::is_transient).await;
    drop(waits);
    if let Err(error) = keys {
        let mut findings = vec![Finding::wrong(Item::Account, &account.name, error.message)];
        let needs = format!("the account {} must give keys first", account.name);
        let mut samples = Vec::new();
        for source in sources {
            findings.push(Finding::not_checked(
                Item::DescribeInstances,
                source.to_string(),
                &needs,
            ));
            samples.push((source, None));
        }
        return (findings, samples);
    }
    let message = match &account.role_arn {
        Some(arn) => format!("the role {arn} can be assumed"),
        None => "there are credentials; no role is assumed".to_owned(),
    };
    let mut findings = vec![Finding::ok(Item::Account, &account.name, message)];
    let listed = join_all(sources.map(|source| list(cloud, source, config))).await;
    let mut samples = Vec::new();
    for (source, found) in listed {
        findings.push(judge_listing(&source, &found));
        samples.push((source, found.ok()));
    }
    (findings, samples)
}

/// First the permission alone, which costs nothing to ask, then a page.
async fn list(
    cloud: &Ec2,
    source: Source,
    config: &Config,
) -> (Source, Result<BTreeMap<ServerId, Server>, CloudError>) {
    let limit = config.limits.request_timeout;
    let allowed = persist(limit, || cloud.check_describe(&source), CloudError::is_transient).await;
    let found = match allowed {
        Ok(()) => cloud.sample(&source).await,
        Err(error) => Err(error),
    };
    (source, found)
}

/// Dry runs of tagging, with a server of the sheet if there is one.
pub(super) async fn check_tagging(
    regions: Regions,
    sheet: Option<&Sheet>,
    config: &Config,
    policy: &Policy,
) -> Vec<Finding> {
    let cloud = &regions.cloud;
    // Tags of the server's authority are only read.
    let written = config.tags.managed.iter();
    let written = written.filter(|key| config.authority.of(key) == TagAuthority::Sheet);
    let managed: Vec<TagKey> = written.map(|key| key.as_str().into()).collect();
    let observe = config.mode == Mode::Observe;
    let limit = config.limits.request_timeout;
    let ask = async |(source, servers): &Sample| {
        let place = source.to_string();
        let Some(servers) = servers else {
            let needs = "servers must be listed first, to have one to ask about";
            return Finding::not_checked(Item::CreateTags, place, needs);
        };
        let Some(asked) = candidate(source, servers, sheet, policy, &managed) else {
            let message = "there is no server to ask about, so it is not known whether tagging is allowed";
            return Finding::note(Item::CreateTags, place, message);
        };
        let attempt = || cloud.check_create_tags(source, &asked.id, &asked.tags);
        let found = persist(limit, attempt, CloudError::is_transient).await;
        judge_create_tags(source, &asked, &found, observe)
    };
    join_all(regions.samples.iter().map(ask)).await
}
