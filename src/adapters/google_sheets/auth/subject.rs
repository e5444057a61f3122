//! The subject token of an external account: what another identity provider says about us, read anew for each exchange, because
//! such tokens are rotated.

use std::path::PathBuf;

use google_sheets4::hyper::Request;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::super::failure::error;
use super::aws::Aws;
use super::fields::Fields;
use super::trust;
use super::wire::{Ask, Wire, made};
use crate::sheet::{SheetError, SheetErrorKind};

/// Longest file that is taken for one that holds a token.
const LARGEST: usize = 256 << 10;

/// How the token stands in what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json(String),
}

/// Where the token comes from.
#[derive(Debug)]
pub(super) enum Subject {
    File {
        path: PathBuf,
        format: Format,
    },
    Url {
        url: String,
        headers: Vec<(String, SecretString)>,
        format: Format,
    },
    Aws(Aws),
}

impl Subject {
    /// Reads `credential_source`.
    pub(super) fn of(source: &Value) -> Result<Self, String> {
        let fields = Fields::inner(source, "credential_source.");
        if fields.has("executable") {
            return Err(
                "takes its token from a program (credential_source.executable), and fleetsheet runs none; write \
                 the token to a file, and make the credentials with --credential-source-file"
                    .into(),
            );
        }
        if fields.has("certificate") {
            return Err(
                "takes its token from a client certificate (credential_source.certificate), which fleetsheet does \
                 not do; use a token file, a URL or AWS"
                    .into(),
            );
        }
        let kinds = ["file", "url", "environment_id"];
        let given: Vec<&str> = kinds.into_iter().filter(|kind| fields.has(kind)).collect();
        match given.as_slice() {
            ["file"] => Ok(Self::File {
                path: fields.text("file")?.into(),
                format: Format::of(source)?,
            }),
            ["url"] => Ok(Self::Url {
                url: trust::provider("credential_source.url", fields.text("url")?)?.into(),
                headers: headers(source)?,
                format: Format::of(source)?,
            }),
            // An AWS source has a url, too: that of the metadata server.
            [.., "environment_id"] if !given.contains(&"file") => Aws::of(fields).map(Self::Aws),
            [] => Err(
                "credential_source names no file, no url and no environment_id; make the credentials again with \
                 gcloud iam workload-identity-pools create-cred-config"
                    .into(),
            ),
            _ => Err(
                "credential_source names more than one source; make the credentials again with gcloud iam \
                 workload-identity-pools create-cred-config"
                    .into(),
            ),
        }
    }

    /// The source in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::File { path, .. } => format!("a token from the file {}", path.display()),
            Self::Url { .. } => "a token from a URL".into(),
            Self::Aws(_) => "the AWS credentials found here".into(),
        }
    }

    /// The token. `audience` is whom it is for.
    pub(super) async fn token(&self, audience: &str, wire: &Wire) -> Result<SecretString, SheetError> {
        match self {
            Self::File { path, format } => {
                let what = format!("the subject token's file {}", path.display());
                let denied = |why: String| error(SheetErrorKind::Denied, &format!("{what} {why}"));
                let bytes = tokio::fs::read(path).await.map_err(|e| {
                    denied(format!(
                        "cannot be read: {e}; see that whatever rotates it writes it there"
                    ))
                })?;
                if bytes.len() > LARGEST {
                    return Err(denied("is too long for a token".into()));
                }
                format.token(&bytes).map_err(denied)
            }
            Self::Url { url, headers, format } => {
                let mut request = Request::get(url);
                for (name, value) in headers {
                    request = request.header(name.as_str(), value.expose_secret());
                }
                let secrets: Vec<&str> = headers.iter().map(|(_, value)| value.expose_secret()).collect();
                let ask = Ask {
                    who: "the identity provider (credential_source.url)",
                    counted: "identity_provider.token",
                    secrets: &secrets,
                    fix: "check credential_source.url and its headers, and that this machine may have a token",
                };
                let body = wire.send(made(request.body(String::new()))?, &ask).await?;
                let denied = |why| error(SheetErrorKind::Denied, &format!("the answer of {} {why}", ask.who));
                format.token(&body).map_err(denied)
            }
            Self::Aws(aws) => aws.token(audience, wire).await,
        }
    }
}

impl Format {
    fn of(source: &Value) -> Result<Self, String> {
        let format = &source["format"];
        let fields = Fields::inner(format, "credential_source.format.");
        match fields.maybe("type")? {
            None | Some("text") => Ok(Self::Text),
            Some("json") => Ok(Self::Json(fields.text("subject_token_field_name")?.to_owned())),
            Some(_) => Err("credential_source.format.type is not \"text\" or \"json\"".into()),
        }
    }

    /// The token in what was read. Problems follow the name of what it was read from.
    fn token(&self, bytes: &[u8]) -> Result<SecretString, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not text".to_owned())?;
        let token = match self {
            Self::Text => text.trim().to_owned(),
            Self::Json(field) => {
                let value: Value = serde_json::from_str(text).map_err(|_| {
                    "is not JSON, and credential_source.format says that it is; correct one of the two".to_owned()
                })?;
                let token = value[field].as_str();
                token
                    .ok_or_else(|| format!("has no text in the field {field} (subject_token_field_name)"))?
                    .trim()
                    .to_owned()
            }
        };
        if token.is_empty() {
            return Err("is empty".into());
        }
        Ok(token.into())
    }
}

fn headers(source: &Value) -> Result<Vec<(String, SecretString)>, String> {
    let wrong = || "credential_source.headers is not an object of texts".to_owned();
    let headers = match &source["headers"] {
        Value::Null => return Ok(Vec::new()),
        Value::Object(headers) => headers,
        _ => return Err(wrong()),
    };
    let each = headers.iter().map(|(name, value)| {
        let value = value.as_str().ok_or_else(wrong)?;
        Ok((name.clone(), value.into()))
    });
    each.collect()
}
