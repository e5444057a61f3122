//! What policies forbid: an action in an account, a single instance, a value of a tag. In AWS's words.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ApiError;
use super::instance::Instance;

/// Why an instance may not be tagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// A policy of this kind denies it, such as `service control policy`.
    Explicit(&'static str),
    /// No policy of this kind allows it, such as `identity-based policy`.
    Implicit(&'static str),
}

/// What is asked for, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The ARN of the caller.
    pub(crate) who: &'a str,
    /// Such as `CreateTags`.
    pub(crate) action: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

/// All that is forbidden.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    pub(crate) denied: BTreeSet<(String, String)>,
    pub(crate) instances: BTreeMap<String, Denial>,
    pub(crate) values: BTreeSet<(String, String)>,
}

impl Policies {
    /// The refusal of a call for the first of these instances that a policy denies. The message names that one, no other.
    pub(crate) fn refuse<'i>(
        &self,
        asked: Asked<'_>,
        mut instances: impl Iterator<Item = &'i Instance>,
    ) -> Option<ApiError> {
        let (instance, denial) = instances.find_map(|i| self.instances.get(&i.id).map(|denial| (i, denial)))?;
        let action = format!("ec2:{}", asked.action);
        let why = match denial {
            Denial::Explicit(policy) => {
                let article = if policy.starts_with(['a', 'e', 'i', 'o']) {
                    "an"
                } else {
                    "a"
                };
                format!("with an explicit deny in {article} {policy}")
            }
            Denial::Implicit(policy) => format!("because no {policy} allows the {action} action"),
        };
        let message = format!(
            "You are not authorized to perform this operation. User: {} is not authorized to perform: {action} on resource: \
             arn:aws:ec2:{}:{}:instance/{} {why}. Encoded authorization failure message: {}",
            asked.who,
            asked.region,
            asked.account,
            instance.id,
            "mock-Blob_0123456789".repeat(20)
        );
        Some(ApiError::new(403, "UnauthorizedOperation", message))
    }

    /// The refusal of a tag whose value a tag policy of the organization does not allow. It names no instance.
    pub(crate) fn refuse_tags(&self, tags: &[(&str, Option<&str>)]) -> Option<ApiError> {
        let forbidden = |(key, value): &&(&str, Option<&str>)| {
            let pair = ((*key).to_owned(), value.unwrap_or_default().to_owned());
            self.values.contains(&pair)
        };
        let (key, _) = tags.iter().find(forbidden)?;
        let message = format!("The tag policy does not allow the specified value for the following tag key: '{key}'.");
        Some(ApiError::bad("TagPolicyViolation", message))
    }
}
