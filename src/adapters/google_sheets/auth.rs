//! Credentials of every kind that Google's own clients take, and the access tokens that they give.
//!
//! Nothing here shows a token, a key or a part of one: not in messages, not in `Debug`.

mod aws;
mod external;
mod fields;
mod impersonate;
mod key;
mod machine;
pub(crate) mod place;
mod source;
mod subject;
mod token;
mod trust;
mod user;
mod wire;

use std::path::Path;

use super::failure::error;
use crate::sheet::{SheetError, SheetErrorKind};
use place::Place;
use source::{Read, Source};
pub(super) use token::{SCOPE, Token};
pub(super) use wire::{Wire, http_client};

/// Who we are, and what fetches tokens for it.
pub(super) struct Credentials {
    source: Source,
    place: Place,
}

impl Credentials {
    /// A fresh token for the spreadsheet.
    pub(super) async fn token(&self, wire: &Wire) -> Result<Token, SheetError> {
        self.source.token(wire).await.map_err(|e| self.named(&e))
    }

    /// The account's address. A federation without a service account has none, and a person's is known after the first token.
    pub(super) fn email(&self) -> Option<&str> {
        self.source.email()
    }

    /// Whether the first token tells the address.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(&self.source, Source::User(user) if user.email().is_none())
    }

    /// Why there is no address and what to do, where there is none.
    pub(super) fn without_email(&self) -> &'static str {
        match &self.source {
            Source::User(_) => {
                "Google does not say whose login this is; log in again with openid and \
                 https://www.googleapis.com/auth/userinfo.email among the --scopes"
            }
            _ => {
                "the account has no address, and a spreadsheet can be shared with an address only; let the credentials end \
                 in a service account (create-cred-config --service-account=ADDRESS)"
            }
        }
    }

    /// What they are and where they are from.
    pub(super) fn words(&self) -> String {
        match &self.place {
            Place::File(_, named) => format!("{}, named by {named}", self.source.words()),
            Place::Machine(_) => self.source.words(),
        }
    }

    fn named(&self, failure: &SheetError) -> SheetError {
        let what = match &self.place {
            Place::File(path, _) => format!("credentials file {} ({})", path.display(), self.source.kind()),
            Place::Machine(_) => self.place.to_string(),
        };
        error(failure.kind, &format!("{what}: {}", failure.message))
    }
}

/// Finds the credentials: the given file, else the application default credentials.
pub(super) async fn find(file: Option<&Path>, wire: &Wire) -> Result<Credentials, SheetError> {
    let place = Place::find(file);
    let source = match &place {
        Place::File(path, named) => of_file(path, named, wire).await?,
        Place::Machine(host) => {
            let (authenticator, email) = machine::find(host, wire.connector.clone()).await?;
            Source::Machine(authenticator, email)
        }
    };
    Ok(Credentials { source, place })
}

async fn of_file(path: &Path, named: &str, wire: &Wire) -> Result<Source, SheetError> {
    let denied = |why: String| {
        error(
            SheetErrorKind::Denied,
            &format!("credentials file {} {why}", path.display()),
        )
    };
    let text = tokio::fs::read(path).await.map_err(|e| {
        let why = match e.kind() {
            std::io::ErrorKind::NotFound => {
                format!("is not readable: there is no such file; correct {named}, which names it")
            }
            std::io::ErrorKind::PermissionDenied => {
                "is not readable: let the user that fleetsheet runs as read it".into()
            }
            _ => format!("is not readable: {e}"),
        };
        denied(why)
    })?;
    let read = Read::file(&text).map_err(denied)?;
    read.ready(wire.connector.clone()).await.map_err(denied)
}

/// Reads a credentials file and gives the address of its account, where it says so.
pub(super) fn check_file(text: &[u8]) -> Result<Option<String>, String> {
    Read::file(text).map(|read| read.email().map(str::to_owned))
}

#[cfg(test)]
mod tests;
