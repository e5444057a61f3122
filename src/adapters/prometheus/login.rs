//! The login at Prometheus: a token, or a user with a password, read from a file each time, since it may be rotated. No message
//! shows it.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapters::files;
use crate::gate::{Answer, Unanswered};

/// Shorter texts are no secrets, and striking them out would spoil the words around them.
const SECRET_MIN: usize = 4;

/// How to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// With a token, which stands in this file.
    Token(PathBuf),
    /// With a user and a password, which stands in a file.
    Password {
        /// The user.
        user: String,
        /// The password's file.
        file: PathBuf,
    },
}

/// What is sent to log in.
pub(super) struct Header {
    value: SecretString,
    secret: SecretString,
}

impl Login {
    /// The header, if there is one.
    pub(super) fn header(&self) -> Result<Option<Header>, String> {
        let (setting, value, secret) = match self {
            Self::None => return Ok(None),
            Self::Token(file) => {
                let token = read("prometheus.token_file", file)?;
                let value = format!("Bearer {}", token.expose_secret());
                ("prometheus.token_file", value, token)
            }
            Self::Password { user, file } => {
                let password = read("prometheus.password_file", file)?;
                let pair = format!("{user}:{}", password.expose_secret());
                (
                    "prometheus.password_file",
                    format!("Basic {}", STANDARD.encode(pair)),
                    password,
                )
            }
        };
        if value.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
            return Err(format!(
                "{setting} holds more than one line or a sign that cannot be sent; write the secret alone"
            ));
        }
        Ok(Some(Header {
            value: value.into(),
            secret,
        }))
    }
}

fn read(setting: &str, file: &Path) -> Result<SecretString, String> {
    let text =
        files::read_text(file).map_err(|error| format!("{setting} cannot be read ({error}); let this user read it"))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err(format!("{setting} is empty; write the secret into it"));
    }
    Ok(SecretString::from(secret))
}

impl Header {
    pub(super) fn value(&self) -> &str {
        self.value.expose_secret()
    }

    /// The answer without the secret, should Prometheus or what stands before it repeat it.
    pub(super) fn strike_out(&self, answer: Answer) -> Answer {
        let sent = self.value().split_once(' ').map_or(self.value(), |(_, sent)| sent);
        let secrets = [self.secret.expose_secret(), sent];
        let strike = |text: String| {
            let long = secrets.iter().filter(|secret| secret.len() >= SECRET_MIN);
            long.fold(text, |text, secret| text.replace(secret, "[secret]"))
        };
        match answer {
            Answer::Failed(Unanswered(why)) => Answer::Failed(Unanswered(strike(why))),
            Answer::Partial(said) => Answer::Partial(strike(said)),
            Answer::Number(_) | Answer::Nothing | Answer::Several(_) | Answer::Other(_) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_shown_nowhere() {
        let written = file("s3cret\n");
        let token = Login::Token(written.path().to_owned()).header().unwrap().unwrap();
        assert_eq!(token.value(), "Bearer s3cret");
        let user = "grafana".to_owned();
        let pair = Login::Password {
            user,
            file: written.path().to_owned(),
        };
        let pair = pair.header().unwrap().unwrap();
        assert_eq!(pair.value(), "Basic Z3JhZmFuYTpzM2NyZXQ=");
        for (repeated, header) in [("s3cret", &token), ("Z3JhZmFuYTpzM2NyZXQ=", &pair), ("s3cret", &pair)] {
            let said = Answer::Failed(Unanswered(format!("no such login: {repeated}")));
            let struck = Answer::Failed(Unanswered("no such login: [secret]".to_owned()));
            assert_eq!(header.strike_out(said), struck);
        }
        assert!(Login::None.header().unwrap().is_none());
    }

    #[test]
    fn a_file_without_a_secret_is_answered_with_a_fix() {
        for (text, fix) in [
            ("", "is empty; write"),
            (" \n", "is empty; write"),
            ("a\nb", "write the secret alone"),
            ("ä", "alone"),
        ] {
            let written = file(text);
            let wrong = Login::Token(written.path().to_owned()).header().err().unwrap();
            assert!(
                wrong.starts_with("prometheus.token_file ") && wrong.contains(fix),
                "{wrong}"
            );
        }
        let gone = Login::Password {
            user: "u".to_owned(),
            file: "/nowhere/password".into(),
        };
        assert!(
            gone.header()
                .err()
                .unwrap()
                .contains("prometheus.password_file cannot be read")
        );
    }
}
