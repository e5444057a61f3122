//! Lists one source: page by page, paced, each page asked for again while its fault may pass.
//!
//! The result is the whole source or an error: a truncated listing must never look like a small fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::types::{Instance, InstanceLifecycleType, InstanceMetadataTagsState, InstanceStateName, Tag};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::ahead::Ahead;
use super::region::RegionClient;
use super::task::Task;
use crate::fleet::{CloudError, CloudErrorKind, Server, Source, State};
use crate::pacing::{Action, Delays};
use crate::tag::{ServerId, TagKey};
use crate::text::shared;

/// More pages than any account's region has: a million instances. Only a listing that goes in circles is longer.
const MOST_PAGES: usize = 1000;

/// How many times one page is asked for.
const ATTEMPTS: u32 = 6;

/// How many times it is asked for while EC2 throttles: the pauses of the pacing add up to half a minute.
const THROTTLED: u32 = 10;

/// A page is not asked for again once this many request timeouts have passed: a region that hangs is tried twice.
const TIMEOUTS: u32 = 2;

/// A page that was asked for.
struct Asked {
    page: Task<DescribeInstancesOutput>,
    /// Where the listing goes on, as soon as the page is here. None comes where it ends, and where only the parsed page tells.
    next: oneshot::Receiver<String>,
}

impl Asked {
    fn start(region: &Arc<RegionClient>, token: Option<String>) -> Self {
        let (ahead, next) = Ahead::new();
        let region = Arc::clone(region);
        let page = Task::start(async move { page(&region, token, ahead).await });
        Self { page, next }
    }
}

/// Lists all instances of a region. The next page is asked for while one is parsed.
pub(super) async fn list(region: &Arc<RegionClient>) -> Result<BTreeMap<ServerId, Server>, CloudError> {
    let (mut servers, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let mut asked = Asked::start(region, None);
    for _ in 0..MOST_PAGES {
        let told = asked.next.await.ok().filter(|token| !seen.contains(token));
        let early = told.map(|token| (Asked::start(region, Some(token.clone())), token));
        let page = asked.page.end().await?;
        let instances = page.reservations().iter().flat_map(|launch| launch.instances());
        servers.extend(instances.filter_map(|instance| server(&region.source, instance)));
        let Some(token) = page.next_token.filter(|token| !token.is_empty()) else {
            return Ok(servers);
        };
        if !seen.insert(token.clone()) {
            break;
        }
        asked = match early {
            Some((early, told)) if told == token => early,
            _ => Asked::start(region, Some(token)),
        };
    }
    Err(CloudError {
        kind: CloudErrorKind::Transient,
        code: "endless".to_owned(),
        message: format!("{}: ec2:DescribeInstances never stops listing", region.source),
    })
}

/// Lists some instances of a region: those of the first page.
pub(super) async fn first_page(region: &RegionClient) -> Result<BTreeMap<ServerId, Server>, CloudError> {
    let page = page(region, None, Ahead::new().0).await?;
    let instances = page.reservations().iter().flat_map(|launch| launch.instances());
    Ok(instances
        .filter_map(|instance| server(&region.source, instance))
        .collect())
}

async fn page(
    region: &RegionClient,
    token: Option<String>,
    ahead: Ahead,
) -> Result<DescribeInstancesOutput, CloudError> {
    let lane = region.pacing.lane(&region.source, Action::DescribeInstances);
    let patience = &region.pacing.limits().patience;
    let all_within = region.request_timeout * TIMEOUTS;
    let mut delays = Delays::new(patience.first_delay, patience.longest_delay, Some(all_within));
    let mut attempts = 0;
    let what = format!("listing the servers of {}", region.source);
    let waits = lane.waits_for(what.as_str());
    loop {
        let permit = lane.admit().await;
        if attempts > 0 {
            lane.repeats();
        }
        let error = match region.describe(token.clone(), ahead.clone()).await {
            Ok(page) => {
                lane.passed(&permit);
                return Ok(page);
            }
            Err(error) => error,
        };
        attempts += 1;
        let throttled = error.kind == CloudErrorKind::Throttled;
        if throttled {
            lane.throttled(&permit);
        }
        let most = if throttled { THROTTLED } else { ATTEMPTS };
        let delay = delays.next_delay().filter(|_| attempts < most && error.is_transient());
        let Some(delay) = delay else { return Err(error) };
        waits.is_for(format!("{what} (try {} of {most})", attempts + 1));
        tracing::debug!(source = %region.source, error.code, "asking for a page of instances again");
        // After a throttle, the gate makes the next call wait.
        if !throttled {
            sleep(delay).await;
        }
    }
}

fn server(source: &Source, instance: &Instance) -> Option<(ServerId, Server)> {
    let id = ServerId::from(instance.instance_id()?);
    let pair = |tag: &Tag| Some((TagKey::from(tag.key()?), shared(tag.value().unwrap_or_default())));
    let metadata = instance.metadata_options();
    let shown = metadata.and_then(|options| options.instance_metadata_tags());
    let server = Server {
        source: source.clone(),
        state: state(instance),
        tags: instance.tags().iter().filter_map(pair).collect(),
        metadata_tags: shown == Some(&InstanceMetadataTagsState::Enabled),
        zone: instance
            .placement()
            .and_then(|placement| placement.availability_zone())
            .map(Arc::from),
        spot: instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot),
    };
    Some((id, server))
}

fn state(instance: &Instance) -> State {
    match instance.state().and_then(|state| state.name()) {
        Some(InstanceStateName::Pending) => State::Pending,
        Some(InstanceStateName::Stopping) => State::Stopping,
        Some(InstanceStateName::Stopped) => State::Stopped,
        Some(InstanceStateName::ShuttingDown) => State::ShuttingDown,
        Some(InstanceStateName::Terminated) => State::Terminated,
        // A state that this version does not know is not treated as terminated.
        _ => State::Running,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceMetadataOptionsResponse, InstanceState};

    use super::*;

    fn source() -> Source {
        Source {
            account: "prod".into(),
            region: "eu-west-1".into(),
        }
    }

    #[test]
    fn an_instance_becomes_a_server() {
        let options = InstanceMetadataOptionsResponse::builder().instance_metadata_tags("enabled".into());
        let instance = Instance::builder()
            .instance_id("i-1")
            .state(InstanceState::builder().name(InstanceStateName::Stopped).build())
            .tags(Tag::builder().key("Name").value("web").build())
            .tags(Tag::builder().key("aws:x").build())
            .metadata_options(options.build())
            .build();
        let (id, server) = server(&source(), &instance).unwrap();
        assert_eq!(
            (id.as_str(), server.state, server.metadata_tags),
            ("i-1", State::Stopped, true)
        );
        let tags: Vec<_> = server
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), &**value))
            .collect();
        assert_eq!(tags, [("Name", "web"), ("aws:x", "")]);
    }

    #[test]
    fn what_an_instance_does_not_say_is_not_the_worst() {
        let instance = Instance::builder().instance_id("i-1").build();
        let (_, server) = server(&source(), &instance).unwrap();
        assert!(server.state.is_live() && server.tags.is_empty() && !server.metadata_tags);
        assert_eq!(super::server(&source(), &Instance::builder().build()), None);
    }
}
