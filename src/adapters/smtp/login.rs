//! Logging in to a mail server with a user and a password, and why that failed.
//!
//! The server's words are shown, because they often name the cure, but not if they hold any part of the password.

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Ehlo;
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::wire::{STEP, one_line};

/// Ways to log in, the most common first.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
/// The shortest part of a secret that gives something away.
const PART_MIN: usize = 4;

/// Whether the server offers a way to log in that we know.
pub(super) fn is_offered(connection: &AsyncSmtpConnection) -> bool {
    let info = connection.server_info();
    MECHANISMS
        .iter()
        .any(|mechanism| info.supports_auth_mechanism(*mechanism))
}

/// Logs in.
///
/// # Errors
/// Why it did not work and what to do.
pub(super) async fn log_in(
    connection: &mut AsyncSmtpConnection,
    hello: &ClientId,
    user: &str,
    password: &str,
) -> Result<(), String> {
    if !is_offered(connection) {
        return Err(nothing_for_us(&offered(connection, hello).await));
    }
    let credentials = Credentials::new(user.to_owned(), password.to_owned());
    match timeout(STEP, connection.auth(&MECHANISMS, &credentials)).await {
        Err(_) => Err("did not answer the login in time".into()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(refused(&error, user, password)),
    }
}

/// The names of all ways to log in that the server offers.
async fn offered(connection: &mut AsyncSmtpConnection, hello: &ClientId) -> Vec<String> {
    // The library forgets those that it does not know, so the server is asked once more.
    let greeting = timeout(STEP, connection.command(Ehlo::new(hello.clone()))).await;
    let Ok(Ok(answer)) = greeting else { return Vec::new() };
    let mut names = Vec::new();
    for line in answer.message() {
        // Old servers write AUTH=LOGIN.
        let mut words = line.split([' ', '=']);
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH")) {
            names.extend(words.filter(|word| !word.is_empty()).map(one_line));
        }
    }
    names
}

fn nothing_for_us(offered: &[String]) -> String {
    if offered.is_empty() {
        return "offers no login; if it takes mail from this machine without one, take the user out of email.smtp_url, \
                else use the port on which it offers a login (465 with smtps://, 587 with smtp://)"
            .into();
    }
    let names = offered.join(", ");
    let hint = if offered.iter().any(|name| is_token_login(name)) {
        "such a login takes a token that expires, which fleetsheet cannot get; use a mail server or relay that takes a \
         user and a password, or have its administrator allow them for this user"
    } else {
        "use a mail server or relay that offers PLAIN or LOGIN"
    };
    format!("lets nobody log in with a password as we do (PLAIN or LOGIN): it offers only {names}; {hint}")
}

fn is_token_login(name: &str) -> bool {
    name.eq_ignore_ascii_case("XOAUTH2") || name.eq_ignore_ascii_case("OAUTHBEARER")
}

fn refused(error: &Error, user: &str, password: &str) -> String {
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let code = error.status().map(u16::from);
    let fix = advice(code, &said);
    let words = if gives_away(&said, user, password) {
        "its words are not shown, because they hold part of the password".to_owned()
    } else {
        one_line(&said)
    };
    match code {
        Some(code) => format!("did not accept the login ({code}): {words}; {fix}"),
        None => format!("broke off during the login: {words}; {fix}"),
    }
}

/// What to do, as far as codes tell (RFC 4954, 6; 5.7.139 is Exchange Online's).
fn advice(code: Option<u16>, said: &str) -> &'static str {
    match code {
        None => "if it stays so, ask the mail server's administrator",
        Some(_) if said.contains("5.7.139") || said.contains("5.7.57") => {
            "have the mail server's administrator allow logins with a password (SMTP AUTH) for this user"
        }
        Some(534) => "the server takes no plain password of this user; make an app password, if it has them",
        Some(530 | 538) => "the server wants TLS first; write smtps:// or the port for STARTTLS in email.smtp_url",
        Some(400..=499) => "it may pass, and mail is tried again; if it stays so, ask the mail server's administrator",
        Some(_) => {
            "check the user in email.smtp_url and the password, and whether this user may log in with a password there"
        }
    }
}

/// Whether the words hold the password, or part of it, plain or as it went over the wire.
fn gives_away(said: &str, user: &str, password: &str) -> bool {
    let plain = format!("\0{user}\0{password}");
    let secrets = [
        password.to_owned(),
        aws_smithy_types::base64::encode(password),
        aws_smithy_types::base64::encode(&plain),
    ];
    let is_part = |word: &str| word.len() >= PART_MIN && secrets.iter().any(|secret| secret.contains(word));
    secrets
        .iter()
        .any(|secret| !secret.is_empty() && said.contains(secret.as_str()))
        || said
            .split(|c: char| !(c.is_alphanumeric() || "+/=_-".contains(c)))
            .any(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_hold_part_of_the_password_are_known() {
        let (user, password) = ("fleet", "hunter2-hunter3");
        for said in [
            "5.7.8 bad password hunter2-hunter3",
            "5.7.8 <hunter3> is wrong",
            "cannot read AGZsZWV0AGh1bnRlcjItaHVudGVyMw==",
            "cannot read aHVudGVyMi1odW50ZXIz",
            "cannot read AGZsZWV0",
        ] {
            assert!(gives_away(said, user, password), "{said}");
        }
        for said in ["5.7.8 Authentication failed", "5.7.139 user fleet is locked", ""] {
            assert!(!gives_away(said, user, password), "{said}");
        }
    }
}
