//! What there is to look after: `[aws]`, `[tags]` and `[authority]`.

use std::collections::{BTreeMap, BTreeSet};

use figment::value::Value;

use crate::config::model::{Account, Authority, Aws, TagAuthority, Tags};
use crate::config::read::{Reader, text_of};
use crate::config::{source, syntax};

pub(super) fn aws(r: &mut Reader, in_sandbox: bool) -> Option<Aws> {
    let endpoint_url = r.optional("aws.endpoint_url", syntax::endpoint);
    let tables = r.tables("aws.account")?;
    if tables.is_empty() && !in_sandbox {
        r.fail_missing("aws.account");
    }
    let accounts: Vec<Option<Account>> = tables
        .iter()
        .enumerate()
        .map(|(i, table)| account(r, i, table))
        .collect();
    let mut names = BTreeSet::new();
    let mut reached = BTreeMap::new();
    for (i, account) in accounts.iter().enumerate() {
        let Some(account) = account else { continue };
        if !names.insert(&account.name) {
            let shown = format!("aws.account[{i}].name");
            r.fail_inside(
                "aws.account",
                &shown,
                format!("{:?} names two accounts; give each its own", account.name),
            );
        }
        for region in &account.regions {
            if let Some(other) = reached.insert((&account.role_arn, region), &account.name) {
                let message = format!(
                    "reaches {region} with the same role as {other:?}, so each server would be seen twice; \
                     give it another role_arn or other regions"
                );
                r.fail_inside("aws.account", &format!("aws.account[{i}].regions"), message);
            }
        }
    }
    Some(Aws {
        endpoint_url: endpoint_url?,
        accounts: accounts.into_iter().collect::<Option<_>>()?,
    })
}

fn account(r: &mut Reader, i: usize, table: &BTreeMap<String, Value>) -> Option<Account> {
    const KNOWN: [&str; 4] = ["name", "role_arn", "external_id", "regions"];
    let at = |name: &str| format!("aws.account[{i}].{name}");
    for name in table.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        r.fail_inside("aws.account", &at(name), source::unknown("[aws.account]", name, &KNOWN));
    }
    let mut text = |name: &str, parse: fn(&str) -> Result<String, String>| match table.get(name).map(text_of) {
        None | Some(Ok("")) => Some(None),
        Some(read) => match read.and_then(parse) {
            Ok(text) => Some(Some(text)),
            Err(message) => {
                r.fail_inside("aws.account", &at(name), message);
                None
            }
        },
    };
    let name = text("name", |name| Ok(name.to_owned()));
    let role_arn = text("role_arn", syntax::role_arn);
    let external_id = text("external_id", syntax::external_id);
    if role_arn == Some(None) && matches!(external_id, Some(Some(_))) {
        let message = "is for a role, and there is no role_arn; add the role or take this out";
        r.fail_inside("aws.account", &at("external_id"), message);
    }
    if name == Some(None) {
        r.fail_inside(
            "aws.account",
            &at("name"),
            "is missing; give the account a name for the sheet to show",
        );
    }
    let regions = match table.get("regions") {
        Some(value) => r.list_inside("aws.account", &at("regions"), value, syntax::region),
        None => Some(Vec::new()),
    };
    if let Some(regions) = &regions {
        let unique: BTreeSet<&String> = regions.iter().collect();
        if regions.is_empty() {
            r.fail_inside(
                "aws.account",
                &at("regions"),
                "is empty; name at least one, such as [\"eu-west-1\"]",
            );
        } else if unique.len() < regions.len() {
            r.fail_inside("aws.account", &at("regions"), "names a region twice; name each once");
        }
    }
    Some(Account {
        name: name??,
        role_arn: role_arn?,
        external_id: external_id?,
        regions: regions?,
    })
}

pub(super) fn tags(r: &mut Reader) -> Option<Tags> {
    let channel = r.text("tags.channel", syntax::tag_key);
    let version = r.text("tags.version", syntax::tag_key);
    let managed = r.list("tags.managed", syntax::tag_key);
    // The sheet finds columns in any letter case, so keys that differ in nothing else would share a column.
    let lower = |key: &Option<String>| key.as_ref().map(|key| key.to_lowercase());
    let (channel_key, version_key) = (lower(&channel), lower(&version));
    if channel_key.is_some() && channel_key == version_key {
        r.fail(
            "tags.version",
            "is the same tag as tags.channel; name two different tags",
        );
    }
    let mut seen = BTreeSet::new();
    for (i, key) in managed.iter().flatten().enumerate() {
        let shown = format!("tags.managed[{i}]");
        let lower = Some(key.to_lowercase());
        if lower == channel_key || lower == version_key {
            let message = format!("{key:?} is the channel or version tag, which has columns of its own; take it out");
            r.fail_inside("tags.managed", &shown, message);
        } else if !seen.insert(lower) {
            r.fail_inside(
                "tags.managed",
                &shown,
                format!("{key:?} stands twice (letter case aside); name it once"),
            );
        }
    }
    Some(Tags {
        channel: channel?,
        version: version?,
        managed: managed?,
    })
}

pub(super) fn authority(r: &mut Reader, tags: Option<&Tags>) -> Option<Authority> {
    const PATH: &str = "authority.tags";
    let who = syntax::one_of(&[("sheet", TagAuthority::Sheet), ("server", TagAuthority::Server)]);
    let table = r.table(PATH)?;
    let mut read = BTreeMap::new();
    for (key, value) in &table {
        let shown = format!("{PATH}.{key}");
        if let Some(tags) = tags.filter(|tags| !tags.managed.contains(key)) {
            r.fail_inside(PATH, &shown, unmanaged(key, tags));
        }
        match text_of(value).and_then(&who) {
            Ok(who) => {
                read.insert(key.clone(), who);
            }
            Err(message) => r.fail_inside(PATH, &shown, message),
        }
    }
    (read.len() == table.len()).then_some(Authority { tags: read })
}

/// Says what to do about a key that has no authority to give away: not all of them may be managed.
fn unmanaged(key: &str, tags: &Tags) -> String {
    let own = [&tags.channel, &tags.version]
        .iter()
        .any(|tag| tag.eq_ignore_ascii_case(key));
    let other = tags.managed.iter().find(|tag| tag.eq_ignore_ascii_case(key));
    match (own, other, syntax::tag_key(key)) {
        (true, ..) => format!("{key:?} is the channel or version tag, which the sheet decides; take it out"),
        (_, _, Err(_)) => format!("{key:?} is not a tag that can be managed; take it out"),
        (_, Some(other), _) => format!("{key:?} is {other:?} in tags.managed; write it in that letter case"),
        (_, None, _) => format!("{key:?} is not in tags.managed; add it there, in this letter case"),
    }
}
