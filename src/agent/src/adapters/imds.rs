//! The instance metadata service, version 2: who this server is, its tags, its credentials.

use std::time::Duration;

use serde::Deserialize;

use crate::adapters::http::{Answer, ask};
use crate::rules::Tags;

const TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// The service, with a token.
#[derive(Clone, Debug)]
pub struct Imds {
    endpoint: String,
    token: String,
}

/// Who this server is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// Its id.
    pub instance_id: String,
    /// Its region.
    pub region: String,
    /// Its zone.
    pub availability_zone: String,
    /// Its architecture.
    pub architecture: String,
    /// Its type.
    pub instance_type: String,
}

/// Credentials of its role.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    /// The key.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

fn again(mut ask: impl FnMut() -> Result<Answer, String>) -> Result<Answer, String> {
    let mut last = Err("no answer".to_owned());
    for n in 0..TRIES {
        if n > 0 {
            std::thread::sleep(Duration::from_millis(200 << n));
        }
        last = ask();
        if last.as_ref().is_ok_and(|answer| answer.status < 500) {
            return last;
        }
    }
    last.and_then(|answer| Err(format!("IMDS says {}", answer.status)))
}

impl Imds {
    /// Gets a token.
    ///
    /// # Errors
    /// There is none.
    pub fn connect(endpoint: &str) -> Result<Self, String> {
        let url = format!("{endpoint}/latest/api/token");
        let headers = [("x-aws-ec2-metadata-token-ttl-seconds".to_owned(), "300".to_owned())];
        let answer = again(|| ask("PUT", &url, &headers, None, TIMEOUT).map_err(|silence| format!("IMDS: {silence}")))?;
        let plain = answer.body.chars().all(|c| c.is_ascii_graphic());
        if answer.status != 200 || answer.body.is_empty() || !plain {
            return Err(format!("IMDS gives no token: {}", answer.status));
        }
        Ok(Self {
            endpoint: endpoint.to_owned(),
            token: answer.body,
        })
    }

    fn get(&self, path: &str) -> Result<Answer, String> {
        let url = format!("{}/latest/{path}", self.endpoint);
        let headers = [("x-aws-ec2-metadata-token".to_owned(), self.token.clone())];
        again(|| ask("GET", &url, &headers, None, TIMEOUT).map_err(|silence| format!("IMDS: {silence}")))
    }

    /// Who this server is.
    ///
    /// # Errors
    /// It does not say.
    pub fn identity(&self) -> Result<Identity, String> {
        let answer = self.get("dynamic/instance-identity/document")?;
        let identity: Option<Identity> = serde_json::from_str(&answer.body).ok();
        identity
            .filter(|identity| answer.status == 200 && !identity.instance_id.is_empty())
            .ok_or_else(|| "IMDS does not say who this is".into())
    }

    /// The server's tags. An empty list proves nothing, and counts as unreadable.
    #[must_use]
    pub fn tags(&self, channel: &str, version: &str) -> Tags {
        let listed = match self.get("meta-data/tags/instance") {
            Ok(answer) if answer.status == 200 => answer.body,
            Ok(answer) if answer.status == 404 => {
                return Tags::Unreadable("are not in IMDS; enable InstanceMetadataTags".into());
            }
            Ok(answer) => return Tags::Unreadable(format!("IMDS says {}", answer.status)),
            Err(why) => return Tags::Unreadable(why),
        };
        let keys: Vec<&str> = listed.lines().collect();
        if keys.is_empty() {
            return Tags::Unreadable("are an empty list in IMDS".into());
        }
        let one = |key: &str| -> Result<Option<String>, String> {
            if !keys.contains(&key) {
                return Ok(None);
            }
            let answer = self.get(&format!("meta-data/tags/instance/{key}"))?;
            match answer.status {
                200 => Ok(Some(answer.body)),
                status => Err(format!("IMDS says {status} to {key}")),
            }
        };
        match (one(channel), one(version)) {
            (Ok(channel), Ok(version)) => Tags::Read { channel, version },
            (Err(why), _) | (_, Err(why)) => Tags::Unreadable(why),
        }
    }

    /// Credentials of the server's role.
    ///
    /// # Errors
    /// It has none.
    pub fn credentials(&self) -> Result<Credentials, String> {
        let role = self.get("meta-data/iam/security-credentials/")?;
        let name = role.body.lines().next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
        if role.status != 200 || name.is_empty() || !name.chars().all(plain) {
            return Err("the server has no role".into());
        }
        let answer = self.get(&format!("meta-data/iam/security-credentials/{name}"))?;
        serde_json::from_str(&answer.body).map_err(|_| "IMDS gives no credentials".into())
    }
}
