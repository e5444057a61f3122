//! What changed since somebody last looked: each part of the page with the revision in which it became what it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Something with the revision of its last change.
#[derive(Clone, Debug, Default)]
struct Kept {
    value: Value,
    revision: u64,
}

/// A tab as it was last shown.
#[derive(Clone, Debug, Default)]
struct Tab {
    /// The revision of the spreadsheet that it was drawn from.
    drawn: Option<u64>,
    head: Kept,
    rows: Vec<Kept>,
}

/// All parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    revision: u64,
    parts: BTreeMap<&'static str, Kept>,
    tabs: BTreeMap<i64, Tab>,
}

fn keep(kept: &mut Kept, value: Value, revision: u64) -> bool {
    let changed = kept.revision == 0 || kept.value != value;
    if changed {
        *kept = Kept { value, revision };
    }
    changed
}

impl Parts {
    /// Takes in a part as it is now.
    pub(super) fn put(&mut self, name: &'static str, value: Value) {
        let next = self.revision + 1;
        if keep(self.parts.entry(name).or_default(), value, next) {
            self.revision = next;
        }
    }

    /// Whether the tab was drawn from this revision of the spreadsheet.
    pub(super) fn is_drawn(&self, tab: i64, from: u64) -> bool {
        self.tabs.get(&tab).is_some_and(|tab| tab.drawn == Some(from))
    }

    /// Whether the tab was ever drawn.
    pub(super) fn knows(&self, tab: i64) -> bool {
        self.tabs.contains_key(&tab)
    }

    /// Whether there is such a part.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.contains_key(name)
    }

    /// Takes in a tab as it is now.
    pub(super) fn put_tab(&mut self, id: i64, from: u64, head: Value, rows: Vec<Value>) {
        let next = self.revision + 1;
        let tab = self.tabs.entry(id).or_default();
        tab.drawn = Some(from);
        let mut changed = keep(&mut tab.head, head, next);
        changed |= tab.rows.len() != rows.len();
        tab.rows.resize_with(rows.len(), Kept::default);
        for (kept, row) in tab.rows.iter_mut().zip(rows) {
            changed |= keep(kept, row, next);
        }
        if changed {
            self.revision = next;
        }
    }

    /// What changed after a revision, and of a tab after another one.
    pub(super) fn since(&self, seen: u64, tab: Option<(i64, u64)>) -> Value {
        let parts = self.parts.iter().filter(|(_, kept)| kept.revision > seen);
        let parts: Map<String, Value> = parts
            .map(|(name, kept)| ((*name).to_owned(), kept.value.clone()))
            .collect();
        let tab = tab
            .and_then(|(id, seen)| Some((id, seen, self.tabs.get(&id)?)))
            .map(|(id, seen, tab)| {
                let new = |kept: &Kept| kept.revision > seen;
                let rows = tab.rows.iter().enumerate().filter(|(_, kept)| new(kept));
                let rows: Vec<Value> = rows.map(|(at, kept)| json!([at, kept.value])).collect();
                let head = if new(&tab.head) {
                    tab.head.value.clone()
                } else {
                    Value::Null
                };
                json!({ "id": id, "head": head, "count": tab.rows.len(), "rows": rows })
            });
        json!({ "revision": self.revision, "parts": parts, "tab": tab })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let mut parts = Parts::default();
        parts.put("mails", json!([1]));
        parts.put_tab(5, 1, json!({ "rows": 2 }), vec![json!(["a"]), json!(["b"])]);
        let first = parts.since(0, Some((5, 0)));
        assert_eq!(first["tab"]["rows"], json!([[0, ["a"]], [1, ["b"]]]));
        let seen = first["revision"].as_u64().unwrap();
        parts.put("mails", json!([1]));
        parts.put_tab(5, 2, json!({ "rows": 2 }), vec![json!(["a"]), json!(["c"])]);
        let then = parts.since(seen, Some((5, seen)));
        assert_eq!(then["tab"]["rows"], json!([[1, ["c"]]]));
        assert_eq!((&then["parts"], &then["tab"]["head"]), (&json!({}), &Value::Null));
        let seen = then["revision"].as_u64().unwrap();
        assert_eq!(parts.since(seen, Some((5, seen)))["tab"]["rows"], json!([]));
        assert!(parts.is_drawn(5, 2) && !parts.is_drawn(5, 3));
    }
}
