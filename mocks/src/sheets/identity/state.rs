//! What is known of identities: whose tokens count, who may have whose, and which keys AWS knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::token::SERVICE_ACCOUNT;
use crate::cloud::{ACCESS_KEY, Fleet, SECRET_KEY};

/// Whom tokens of other providers must be made out to.
pub const AUDIENCE: &str =
    "//iam.googleapis.com/projects/100000000001/locations/global/workloadIdentityPools/pool/providers/own";

/// The account of AWS that the provider of [`AUDIENCE`] admits, and the role that its instances run as.
pub const AWS_ACCOUNT: &str = "111111111111";
pub(super) const AWS_ROLE: &str = "arn:aws:iam::111111111111:role/worker";

/// The person whose refresh token counts.
pub const PERSON: &str = "person@example.com";
/// That refresh token.
pub const REFRESH_TOKEN: &str = "1//refresh-0123456789abcdef";

pub(super) const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What is known of identities.
#[derive(Debug)]
pub(in super::super) struct Identity {
    /// Tokens of the identity provider that count.
    pub(in super::super) subjects: BTreeSet<String>,
    /// What STS gave out, with its scopes.
    pub(super) federated: HashMap<String, String>,
    /// Who may be impersonated, and by way of which delegates.
    pub(in super::super) accounts: BTreeMap<String, Vec<String>>,
    /// The keys of AWS, which instances get, too.
    pub(super) fleet: Fleet,
    /// The scopes that the person agreed to.
    pub(in super::super) agreed: String,
    /// Session tokens of the metadata server of AWS.
    pub(super) sessions: BTreeSet<String>,
    /// What was asked of IAM last.
    pub(in super::super) asked: serde_json::Value,
}

impl Identity {
    pub(in super::super) fn new() -> Self {
        let mut fleet = Fleet::new(AWS_ACCOUNT);
        fleet.add_key(ACCESS_KEY, SECRET_KEY, AWS_ACCOUNT);
        fleet.add_role(AWS_ROLE);
        Self {
            subjects: BTreeSet::new(),
            federated: HashMap::new(),
            accounts: BTreeMap::from([(SERVICE_ACCOUNT.to_owned(), Vec::new())]),
            fleet,
            agreed: format!(
                "openid https://www.googleapis.com/auth/userinfo.email {CLOUD} https://www.googleapis.com/auth/spreadsheets"
            ),
            sessions: BTreeSet::new(),
            asked: serde_json::Value::Null,
        }
    }

    /// Whether a token is that of a federation, with which no file can be shared.
    pub(in super::super) fn is_federated(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| self.federated.contains_key(token))
    }
}
