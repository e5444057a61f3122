//! Whether the mail server takes our login: connects, makes the connection safe, logs in and leaves, without sending.
//!
//! What the server says to a login is not repeated: it could hold what was sent.

use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{Email, Smtp, SmtpSecurity};

/// Speaks with the mail server as far as it goes without sending anything, within `timeout`.
///
/// # Errors
/// What went wrong and what to do, in words that hold no password.
pub async fn probe(email: &Email, timeout: Duration) -> Result<(), String> {
    let Smtp { host, port, .. } = &email.smtp;
    match tokio::time::timeout(timeout, converse(email, timeout)).await {
        Ok(result) => result,
        Err(_) => Err(format!(
            "{host}:{port} did not answer within {}; check email.smtp_url and the network",
            humantime::format_duration(timeout)
        )),
    }
}

async fn converse(email: &Email, timeout: Duration) -> Result<(), String> {
    let Smtp {
        security,
        host,
        port,
        user,
        ..
    } = &email.smtp;
    let password = password(email).await?;
    let server = format!("{host}:{port}");
    let tls = || {
        TlsParameters::new(host.clone())
            .map_err(|error| format!("{server}: TLS cannot be used: {error}; check this machine's root certificates"))
    };
    let wrapper = (*security == SmtpSecurity::Tls).then(tls).transpose()?;
    let hello = ClientId::default();
    let address = (host.as_str(), *port);
    let mut connection = AsyncSmtpConnection::connect_tokio1(address, Some(timeout), &hello, wrapper, None)
        .await
        .map_err(|error| no_connection(&server, &error))?;
    if *security == SmtpSecurity::StartTls {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(format!(
                "{server} offers no STARTTLS, and nothing is sent without; write smtps:// in email.smtp_url, or the port \
                 that has it"
            ));
        }
        let upgraded = connection.starttls(tls()?, &hello).await;
        upgraded.map_err(|error| no_connection(&server, &error))?;
    }
    if let (Some(user), Some(password)) = (user, password) {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &credentials).await {
            connection.abort().await;
            return Err(no_login(&server, user, &error));
        }
    }
    // A server that has let us in and does not say goodbye has let us in.
    let _ = connection.quit().await;
    Ok(())
}

/// The password, from the configuration or the file that it names.
async fn password(email: &Email) -> Result<Option<SecretString>, String> {
    let Some(path) = &email.smtp_password_file else {
        return Ok(email.smtp.password.clone());
    };
    match tokio::fs::read_to_string(path).await {
        Ok(text) if text.trim().is_empty() => Err(format!(
            "email.smtp_password_file {} is empty; write the password into it",
            path.display()
        )),
        Ok(text) => Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))),
        Err(error) => Err(format!(
            "email.smtp_password_file {} cannot be read: {error}; name a file that this user may read",
            path.display()
        )),
    }
}

fn no_connection(server: &str, error: &Error) -> String {
    let fix = if error.is_tls() {
        "check that the certificate is good for that name, and smtps:// (TLS) or smtp:// (STARTTLS) in email.smtp_url"
    } else if error.is_response() || error.status().is_some() {
        "this is what the server says; check email.smtp_url, and whether it lets this machine in"
    } else {
        "check email.smtp_url, the network and the firewall"
    };
    format!("{server}: {error}; {fix}")
}

fn no_login(server: &str, user: &str, error: &Error) -> String {
    match error.status() {
        Some(code) => format!(
            "{server} does not accept the login of {user} ({code}); check the user in email.smtp_url and the password"
        ),
        None if error.is_client() => format!(
            "{server} takes no login that is known (PLAIN or LOGIN); take the user out of email.smtp_url, or use the port \
             that takes one"
        ),
        None => format!("{server} broke off the login of {user}; try again, and check email.smtp_url"),
    }
}
