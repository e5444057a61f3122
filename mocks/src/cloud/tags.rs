//! `CreateTags` and `DeleteTags`: all resources of a call or none, and every limit that the service has.

use std::collections::BTreeMap;

use super::call::Call;
use super::error::ApiError;
use super::fleet::Fleet;
use super::instance::{Instance, Tags, is_instance_id, is_reserved};
use super::params::Params;

/// The most resources in one call.
const MAX_RESOURCES: usize = 1000;
/// The most user tags on one resource.
const MAX_TAGS: usize = 50;
/// The longest key, in characters. The guide says 128 and the API's own model 127; the emulator takes the narrower.
const MAX_KEY: usize = 127;
/// The longest value, in characters.
const MAX_VALUE: usize = 256;

/// The resources that a tag request names.
pub(crate) fn resources(params: &Params) -> Vec<&str> {
    params.list("ResourceId")
}

/// The tags that a tag request names, with the values that it gives.
pub(crate) fn tag_pairs(params: &Params) -> Vec<(&str, Option<&str>)> {
    params
        .indices("Tag")
        .into_iter()
        .map(|n| {
            let key = params.get(&format!("Tag.{n}.Key")).unwrap_or_default();
            (key, params.get(&format!("Tag.{n}.Value")))
        })
        .collect()
}

/// Answers `CreateTags`.
pub(crate) fn create_tags(fleet: &mut Fleet, call: &Call, params: &Params) -> Result<String, ApiError> {
    params.only(&["DryRun", "ResourceId", "Tag"])?;
    let pairs = tag_pairs(params);
    if pairs.is_empty() {
        return Err(ApiError::missing("Tag"));
    }
    let ids = checked_resources(fleet, call, params, &pairs)?;
    let tags: Tags = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.unwrap_or_default().to_owned()))
        .collect();
    if tags.len() < pairs.len() {
        return Err(ApiError::value("Duplicate tag keys found in the request"));
    }
    for instance in ids.iter().filter_map(|id| fleet.instance(id)) {
        accepts(instance, &tags)?;
    }
    // Nothing is refused from here on: a call applies to all of its resources or to none.
    for id in &ids {
        lag(fleet, id);
        for (key, value) in &tags {
            fleet.write_tag(id, key, Some(value), Some(call.number));
        }
    }
    Ok(call.reply("CreateTagsResponse", |xml| xml.leaf("return", true)))
}

/// Answers `DescribeTags` for one resource, as a server asks for its own tags.
pub(crate) fn describe_tags(fleet: &Fleet, call: &Call, params: &Params) -> Result<String, ApiError> {
    params.only(&["DryRun", "Filter", "MaxResults", "NextToken"])?;
    call.permitted(fleet, params, &[])?;
    let asked = (params.get("Filter.1.Name"), params.get("Filter.1.Value.1"));
    let (Some("resource-id"), Some(id), [1]) = (asked.0, asked.1, params.indices("Filter").as_slice()) else {
        return Err(ApiError::value(
            "This emulator knows the filter resource-id with one value",
        ));
    };
    // What is not there has no tags: that is no error.
    let tags = fleet.instance(id).map(|_| fleet.tags(id)).unwrap_or_default();
    Ok(call.reply("DescribeTagsResponse", |xml| {
        xml.nest("tagSet", |xml| {
            for (key, value) in &tags {
                xml.nest("item", |xml| {
                    xml.leaf("resourceId", id);
                    xml.leaf("resourceType", "instance");
                    xml.leaf("key", key);
                    xml.leaf("value", value);
                });
            }
        });
    }))
}

/// Answers `DeleteTags`. Without tags it deletes every user tag; with a value it deletes only a tag of that value.
pub(crate) fn delete_tags(fleet: &mut Fleet, call: &Call, params: &Params) -> Result<String, ApiError> {
    params.only(&["DryRun", "ResourceId", "Tag"])?;
    let pairs = tag_pairs(params);
    let ids = checked_resources(fleet, call, params, &pairs)?;
    for id in &ids {
        let doomed: Vec<String> = fleet
            .tags(id)
            .into_iter()
            .filter(|(key, value)| {
                let named = |(k, v): &(&str, Option<&str>)| k == key && v.is_none_or(|v| v == value);
                !is_reserved(key) && (pairs.is_empty() || pairs.iter().any(named))
            })
            .map(|(key, _)| key)
            .collect();
        if !doomed.is_empty() {
            lag(fleet, id);
        }
        for key in doomed {
            fleet.write_tag(id, &key, None, Some(call.number));
        }
    }
    Ok(call.reply("DeleteTagsResponse", |xml| xml.leaf("return", true)))
}

/// The resources of a call, each once, if permission, number, form, tags and existence are all right.
fn checked_resources(
    fleet: &Fleet,
    call: &Call,
    params: &Params,
    pairs: &[(&str, Option<&str>)],
) -> Result<Vec<String>, ApiError> {
    let mut named = resources(params);
    if named.is_empty() {
        return Err(ApiError::missing("ResourceId"));
    }
    call.permitted(fleet, params, &named)?;
    if named.len() > MAX_RESOURCES {
        let message = format!(
            "{} resources were given; a call takes at most {MAX_RESOURCES}",
            named.len()
        );
        return Err(ApiError::value(message));
    }
    if let Some(id) = named.iter().find(|id| !is_instance_id(id)) {
        return Err(ApiError::bad("InvalidID", format!("The ID '{id}' is not valid")));
    }
    if let Some(refused) = fleet.policies.refuse_tags(pairs) {
        return Err(refused);
    }
    for (key, value) in pairs {
        check_tag(key, value.unwrap_or_default())?;
    }
    let mut seen = BTreeMap::new();
    named.retain(|id| seen.insert(*id, ()).is_none());
    let now = fleet.now();
    let taggable = |instance: &Instance| call.reaches(instance) && instance.taggable_from <= now;
    let absent: Vec<&str> = named
        .iter()
        .copied()
        .filter(|id| !fleet.instance(id).is_some_and(taggable))
        .collect();
    if !absent.is_empty() {
        return Err(ApiError::no_instances(&absent));
    }
    Ok(named.into_iter().map(str::to_owned).collect())
}

fn check_tag(key: &str, value: &str) -> Result<(), ApiError> {
    if key.is_empty() {
        return Err(ApiError::value("Tag keys must not be empty"));
    }
    if is_reserved(key) {
        let message = "Tag keys starting with 'aws:' are reserved for internal use";
        return Err(ApiError::value(message));
    }
    if key.chars().count() > MAX_KEY {
        let message = format!("Tag key exceeds the maximum length of {MAX_KEY} characters");
        return Err(ApiError::value(message));
    }
    if value.chars().count() > MAX_VALUE {
        let message = format!("Tag value exceeds the maximum length of {MAX_VALUE} characters");
        return Err(ApiError::value(message));
    }
    Ok(())
}

/// Whether one instance can take the tags. The limit's message does not say which instance is full.
fn accepts(instance: &Instance, tags: &Tags) -> Result<(), ApiError> {
    if instance.metadata_tags
        && let Some(key) = tags.keys().find(|key| !fits_metadata(key))
    {
        return Err(ApiError::value(format!(
            "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), \
             and must not be a reserved name ('.', '..', '_index')"
        )));
    }
    let added = tags.keys().filter(|key| !instance.tags.contains_key(*key)).count();
    if instance.user_tags() + added > MAX_TAGS {
        let message = "The maximum number of Tags for a resource has been reached.";
        return Err(ApiError::bad("TagLimitExceeded", message));
    }
    Ok(())
}

/// The metadata service shows keys as parts of a path, so it takes fewer.
fn fits_metadata(key: &str) -> bool {
    !matches!(key, "." | ".." | "_index")
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-=.,_:@".contains(&b))
}

fn lag(fleet: &mut Fleet, id: &str) {
    let now = fleet.now();
    let (until, reads) = (now + fleet.settings.tags_late_by, fleet.settings.tags_late_reads);
    if let Some(instance) = fleet.instances.get_mut(id) {
        instance.lag(now, until, reads);
    }
}
