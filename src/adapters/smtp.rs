//! The only place that speaks SMTP: connects, secures the connection, logs in, and offers letters recipient by recipient.
//!
//! Every step has a time limit. A password goes to the server and nowhere else. A call that breaks off after the message was
//! sent counts as unknown, because the server may have it.

mod hello;
mod login;
pub mod message;
mod settings;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::adapters::files;
use crate::adapters::outbound::authorities;
use crate::mail::{Carrier, MailError, Outgoing, Sent};
pub use settings::{Security, SmtpSettings};
use wire::{STEP, one_line};

/// TLS with the authorities that are trusted on every way out.
fn tls_to(host: &str) -> Result<TlsParameters, String> {
    let mut tls = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for authority in authorities::all()? {
        let authority = Certificate::from_der(authority.as_ref().to_vec());
        tls = tls.add_root_certificate(authority.map_err(|error| chain(&error))?);
    }
    tls.build().map_err(|error| chain(&error))
}

/// A mail server, and the connection to it while there is one.
pub struct Smtp {
    settings: SmtpSettings,
    connection: Option<AsyncSmtpConnection>,
}

impl Smtp {
    /// A mail server. Connects to nothing yet.
    #[must_use]
    pub fn new(settings: SmtpSettings) -> Self {
        Self {
            settings,
            connection: None,
        }
    }

    /// The server and the user, the name under which the state store keeps what it knows of the server. Holds no secret.
    #[must_use]
    pub fn server(&self) -> String {
        let smtp = &self.settings;
        let user = smtp.user.as_deref().unwrap_or_default();
        format!("{:?} {user}@{}:{}", smtp.security, smtp.host, smtp.port)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let smtp = &self.settings;
        let at = |what: &str| MailError(format!("the mail server {}:{}: {what}", smtp.host, smtp.port));
        let tls = || tls_to(&smtp.host).map_err(|why| at(&format!("cannot set up TLS: {why}")));
        let hello = hello::client_id(smtp).await;
        let wrapper = match smtp.security {
            Security::Tls => Some(tls()?),
            Security::StartTls | Security::Plain => None,
        };
        let server = (smtp.host.as_str(), smtp.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(server, Some(STEP), &hello, wrapper, None);
        let connected = timeout(STEP, connecting).await;
        let mut connection = connected.map_or_else(
            |_| Err(at(&unreached("it did not answer in time"))),
            |connected| connected.map_err(|error| at(&not_greeted(&error, &hello))),
        )?;
        // Plain text is fine on this machine, but some servers let nobody log in without TLS.
        let secure = match smtp.security {
            Security::Tls => false,
            Security::StartTls => true,
            Security::Plain => smtp.user.is_some() && !login::is_offered(&connection) && connection.can_starttls(),
        };
        if secure {
            if !connection.can_starttls() {
                return Err(at(
                    "does not offer STARTTLS, and nothing is sent in plain text; use smtps:// if it speaks TLS from the start",
                ));
            }
            step(connection.starttls(tls()?, &hello)).await.map_err(|why| {
                let fix = trust_advice(&why).unwrap_or("ask the mail server's administrator");
                at(&format!("STARTTLS failed: {why}; {fix}"))
            })?;
        }
        if let Some(user) = &smtp.user {
            let password = self.password()?;
            let logged_in = login::log_in(&mut connection, &hello, user, password.expose_secret()).await;
            logged_in.map_err(|why| at(&why))?;
        }
        Ok(connection)
    }

    /// Read each time it is needed, since it may be rotated.
    fn password(&self) -> Result<SecretString, MailError> {
        if let Some(file) = &self.settings.password_file {
            let text = files::read_text(file).map_err(|error| {
                MailError(format!(
                    "email.smtp_password_file cannot be read ({error}); let this user read it"
                ))
            })?;
            if text.trim().is_empty() {
                return Err(MailError(
                    "email.smtp_password_file is empty; write the password into it".into(),
                ));
            }
            return Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])));
        }
        self.settings.password.clone().ok_or_else(|| {
            MailError("email.smtp_url names a user but no password is set; set email.smtp_password_file".into())
        })
    }

    async fn converse(&mut self, letter: &Outgoing<'_>) -> Result<Sent, MailError> {
        let from: Mailbox = self
            .settings
            .from
            .parse()
            .map_err(|error| MailError(format!("email.from is not an address: {error}")))?;
        let bytes = message::bytes(&from, letter)?;
        let Some(mut connection) = self.connection.take() else {
            return Err(MailError("there is no connection to the mail server".into()));
        };
        let refusal = |why: String| MailError(format!("the mail server did not take the mail: {why}"));
        let (mut sent, mut addresses) = addresses(letter);
        let mut options = Vec::new();
        let unicode = |address: &Address| !AsRef::<str>::as_ref(address).is_ascii();
        if unicode(&from.email) || addresses.iter().any(|(_, address)| unicode(address)) {
            let why = "it takes no addresses with letters beyond ASCII; use others in [email]";
            let takes_them = connection.server_info().supports_feature(Extension::SmtpUtfEight);
            match (takes_them, unicode(&from.email)) {
                (true, _) => options.push(MailParameter::SmtpUtfEight),
                (false, true) => return Err(refusal(why.into())),
                // The other recipients get their mail.
                (false, false) => addresses.retain(|(to, address)| {
                    let refused = unicode(address).then(|| sent.refused.insert((*to).to_owned(), why.into()));
                    refused.is_none()
                }),
            }
            if addresses.is_empty() {
                self.connection = Some(connection);
                return Ok(sent);
            }
        }
        let begun = step(connection.command(Mail::new(Some(from.email), options))).await;
        begun.map_err(refusal)?;
        let mut accepted = Vec::new();
        for (to, address) in addresses {
            let answer = timeout(STEP, connection.command(Rcpt::new(address, Vec::new()))).await;
            match answer {
                Err(_) => return Err(refusal("it did not answer in time".into())),
                Ok(Ok(_)) => accepted.push(to.to_owned()),
                Ok(Err(error)) if refuses_recipient(&error) => {
                    sent.refused.insert(to.to_owned(), words(&error));
                }
                Ok(Err(error)) if error.status().is_some() => sent.trouble = words(&error),
                Ok(Err(error)) => return Err(refusal(words(&error))),
            }
        }
        if accepted.is_empty() {
            connection.abort().await;
            return Ok(sent);
        }
        match step(connection.command(Data)).await {
            Ok(_) => {}
            Err(why) => {
                sent.trouble = refusal(why).0;
                return Ok(sent);
            }
        }
        match timeout(STEP, connection.message(&bytes)).await {
            Ok(Ok(_)) => {
                sent.delivered = accepted.into_iter().collect();
                self.connection = Some(connection);
            }
            // A reply that refuses the message is a promise not to have it.
            Ok(Err(error)) if error.status().is_some() => sent.trouble = refusal(words(&error)).0,
            Ok(Err(error)) => {
                sent.unknown = true;
                sent.trouble = format!(
                    "the mail server did not say whether it took the mail: {}",
                    words(&error)
                );
            }
            Err(_) => {
                sent.unknown = true;
                sent.trouble = "the mail server did not say in time whether it took the mail".into();
            }
        }
        Ok(sent)
    }
}

#[async_trait]
impl Carrier for Smtp {
    async fn open(&mut self) -> Result<(), MailError> {
        // A connection that was used for one letter may have died since.
        if let Some(connection) = &mut self.connection
            && !timeout(STEP, connection.test_connected()).await.unwrap_or(false)
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        Ok(())
    }

    async fn send(&mut self, letter: &Outgoing<'_>) -> Sent {
        self.converse(letter).await.unwrap_or_else(|MailError(trouble)| Sent {
            trouble,
            ..Sent::default()
        })
    }

    async fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // It has our mail already; its goodbye does not matter.
            let _ = timeout(Duration::from_secs(2), connection.quit()).await;
        }
    }
}

/// The addresses of recipients, and refusals for those that are not addresses.
fn addresses<'a>(letter: &Outgoing<'a>) -> (Sent, Vec<(&'a str, Address)>) {
    let mut sent = Sent::default();
    let mut addresses = Vec::new();
    for to in &letter.recipients {
        match to.parse::<Mailbox>() {
            Ok(mailbox) => addresses.push((*to, mailbox.email)),
            Err(error) => drop(
                sent.refused
                    .insert((*to).to_owned(), format!("it is not an address: {error}")),
            ),
        }
    }
    (sent, addresses)
}

/// Whether the server will never take mail for this recipient. Answers that are about us (no login, wrong order, our name or
/// address), and a mailbox that is full, may pass (RFC 5321, 4.2.3; RFC 4954, 6). Many servers say only here that they do not
/// like how we greeted them.
fn refuses_recipient(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    let said = chain(error).to_lowercase();
    let about_us = ["helo command rejected", "ehlo command rejected", "client host rejected"];
    error.is_permanent()
        && !matches!(code, Some(500..=504 | 530 | 534 | 535 | 538 | 552))
        && !about_us.iter().any(|words| said.contains(words))
}

fn unreached(why: &str) -> String {
    format!("cannot be reached: {why}; check email.smtp_url and the network")
}

/// Why there is no connection: a server that answers and refuses us is not out of reach.
fn not_greeted(error: &Error, hello: &ClientId) -> String {
    let why = one_line(&chain(error));
    if error.status().is_some() {
        return format!(
            "refused us: {why}; ask its administrator to let this machine in, or, if it does not like the name {hello}, set \
             email.hello_name to one that it takes"
        );
    }
    match trust_advice(&why) {
        Some(fix) => format!("cannot be trusted: {why}; {fix}"),
        None => unreached(&why),
    }
}

/// What to do about a certificate that does not hold.
fn trust_advice(why: &str) -> Option<&'static str> {
    let is = |mark: &str| why.contains(mark);
    if is("UnknownIssuer") || is("CaUsedAsEndEntity") {
        Some(
            "name a file with the certificate of the authority that signed it in SSL_CERT_FILE, unless it is not the right server",
        )
    } else if is("NotValidForName") || is("not valid for name") {
        Some("the name in email.smtp_url must be one of those in its certificate")
    } else if is("Expired") || is("expired") || is("NotValidYet") || is("not valid yet") {
        Some("have its certificate renewed, or set this machine's clock")
    } else if is("certificate") {
        Some("have its certificate replaced by one that holds")
    } else {
        None
    }
}

async fn step<T>(doing: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    match timeout(STEP, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err("it did not answer in time".into()),
    }
}

/// An error with its causes, on one line and bounded: a server may say anything. A refusal of our name comes with its cure.
fn words(error: &Error) -> String {
    let text = one_line(&chain(error));
    let lower = text.to_lowercase();
    let about_our_name = [
        "helo command",
        "ehlo command",
        "fully-qualified hostname",
        "fully qualified hostname",
    ];
    if error.status().is_some() && about_our_name.iter().any(|words| lower.contains(words)) {
        return format!("{text}; set email.hello_name to a full host name that it takes");
    }
    match error.status().map(u16::from) {
        Some(530) if lower.contains("starttls") => {
            format!("{text}; it takes no mail in plain text: write smtp:// or smtps:// in email.smtp_url")
        }
        Some(530) => format!("{text}; it wants a login: name the user in email.smtp_url, and give its password"),
        Some(550 | 553) if lower.contains("sender") => {
            format!("{text}; let it take mail from email.from, or set email.from to an address that it takes")
        }
        _ => text,
    }
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}
