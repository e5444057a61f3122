//! Packs the changes of a pass into as few calls as EC2 allows, and finds those that EC2 would refuse anyway.
//!
//! Pure: the same changes always make the same batches. The tags of one server are never split over calls, and
//! a server that EC2 is certain to refuse is never put into a call, because EC2 refuses a call as a whole.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fleet::{ServerChange, Source};
use crate::tag::{ServerId, TagSet};

/// The most resources that one `CreateTags` call takes (EC2 API reference, `CreateTags`, `ResourceId.N`).
const MOST_IDS: usize = 1000;

/// The most user tags that a resource carries (EC2 user guide, "Tag restrictions"); `aws:` tags do not count.
const MOST_TAGS: usize = 50;

/// One call to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Where the servers are.
    pub(super) source: Source,
    /// What all of them shall carry.
    pub(super) tags: Arc<TagSet>,
    /// The servers, in order.
    pub(super) ids: Vec<ServerId>,
}

impl Batch {
    /// The same tags for other servers of the source.
    pub(super) fn with(&self, ids: Vec<ServerId>) -> Self {
        Self {
            source: self.source.clone(),
            tags: Arc::clone(&self.tags),
            ids,
        }
    }
}

/// Groups changes by source and tag set into batches of at most `batch_size` servers (1 to 1,000).
///
/// The largest batch of a source comes first: if time runs out, the fewest servers are left behind.
#[must_use]
pub(super) fn pack<'a>(changes: impl IntoIterator<Item = &'a ServerChange>, batch_size: usize) -> Vec<Batch> {
    let mut groups: BTreeMap<(&Source, TagSet), Vec<&ServerId>> = BTreeMap::new();
    for change in changes {
        if !change.changes.is_empty() {
            let group = (&change.source, tag_set(change));
            groups.entry(group).or_default().push(&change.server);
        }
    }
    let size = batch_size.clamp(1, MOST_IDS);
    let mut batches = Vec::new();
    for ((source, tags), mut ids) in groups {
        ids.sort_unstable();
        ids.dedup();
        let tags = Arc::new(tags);
        batches.extend(ids.chunks(size).map(|ids| Batch {
            source: source.clone(),
            tags: Arc::clone(&tags),
            ids: ids.iter().copied().cloned().collect(),
        }));
    }
    batches.sort_by(|a, b| (&a.source, Reverse(a.ids.len())).cmp(&(&b.source, Reverse(b.ids.len()))));
    batches
}

fn tag_set(change: &ServerChange) -> TagSet {
    let pairs = change.changes.iter();
    pairs
        .map(|change| (change.tag.clone(), Arc::clone(&change.after)))
        .collect()
}

/// Why EC2 is certain to refuse the change, if it is.
#[must_use]
pub(super) fn refusal(change: &ServerChange) -> Option<String> {
    let added = change.changes.iter().filter(|change| change.before.is_none()).count();
    if added > 0 && change.user_tags + added > MOST_TAGS {
        return Some(format!(
            "it carries {} tags and would get {added} more, but EC2 allows {MOST_TAGS}: remove some of its tags",
            change.user_tags
        ));
    }
    if !change.metadata_tags {
        return None;
    }
    let unfit = change
        .changes
        .iter()
        .find(|change| !fits_metadata(change.tag.as_str()))?;
    Some(format!(
        "its instance metadata shows its tags, which a tag key such as {:?} does not allow: \
         switch \"Allow tags in metadata\" off, or choose a key of letters, digits and + - = . , _ : @",
        unfit.tag.as_str()
    ))
}

/// Whether the instance metadata service can show the key as a part of a path (EC2 user guide, "Tag restrictions").
fn fits_metadata(key: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+-=.,_:@".contains(&b);
    !matches!(key, "." | ".." | "_index") && key.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{change, id};
    use super::*;

    fn shapes(batches: &[Batch]) -> Vec<(String, usize, usize)> {
        let shape = |batch: &Batch| (batch.source.to_string(), batch.tags.len(), batch.ids.len());
        batches.iter().map(shape).collect()
    }

    #[test]
    fn servers_with_the_same_tags_share_calls() {
        let changes: Vec<_> = (0..1500).map(|n| change(n, "a", &[("V", "2")])).collect();
        let batches = pack(&changes, 500);
        assert_eq!(shapes(&batches), vec![("prod/a".to_owned(), 1, 500); 3]);
        let mut reversed = changes.clone();
        reversed.reverse();
        assert_eq!(
            pack(&reversed, 500),
            batches,
            "the order of the changes is of no account"
        );
        assert_eq!(pack(&changes, 5000).len(), 2, "a call takes 1,000 ids at most");
        assert_eq!(pack(&changes, 0).len(), 1500);
    }

    #[test]
    fn sources_and_tag_sets_part_and_the_tags_of_a_server_do_not() {
        let changes = [
            change(1, "b", &[("V", "2")]),
            change(2, "a", &[("V", "3")]),
            change(3, "a", &[("V", "2"), ("C", "web")]),
            change(4, "a", &[("C", "web"), ("V", "2")]),
            change(5, "a", &[]),
        ];
        let batches = pack(&changes, 500);
        let wanted = [("prod/a", 2, 2), ("prod/a", 1, 1), ("prod/b", 1, 1)];
        assert_eq!(shapes(&batches), wanted.map(|(s, t, n)| (s.to_owned(), t, n)));
        assert_eq!(batches[0].ids, [id(3), id(4)]);
        assert_eq!(pack(&[], 500), []);
    }

    #[test]
    fn a_full_server_is_refused_only_if_it_would_get_more() {
        let mut change = change(1, "a", &[("V", "2"), ("C", "web")]);
        change.user_tags = 48;
        assert_eq!(refusal(&change), None);
        change.user_tags = 49;
        assert!(refusal(&change).is_some_and(|why| why.contains("carries 49 tags and would get 2 more")));
        change.user_tags = 50;
        for tag in &mut change.changes {
            tag.before = Some("1".into());
        }
        assert_eq!(refusal(&change), None, "its tags change, but none is added");
    }

    #[test]
    fn metadata_narrows_the_keys() {
        for (key, fits) in [
            ("Release-Version", true),
            ("team/owner", false),
            ("a b", false),
            ("..", false),
        ] {
            let mut change = change(1, "a", &[(key, "x")]);
            assert_eq!(refusal(&change), None, "{key}: elsewhere any key will do");
            change.metadata_tags = true;
            assert_eq!(refusal(&change).is_none(), fits, "{key}");
        }
    }
}
