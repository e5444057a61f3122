//! The kinds of credentials: what a file holds, or the machine's own. Each gives a token for a scope.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;
use yup_oauth2::ServiceAccountKey;
use yup_oauth2::authenticator::Authenticator;

use super::external::External;
use super::fields::{AGAIN, Fields};
use super::impersonate::Account;
use super::key;
use super::token::{IAM_SCOPE, SCOPE, Token};
use super::user::User;
use super::wire::Wire;
use crate::adapters::outbound::Connector;
use crate::sheet::SheetError;

/// How to get a file that can be used, for files that hold something else.
const FIX: &str = "make a JSON key for a service account in the Google Cloud console, or credentials without a key (see \
                   config/deploy/README.md)";

/// What a file holds.
pub(super) enum Read {
    Key(Box<ServiceAccountKey>),
    User(Box<User>),
    External(Box<External>),
    Impersonated(Box<Read>, Box<Account>),
}

impl Read {
    /// Reads a file. Problems are worded to follow the file's name and never quote its content.
    pub(super) fn file(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|e| format!("is not JSON (line {}, column {}); {FIX}", e.line(), e.column()))?;
        Self::of(value)
    }

    fn of(value: Value) -> Result<Self, String> {
        let kind = value["type"].as_str().unwrap_or_default().to_owned();
        let of_kind = |why: String| format!("({kind}) {why}");
        match kind.as_str() {
            "service_account" => key::read_key(value)
                .map(|key| Self::Key(Box::new(key)))
                .map_err(of_kind),
            "authorized_user" => User::of(&value).map(|user| Self::User(Box::new(user))).map_err(of_kind),
            "external_account" => External::of(&value)
                .map(|external| Self::External(Box::new(external)))
                .map_err(of_kind),
            "impersonated_service_account" => Self::impersonated(&value).map_err(of_kind),
            "external_account_authorized_user" => Err(
                "holds external_account_authorized_user credentials, a person's login through a workforce pool, which \
                 cannot be shared a spreadsheet with; let it impersonate a service account (gcloud auth \
                 application-default login --impersonate-service-account=ADDRESS)"
                    .into(),
            ),
            "gdch_service_account" => Err(format!(
                "holds gdch_service_account credentials, of Google Distributed Cloud, where there is no Google Sheets; {FIX}"
            )),
            _ if value["installed"].is_object() || value["web"].is_object() => {
                Err(format!("holds an OAuth client secret, not credentials; {FIX}"))
            }
            _ => Err(format!(
                "is not a credentials file: its type is not service_account, authorized_user, external_account or \
                 impersonated_service_account; {FIX}"
            )),
        }
    }

    fn impersonated(value: &Value) -> Result<Self, String> {
        let account = Account::of(value)?;
        let account = account.ok_or_else(|| format!("service_account_impersonation_url is missing; {AGAIN}"))?;
        let source = Fields::of(value).object("source_credentials")?;
        let source = Self::of(source.clone()).map_err(|why| format!("source_credentials: {why}"))?;
        Ok(Self::Impersonated(Box::new(source), Box::new(account)))
    }

    /// The address of the account, where the file says so.
    pub(super) fn email(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(&key.client_email),
            Self::User(user) => user.email(),
            Self::External(external) => external.account.as_ref().map(|account| account.email.as_str()),
            Self::Impersonated(_, account) => Some(&account.email),
        }
    }

    /// Makes ready what needs it.
    pub(super) async fn ready(self, connector: Connector) -> Result<Source, String> {
        Ok(match self {
            Self::Key(key) => {
                let email = key.client_email.clone();
                Source::Key(key::signer(*key, connector).await?, email)
            }
            Self::User(user) => Source::User(user),
            Self::External(external) => Source::External(external),
            Self::Impersonated(source, account) => {
                let source = Box::pin(source.ready(connector)).await?;
                Source::Impersonated(Box::new(source), account)
            }
        })
    }
}

/// What gives tokens.
pub(super) enum Source {
    /// A service account's key, and its address.
    Key(Authenticator<Connector>, String),
    /// The metadata server, and the address of the machine's account.
    Machine(Authenticator<Connector>, String),
    User(Box<User>),
    External(Box<External>),
    Impersonated(Box<Source>, Box<Account>),
}

type Fetch<'a> = Pin<Box<dyn Future<Output = Result<Token, SheetError>> + Send + 'a>>;

impl Source {
    /// A token for the spreadsheet.
    pub(super) async fn token(&self, wire: &Wire) -> Result<Token, SheetError> {
        self.token_for(SCOPE, wire).await
    }

    fn token_for<'a>(&'a self, scope: &'a str, wire: &'a Wire) -> Fetch<'a> {
        Box::pin(async move {
            match self {
                Self::Key(signer, _) | Self::Machine(signer, _) => key::token(signer, scope, wire).await,
                Self::User(user) => user.token(scope == SCOPE, wire).await,
                Self::External(external) => external.token(scope, wire).await,
                Self::Impersonated(source, account) => {
                    let token = source.token_for(IAM_SCOPE, wire).await?;
                    account.token(&token, scope, wire).await
                }
            }
        })
    }

    /// The kind in the words of the file's `type`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Key(..) => "service_account",
            Self::Machine(..) => "this machine's service account",
            Self::User(_) => "authorized_user",
            Self::External(_) => "external_account",
            Self::Impersonated(..) => "impersonated_service_account",
        }
    }

    /// The kind and what it rests on, for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Key(..) => "a service-account key (service_account)".into(),
            Self::Machine(..) => self.kind().into(),
            Self::User(_) => "a person's login (authorized_user)".into(),
            Self::External(external) => format!("a federation (external_account) with {}", external.subject.words()),
            Self::Impersonated(source, _) => {
                format!("an impersonation (impersonated_service_account) by {}", source.words())
            }
        }
    }

    /// The address of the account, where the file or the machine says so.
    pub(super) fn email(&self) -> Option<&str> {
        match self {
            Self::Key(_, email) | Self::Machine(_, email) => Some(email),
            Self::User(user) => user.email(),
            Self::External(external) => external.account.as_ref().map(|account| account.email.as_str()),
            Self::Impersonated(_, account) => Some(&account.email),
        }
    }
}
