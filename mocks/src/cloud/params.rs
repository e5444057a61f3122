//! The parameters of a query-protocol request: a form with numbered lists.

use std::collections::BTreeMap;

use super::error::ApiError;

/// The form of one request.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a form body.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// One value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The values of `name.1`, `name.2`, …, in that order.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.indices(name)
            .into_iter()
            .filter_map(|n| self.get(&format!("{name}.{n}")))
            .collect()
    }

    /// The numbers under which anything stands below `name`, ascending.
    pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
        let mut found: Vec<usize> = self
            .0
            .keys()
            .filter_map(|key| key.strip_prefix(name)?.strip_prefix('.'))
            .filter_map(|rest| rest.split('.').next()?.parse().ok())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A boolean, false if absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ApiError::value(format!(
                "Invalid value '{other}' for {name}. The parameter must be a boolean."
            ))),
        }
    }

    /// Refuses parameters that the action does not know; `known` names are whole or the first part of a numbered one.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let stranger = self.0.keys().find(|key| {
            let head = key.split('.').next().unwrap_or_default();
            !matches!(head, "Action" | "Version") && !known.contains(&head)
        });
        match stranger {
            Some(key) => Err(ApiError::bad(
                "UnknownParameter",
                format!("The parameter {key} is not recognized"),
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let params = Params::parse(b"ResourceId.10=j&ResourceId.2=b&ResourceId.1=a%20%2B&DryRun=x");
        assert_eq!(params.list("ResourceId"), ["a +", "b", "j"]);
        assert!(params.flag("DryRun").is_err());
        assert!(params.only(&["ResourceId", "DryRun"]).is_ok());
        assert!(params.only(&["ResourceId"]).is_err());
    }
}
