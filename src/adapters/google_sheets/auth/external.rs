//! Workload identity federation: a subject token of another provider is exchanged at Google's STS, and the token had there
//! for one of a service account.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::super::failure::error;
use super::fields::Fields;
use super::impersonate::Account;
use super::subject::Subject;
use super::token::{IAM_SCOPE, Token};
use super::trust;
use super::wire::{Ask, Wire, form};
use crate::sheet::{SheetError, SheetErrorKind};

/// The external account.
#[derive(Debug)]
pub(super) struct External {
    audience: String,
    subject_token_type: String,
    token_url: String,
    pub(super) subject: Subject,
    pub(super) account: Option<Account>,
    /// The login of the client, which few pools demand.
    login: Option<SecretString>,
    /// The project that is charged, for people of a workforce pool.
    project: Option<String>,
}

impl External {
    pub(super) fn of(file: &Value) -> Result<Self, String> {
        let fields = Fields::of(file);
        let login = match (fields.maybe("client_id")?, fields.maybe("client_secret")?) {
            (Some(id), Some(secret)) => {
                let pair = STANDARD.encode(format!("{id}:{secret}"));
                Some(SecretString::from(format!("Basic {pair}")))
            }
            _ => None,
        };
        Ok(Self {
            subject: Subject::of(fields.object("credential_source")?)?,
            audience: fields.text("audience")?.to_owned(),
            subject_token_type: fields.text("subject_token_type")?.to_owned(),
            token_url: trust::google("token_url", fields.text("token_url")?)?.into(),
            account: Account::of(file)?,
            project: fields.maybe("workforce_pool_user_project")?.map(str::to_owned),
            login,
        })
    }

    pub(super) async fn token(&self, scope: &str, wire: &Wire) -> Result<Token, SheetError> {
        match &self.account {
            None => self.exchange(scope, wire).await,
            Some(account) => {
                let token = self.exchange(IAM_SCOPE, wire).await?;
                account.token(&token, scope, wire).await
            }
        }
    }

    async fn exchange(&self, scope: &str, wire: &Wire) -> Result<Token, SheetError> {
        let subject = self.subject.token(&self.audience, wire).await?;
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", self.audience.as_str()),
            ("scope", scope),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", self.subject_token_type.as_str()),
            ("subject_token", subject.expose_secret()),
        ];
        let login = self.login.as_ref().map(|login| login.expose_secret());
        let options = self
            .project
            .as_ref()
            .map(|project| json!({ "userProject": project }).to_string());
        // A client that logs in is charged itself.
        if let Some(options) = options.as_deref().filter(|_| login.is_none()) {
            fields.push(("options", options));
        }
        let ask = Ask {
            who: "Google's STS",
            counted: "sts.token",
            secrets: &[subject.expose_secret(), login.unwrap_or_default()],
            fix: "check that the workload identity pool's provider of the file's audience exists, and that its issuer or AWS \
                  account and its conditions admit this machine",
        };
        let answer = wire.json(form(&self.token_url, &fields, login)?, &ask).await?;
        let expires = Token::expiry(answer["expires_in"].as_i64());
        let token = Token::new(answer["access_token"].as_str().unwrap_or_default(), expires);
        token.ok_or_else(|| {
            let why = "Google's STS answered without a usable token";
            error(SheetErrorKind::Transient, why)
        })
    }
}
