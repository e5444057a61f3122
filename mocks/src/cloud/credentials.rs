//! Keys and roles: who may sign, for which account, and until when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::instance::scramble;

/// Access key id of the first account of a world.
pub const ACCESS_KEY: &str = "AKIAMOCKMOCKMOCKMOCK";
/// Secret of [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "mock/secret/mock/secret/mock/secret/mock";

/// Somebody whose signature was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// The keys behind an access key id.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) secret: String,
    pub(crate) principal: Principal,
    pub(crate) session: Option<Session>,
}

/// What temporary keys have besides.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) token: String,
    pub(crate) expires: DateTime<Utc>,
}

/// All keys, and the roles with whether they may be assumed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    keys: BTreeMap<String, Key>,
    pub(crate) roles: BTreeMap<String, bool>,
    /// The external ids that trust policies ask for, by role.
    pub(crate) external_ids: BTreeMap<String, String>,
    handed_out: u64,
}

impl Credentials {
    pub(crate) fn add_key(&mut self, access_key: &str, secret: &str, account: &str) {
        let principal = Principal {
            account: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:user/worker"),
            user_id: format!("AIDA{:016X}", scramble(self.keys.len() as u64)),
        };
        let key = Key {
            secret: secret.to_owned(),
            principal,
            session: None,
        };
        self.keys.insert(access_key.to_owned(), key);
    }

    pub(crate) fn find(&self, access_key: &str) -> Option<&Key> {
        self.keys.get(access_key)
    }

    pub(crate) fn expire_sessions(&mut self, now: DateTime<Utc>) {
        for session in self.keys.values_mut().filter_map(|key| key.session.as_mut()) {
            session.expires = session.expires.min(now);
        }
    }

    /// Makes temporary keys for a role; `None` if the ARN is not a role's or the role may not be assumed so.
    pub(crate) fn assume(
        &mut self,
        role_arn: &str,
        session_name: &str,
        external_id: Option<&str>,
        expires: DateTime<Utc>,
    ) -> Option<(String, Key)> {
        let (account, role) = role_parts(role_arn)?;
        let asked = self.external_ids.get(role_arn).map(String::as_str);
        let fits = asked.is_none() || asked == external_id;
        if !fits || !self.roles.get(role_arn).copied().unwrap_or(false) {
            return None;
        }
        self.handed_out += 1;
        let n = self.handed_out;
        let access_key = format!("ASIA{:016X}", scramble(n));
        let principal = Principal {
            account: account.to_owned(),
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}"),
            user_id: format!("AROA{:016X}:{session_name}", scramble(u64::from(number_of(role_arn)))),
        };
        let key = Key {
            secret: format!("mock+{:016x}{:016x}", scramble(n + 1_000_003), scramble(n + 2_000_003)),
            principal,
            session: Some(Session {
                token: format!("mock//session+{:016x}==", scramble(n + 3_000_017)),
                expires,
            }),
        };
        self.keys.insert(access_key.clone(), key.clone());
        Some((access_key, key))
    }
}

/// Account and last name of a role's ARN.
pub(crate) fn role_parts(arn: &str) -> Option<(&str, &str)> {
    let (account, path) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let name = path.rsplit('/').next()?;
    let whole = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty();
    whole.then_some((account, name))
}

/// A number for a name, the same every time.
fn number_of(text: &str) -> u32 {
    text.bytes()
        .fold(5381, |sum: u32, b| sum.wrapping_mul(33) ^ u32::from(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_has_an_account_and_a_name() {
        assert_eq!(
            role_parts("arn:aws:iam::222222222222:role/ops/tagger"),
            Some(("222222222222", "tagger"))
        );
        assert_eq!(role_parts("arn:aws:iam::22:role/tagger"), None);
        assert_eq!(role_parts("arn:aws:iam::222222222222:user/someone"), None);
    }
}
