//! A few texts by name: the tags of a server, the cells of a row. There are as many of these as there are servers, several times
//! over, so they lie in one piece, and a copy is the same piece until one of both changes.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Index;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::shared;

/// A name that texts are kept by.
pub trait Name: Clone + Ord {
    /// The name of this text.
    fn named(text: &str) -> Self;

    /// Its text.
    fn text(&self) -> &str;
}

impl Name for Arc<str> {
    fn named(text: &str) -> Self {
        shared(text)
    }

    fn text(&self) -> &str {
        self
    }
}

/// A key and its text.
type Entry<K> = (K, Arc<str>);

/// Texts by name, in the order of the names.
#[derive(Clone)]
pub struct Texts<K>(Option<Arc<[Entry<K>]>>);

impl<K> Default for Texts<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K> Texts<K> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn pairs(&self) -> &[(K, Arc<str>)] {
        self.0.as_deref().unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Names and texts.
    pub fn iter(&self) -> Iter<'_, K> {
        self.pairs().iter().map(|(name, text)| (name, text))
    }

    /// The names.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.pairs().iter().map(|(name, _)| name)
    }

    /// The texts.
    pub fn values(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pairs().iter().map(|(_, text)| text)
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl<K: Name> Texts<K> {
    fn place<Q: Ord + ?Sized>(&self, name: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.pairs().binary_search_by(|(known, _)| known.borrow().cmp(name))
    }

    /// The text of this name.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<&Arc<str>>
    where
        K: Borrow<Q>,
    {
        let place = self.place(name).ok()?;
        Some(&self.pairs()[place].1)
    }

    /// Whether there is a text of this name.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, name: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(name).is_ok()
    }

    /// Puts a text in, in place of the former of this name, which it gives.
    pub fn insert(&mut self, name: K, text: Arc<str>) -> Option<Arc<str>> {
        let mut pairs = self.pairs().to_vec();
        let former = match self.place(&name) {
            Ok(place) => Some(std::mem::replace(&mut pairs[place].1, text)),
            Err(place) => {
                pairs.insert(place, (name, text));
                None
            }
        };
        *self = Self::of(pairs);
        former
    }

    /// Takes a text out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<Arc<str>>
    where
        K: Borrow<Q>,
    {
        let place = self.place(name).ok()?;
        let mut pairs = self.pairs().to_vec();
        let (_, text) = pairs.remove(place);
        *self = Self::of(pairs);
        Some(text)
    }

    /// Keeps those that are to be kept.
    pub fn retain(&mut self, keep: impl Fn(&K, &Arc<str>) -> bool) {
        if !self.iter().all(|(name, text)| keep(name, text)) {
            let kept = self.pairs().iter().filter(|(name, text)| keep(name, text));
            *self = Self::of(kept.cloned().collect());
        }
    }

    /// Of pairs that are in order.
    fn of(pairs: Vec<(K, Arc<str>)>) -> Self {
        Self((!pairs.is_empty()).then(|| pairs.into()))
    }
}

/// Names and texts.
pub type Iter<'a, K> =
    std::iter::Map<std::slice::Iter<'a, (K, Arc<str>)>, for<'b> fn(&'b (K, Arc<str>)) -> (&'b K, &'b Arc<str>)>;

impl<'a, K> IntoIterator for &'a Texts<K> {
    type Item = (&'a K, &'a Arc<str>);
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Name> FromIterator<(K, Arc<str>)> for Texts<K> {
    fn from_iter<I: IntoIterator<Item = (K, Arc<str>)>>(pairs: I) -> Self {
        let mut pairs: Vec<(K, Arc<str>)> = pairs.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        // As in a map, the last of a name counts.
        pairs.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = Arc::clone(&later.1);
            }
            same
        });
        Self::of(pairs)
    }
}

impl<K: Name> Extend<(K, Arc<str>)> for Texts<K> {
    fn extend<I: IntoIterator<Item = (K, Arc<str>)>>(&mut self, more: I) {
        let pairs = self.pairs().iter().cloned().chain(more);
        *self = pairs.collect();
    }
}

impl<K: Name, const N: usize> From<[(K, Arc<str>); N]> for Texts<K> {
    fn from(pairs: [(K, Arc<str>); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Name + Borrow<Q>, Q: Ord + ?Sized> Index<&Q> for Texts<K> {
    type Output = Arc<str>;

    fn index(&self, name: &Q) -> &Arc<str> {
        match self.place(name) {
            Ok(place) => &self.pairs()[place].1,
            Err(_) => panic!("no text of that name"),
        }
    }
}

impl<K: Eq> PartialEq for Texts<K> {
    fn eq(&self, other: &Self) -> bool {
        // A copy is the same piece until one of both changes.
        let one_piece = matches!((&self.0, &other.0), (Some(one), Some(other)) if Arc::ptr_eq(one, other));
        one_piece || self.pairs() == other.pairs()
    }
}

impl<K: Eq> Eq for Texts<K> {}

impl<K: Ord> PartialOrd for Texts<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> Ord for Texts<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.pairs().cmp(other.pairs())
    }
}

impl<K: Hash> Hash for Texts<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pairs().hash(state);
    }
}

impl<K: fmt::Debug> fmt::Debug for Texts<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Name> Serialize for Texts<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, text)| (name.text(), &**text)))
    }
}

impl<'de, K: Name> Deserialize<'de> for Texts<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<K>(PhantomData<K>);
        impl<'de, K: Name> Visitor<'de> for Read<K> {
            type Value = Texts<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, text)) = map.next_entry::<Cow<'_, str>, Cow<'_, str>>()? {
                    pairs.push((K::named(&name), shared(&text)));
                }
                Ok(pairs.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Read(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts<Arc<str>> {
        pairs
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into()))
            .collect()
    }

    #[test]
    fn they_are_as_in_a_map() {
        let mut these = texts(&[("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(these, texts(&[("a", "2"), ("b", "3")]));
        assert_eq!(&*these["b"], "3");
        let before = these.clone();
        assert_eq!(these.insert("a".into(), "4".into()).as_deref(), Some("2"));
        assert_eq!(these.insert("c".into(), "5".into()), None);
        assert_eq!(these.remove("b").as_deref(), Some("3"));
        assert_eq!((these.remove("b"), these.get("x")), (None, None));
        assert_eq!(these, texts(&[("a", "4"), ("c", "5")]));
        assert_eq!(before, texts(&[("a", "2"), ("b", "3")]));
        these.retain(|name, _| &**name != "a");
        assert_eq!((these.len(), these.contains_key("c")), (1, true));
        these.clear();
        assert!(these.is_empty() && these == Texts::new());
    }

    #[test]
    fn they_are_stored_as_a_map() {
        let these = texts(&[("a", "\"x\""), ("b", "")]);
        let stored = serde_json::to_string(&these).unwrap();
        assert_eq!(stored, r#"{"a":"\"x\"","b":""}"#);
        assert_eq!(serde_json::from_str::<Texts<Arc<str>>>(&stored).unwrap(), these);
    }
}
