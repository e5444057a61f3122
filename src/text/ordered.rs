//! Who ordered something, in the text that says what happened: the one form of it, for those who write it and those who read it.

const ORDERED_BY: &str = "ordered by ";

/// What was ordered, and by whom.
#[must_use]
pub(crate) fn ordered_by(by: &str, what: &str) -> String {
    format!("{ORDERED_BY}{by}: {what}")
}

/// Who ordered it, if the text says so.
#[must_use]
pub(crate) fn who_ordered(text: &str) -> Option<&str> {
    let (by, _) = text.strip_prefix(ORDERED_BY)?.split_once(": ")?;
    Some(by)
}

#[cfg(test)]
mod tests {
    use super::{ordered_by, who_ordered};

    #[test]
    fn who_ordered_it_is_read_back() {
        let text = ordered_by("night@ops-1", "row_drop: 3 of 6 rows are gone");
        assert_eq!(text, "ordered by night@ops-1: row_drop: 3 of 6 rows are gone");
        assert_eq!(who_ordered(&text), Some("night@ops-1"));
        for other in ["", "ordered by nobody", "3 servers; ordered by a: b"] {
            assert_eq!(who_ordered(other), None, "{other}");
        }
    }
}
