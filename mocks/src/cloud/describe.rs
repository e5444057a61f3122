//! `DescribeInstances`: filters, pages by the number of instances, no promise about order.

mod filter;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::call::Call;
use super::error::ApiError;
use super::fleet::Fleet;
use super::instance::{Instance, is_instance_id, scramble};
use super::params::Params;
use super::xml::Xml;
use filter::{Filter, filters};

/// Tokens older than this many pages are forgotten.
const MAX_TOKENS: usize = 5_000;

/// The listings that are being paged through. A token may be used twice: a client repeats a page whose answer it lost.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    open: BTreeMap<String, Page>,
    begun: u64,
}

#[derive(Debug, Clone)]
struct Page {
    /// Whose listing it is, and of what: a token is good for the same question only.
    of: String,
    ids: Arc<Vec<String>>,
    from: usize,
}

/// Answers the action.
pub(crate) fn describe_instances(
    fleet: &mut Fleet,
    listings: &mut Listings,
    call: &Call,
    params: &Params,
) -> Result<String, ApiError> {
    params.only(&[
        "DryRun",
        "Filter",
        "InstanceId",
        "MaxResults",
        "NextToken",
        "IncludeManagedResources",
    ])?;
    call.permitted(fleet, params, &[])?;
    let ids = params.list("InstanceId");
    let page_size = page_size(params, &ids)?;
    let filters = filters(params)?;
    if let Some(id) = ids.iter().find(|id| !is_instance_id(id)) {
        let message = format!("Invalid id: \"{id}\"");
        return Err(ApiError::bad("InvalidInstanceID.Malformed", message));
    }
    missing(fleet, call, &ids)?;

    let of = format!("{}/{} {filters:?} {ids:?}", call.account, call.region);
    let page = match params.get("NextToken") {
        Some(token) => listings.open.get(token).filter(|page| page.of == of).cloned(),
        None => {
            listings.begun += 1;
            Some(Page {
                ids: Arc::new(select(fleet, call, &ids, &filters, listings.begun)),
                of,
                from: 0,
            })
        }
    };
    let page = page.ok_or_else(|| ApiError::bad("InvalidNextToken", "The token is invalid or has expired."))?;
    let end = page_size.map_or(page.ids.len(), |size| (page.from + size).min(page.ids.len()));
    let next = (end < page.ids.len()).then(|| listings.remember(&page, end));
    let shown = page.ids.get(page.from..end).unwrap_or_default();
    Ok(render(fleet, call, shown, next.as_deref()))
}

impl Listings {
    fn remember(&mut self, page: &Page, from: usize) -> String {
        if self.open.len() >= MAX_TOKENS {
            self.open.clear();
        }
        self.begun += 1;
        let token = format!("eyJ{:016x}{:016x}==", scramble(self.begun), scramble(!self.begun));
        self.open.insert(token.clone(), Page { from, ..page.clone() });
        token
    }
}

fn page_size(params: &Params, ids: &[&str]) -> Result<Option<usize>, ApiError> {
    let Some(text) = params.get("MaxResults") else {
        return Ok(None);
    };
    if !ids.is_empty() {
        return Err(ApiError::bad(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        ));
    }
    match text.parse() {
        Ok(size @ 5..=1000) => Ok(Some(size)),
        _ => Err(ApiError::value(format!(
            "Value ( {text} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000."
        ))),
    }
}

fn missing(fleet: &Fleet, call: &Call, ids: &[&str]) -> Result<(), ApiError> {
    let absent: Vec<&str> = ids
        .iter()
        .copied()
        .filter(|id| !fleet.instance(id).is_some_and(|instance| call.reaches(instance)))
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(ApiError::no_instances(&absent))
}

/// The ids to list, in an order that differs from listing to listing; instances of a reservation stay together.
fn select(fleet: &mut Fleet, call: &Call, ids: &[&str], filters: &[Filter<'_>], listing: u64) -> Vec<String> {
    let now = fleet.now();
    let seed = fleet.settings.shuffle;
    let mut found: Vec<(u64, u64, String)> = Vec::new();
    for instance in fleet.instances.values_mut() {
        if !call.reaches(instance) || !(ids.is_empty() || ids.contains(&instance.id.as_str())) {
            continue;
        }
        if filters.iter().all(|filter| filter.lets_through(instance, now)) {
            let turn = seed.map_or(0, |seed| scramble(seed ^ scramble(listing)));
            let place = seed.map_or(0, |_| scramble(turn ^ instance.reservation));
            let within = seed.map_or(0, |_| scramble(turn ^ scramble(found.len() as u64)));
            found.push((place, within, instance.id.clone()));
        } else {
            // A read that leaves the instance out is a read, too.
            instance.was_read(now);
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, _, id)| id).collect()
}

fn render(fleet: &mut Fleet, call: &Call, ids: &[String], next: Option<&str>) -> String {
    let now = fleet.now();
    let mut groups: Vec<(u64, Vec<&str>)> = Vec::new();
    for id in ids {
        // It may have vanished since the first page was asked for.
        let Some(instance) = fleet.instance(id) else {
            continue;
        };
        match groups.last_mut() {
            Some((reservation, group)) if *reservation == instance.reservation => group.push(id),
            _ => groups.push((instance.reservation, vec![id])),
        }
    }
    let body = call.reply("DescribeInstancesResponse", |xml| {
        xml.nest("reservationSet", |xml| {
            for (reservation, group) in &groups {
                xml.nest("item", |xml| {
                    xml.leaf("reservationId", format_args!("r-0{:016x}", scramble(*reservation)));
                    xml.leaf("ownerId", &call.account);
                    xml.nest("groupSet", |_| {});
                    xml.nest("instancesSet", |xml| {
                        for instance in group.iter().filter_map(|id| fleet.instance(id)) {
                            xml.nest("item", |xml| instance_item(xml, instance, now));
                        }
                    });
                });
            }
        });
        if let Some(token) = next {
            xml.leaf("nextToken", token);
        }
    });
    for id in ids {
        if let Some(instance) = fleet.instances.get_mut(id) {
            instance.was_read(now);
        }
    }
    body
}

fn instance_item(xml: &mut Xml, instance: &Instance, now: DateTime<Utc>) {
    xml.leaf("instanceId", &instance.id);
    xml.leaf("imageId", "ami-0abcdef1234567890");
    xml.nest("instanceState", |xml| {
        xml.leaf("code", instance.state.code());
        xml.leaf("name", instance.state.name());
    });
    xml.leaf("instanceType", "m7g.large");
    xml.leaf("launchTime", instance.launched.format("%Y-%m-%dT%H:%M:%S.000Z"));
    xml.nest("placement", |xml| {
        xml.leaf("availabilityZone", format_args!("{}a", instance.region));
        xml.leaf("tenancy", "default");
    });
    xml.leaf("architecture", "arm64");
    let tags = instance.shown_tags(now);
    if !tags.is_empty() {
        xml.nest("tagSet", |xml| {
            for (key, value) in tags {
                xml.nest("item", |xml| {
                    xml.leaf("key", key);
                    xml.leaf("value", value);
                });
            }
        });
    }
    if instance.spot {
        xml.leaf("instanceLifecycle", "spot");
    }
    xml.nest("metadataOptions", |xml| {
        xml.leaf("state", "applied");
        xml.leaf("httpTokens", "required");
        xml.leaf("httpEndpoint", "enabled");
        let shown = if instance.metadata_tags { "enabled" } else { "disabled" };
        xml.leaf("instanceMetadataTags", shown);
    });
}
