//! The filters of `DescribeInstances`: their names, their values with wildcards, and what they let through.

use chrono::{DateTime, Utc};

use crate::cloud::error::ApiError;
use crate::cloud::instance::Instance;
use crate::cloud::params::Params;

/// A filter has at most this many values.
const MAX_FILTER_VALUES: usize = 200;

/// A filter by name and the values of which one must match.
#[derive(Debug)]
pub(super) struct Filter<'p> {
    name: &'p str,
    values: Vec<&'p str>,
}

/// The filters that a request names, if each is one that the emulator knows and has values.
pub(super) fn filters(params: &Params) -> Result<Vec<Filter<'_>>, ApiError> {
    let mut filters = Vec::new();
    for n in params.indices("Filter") {
        let name = params
            .get(&format!("Filter.{n}.Name"))
            .ok_or_else(|| ApiError::missing("Filter.Name"))?;
        let values = params.list(&format!("Filter.{n}.Value"));
        if values.is_empty() {
            return Err(ApiError::value(format!("The filter '{name}' has no value")));
        }
        if values.len() > MAX_FILTER_VALUES {
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(ApiError::bad("FilterLimitExceeded", message));
        }
        let known = matches!(name, "instance-id" | "instance-state-name" | "tag-key");
        let key = name.strip_prefix("tag:").unwrap_or_default();
        if !known && key.is_empty() {
            return Err(ApiError::value(format!("The filter '{name}' is invalid")));
        }
        filters.push(Filter { name, values });
    }
    Ok(filters)
}

impl Filter<'_> {
    /// Whether a read at `now` sees something in the instance that the filter asks for.
    pub(super) fn lets_through(&self, instance: &Instance, now: DateTime<Utc>) -> bool {
        let any = |text: &str| self.values.iter().any(|pattern| matches(pattern, text));
        match self.name {
            "instance-id" => any(&instance.id),
            "instance-state-name" => any(instance.state.name()),
            "tag-key" => instance.shown_tags(now).keys().any(|key| any(key)),
            name => name
                .strip_prefix("tag:")
                .and_then(|key| instance.shown_tags(now).get(key))
                .is_some_and(|value| any(value)),
        }
    }
}

/// Whether a filter value, with `*`, `?` and `\` as its escape, matches the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let mut tails = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            tails.any(|at| text.get(at..).is_some_and(|tail| matches(rest.as_str(), tail)))
        }
        Some(wanted) => {
            let literal = match wanted {
                '?' => None,
                '\\' => rest.next().or(Some('\\')),
                c => Some(c),
            };
            let mut found = text.chars();
            match found.next() {
                Some(c) if literal.is_none_or(|literal| literal == c) => matches(rest.as_str(), found.as_str()),
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filter_values_have_wildcards() {
        assert!(matches("web-*", "web-prod") && matches("*", "") && matches("w?b*d", "web-prod"));
        assert!(!matches("web", "web-prod") && !matches("?", "") && !matches("Web*", "web-prod"));
        assert!(matches("a\\*", "a*") && !matches("a\\*", "ab"));
    }
}
