//! What the page asks for, taken apart.

use serde_json::Value;

use crate::sheets::Deed;

/// Cells that one request may change.
const MOST_CELLS: usize = 100_000;

/// An edit of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) who: String,
    pub(super) tab: i64,
    pub(super) deed: Deed,
    /// They saw the warning.
    pub(super) meant: bool,
}

fn place(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok().filter(|place| *place < 1_000_000)
}

/// Reads a request such as `{"who":"sre","tab":101,"type":[[1,1,"8.4.0"]]}`.
pub(super) fn read(asked: &Value) -> Option<Edit> {
    let range = |value: &Value| {
        let (start, end) = (place(&value[0])?, place(&value[1])?);
        (start < end).then_some(start..end)
    };
    let deed = if let Some(cells) = asked["type"].as_array().filter(|cells| cells.len() <= MOST_CELLS) {
        let cell = |cell: &Value| Some((place(&cell[0])?, place(&cell[1])?, cell[2].as_str()?.to_owned()));
        Deed::Type(cells.iter().map(cell).collect::<Option<_>>()?)
    } else if let Some(copy) = asked.get("copy") {
        let (rows, columns) = (range(&copy["rows"])?, range(&copy["columns"])?);
        let to = (place(&copy["to"][0])?, place(&copy["to"][1])?);
        (rows.len() * columns.len() <= MOST_CELLS).then_some(Deed::Copy { rows, columns, to })?
    } else if let Some(insert) = asked.get("insert") {
        let count = place(&insert["count"]).filter(|count| (1..=1000).contains(count))?;
        Deed::Insert {
            at: place(&insert["at"]).filter(|at| *at > 0)?,
            count,
        }
    } else if let Some(delete) = asked.get("delete") {
        Deed::Delete(range(delete)?)
    } else if let Some(shift) = asked.get("move") {
        Deed::Move {
            rows: range(&shift["rows"])?,
            to: place(&shift["to"]).filter(|to| *to > 0)?,
        }
    } else {
        let sort = asked.get("sort")?;
        Deed::Sort {
            column: place(&sort["column"])?,
            descending: sort["descending"].as_bool()?,
        }
    };
    Some(Edit {
        who: asked["who"].as_str()?.to_owned(),
        tab: asked["tab"].as_i64()?,
        deed,
        meant: asked["meant"].as_bool().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let typed = read(&json!({ "who": "sre", "tab": 1, "type": [[1, 2, "x"]] })).unwrap();
        assert_eq!(typed.deed, Deed::Type(vec![(1, 2, "x".to_owned())]));
        for bad in [
            json!({ "who": "sre", "tab": 1 }),
            json!({ "who": "sre", "type": [[1, 2, "x"]] }),
            json!({ "who": "sre", "tab": 1, "type": [[1, 2]] }),
            json!({ "who": "sre", "tab": 1, "type": [[-1, 2, "x"]] }),
            json!({ "who": "sre", "tab": 1, "delete": [3, 3] }),
            json!({ "who": "sre", "tab": 1, "insert": { "at": 0, "count": 1 } }),
            json!({ "who": "sre", "tab": 1, "insert": { "at": 1, "count": 1_000_000 } }),
            json!({ "who": "sre", "tab": 1, "copy": { "rows": [0, 999_999], "columns": [0, 999], "to": [0, 0] } }),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
