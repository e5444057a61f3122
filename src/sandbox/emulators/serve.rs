//! `fleetsheet sandbox`: the emulators in the foreground with their page, and the mail that comes in.

use std::sync::Arc;
use std::time::Duration;

use fleetsheet_mocks::browser::Browser;
use fleetsheet_mocks::smtp::Message;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::embedded::{Embedded, embed};
use super::live::live;
use super::printed::{config_file, page};
use crate::adapters::stdout;
use crate::clients::StaticCredentials;
use crate::config::Config;
use crate::sandbox::error::SandboxError;
use crate::service::signals::Signals;
use crate::text::plain;

/// How often it is looked whether mail came.
const MAIL_LOOK: Duration = Duration::from_millis(500);

/// Fewer servers than this do not fill all channels.
const FEW: u32 = 100;

/// How a world ended.
enum End {
    /// Somebody stopped it.
    Stopped,
    /// Somebody asked for another one.
    Again,
}

/// Runs the sandbox of a configuration until it is interrupted.
pub(in crate::sandbox) async fn serve(config: Config, text: &str, mut port: u16) -> Result<(), SandboxError> {
    // Listened for first, so that an early Ctrl-C does not leave the directory behind.
    let mut stops = Stops::new()?;
    loop {
        let sandbox = tokio::select! {
            () = stops.any() => return Ok(()),
            embedded = embed(config.clone()) => embedded?,
        };
        let (config, credentials, Some(sandbox)) = sandbox else {
            return Err(SandboxError::because("its own configuration has no [sandbox] section"));
        };
        let file = config_file(&config, text, &sandbox);
        sandbox
            .place
            .write("fleetsheet.toml", &file)
            .map_err(SandboxError::because)?;
        let browser = Browser::start(Arc::clone(&sandbox.world), port)
            .await
            .map_err(|error| SandboxError::because(format!("its page cannot be served: {error}")))?;
        say(&page(&sandbox, &browser.url()))?;
        if config.sandbox.as_ref().is_some_and(|sandbox| sandbox.servers < FEW) {
            say(
                "sandbox: so few servers leave some channels without any, and the story cannot be played to its end\n",
            )?;
        }
        // A page that is open finds the next world where this one was.
        port = browser.port();
        match one_world(&browser, &sandbox, &config, &credentials, &mut stops).await? {
            End::Again => say("\nsandbox: once more from the beginning\n")?,
            End::Stopped => break,
        }
    }
    say("\nsandbox: ended; nothing is left of it\n")
}

async fn one_world(
    browser: &Browser,
    sandbox: &Embedded,
    config: &Config,
    credentials: &StaticCredentials,
    stops: &mut Stops,
) -> Result<End, SandboxError> {
    let mut shown = 0;
    tokio::select! {
        () = stops.any() => return Ok(End::Stopped),
        ended = show_mail(sandbox, &mut shown) => return ended.map(|()| End::Stopped),
        () = browser.again() => return Ok(End::Again),
        () = browser.opened() => {}
    }
    // From now on the service hears the signals, and lets a pass end that runs.
    let signals = Signals::to_stop().map_err(SandboxError::because)?;
    tokio::select! {
        ended = live(browser, config, credentials, signals) => ended.map(|()| End::Stopped),
        ended = show_mail(sandbox, &mut shown) => ended.map(|()| End::Stopped),
        () = browser.again() => Ok(End::Again),
    }
}

/// What stops it.
struct Stops {
    interrupt: Signal,
    end: Signal,
}

impl Stops {
    fn new() -> Result<Self, SandboxError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(SandboxError::because)?,
            end: signal(SignalKind::terminate()).map_err(SandboxError::because)?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.end.recv() => {}
        }
    }
}

/// A result on standard output; a reader that went away is not a failure.
fn say(text: &str) -> Result<(), SandboxError> {
    stdout::write(text).map_err(|error| SandboxError::because(format!("cannot write to standard output ({error})")))
}

/// Shows who gets which mail, for ever.
async fn show_mail(sandbox: &Embedded, shown: &mut usize) -> Result<(), SandboxError> {
    loop {
        tokio::time::sleep(MAIL_LOOK).await;
        let messages = sandbox.world.smtp().messages();
        for (i, message) in messages.iter().enumerate().skip(*shown) {
            let kept = sandbox.place.write(&format!("mail-{:03}.eml", i + 1), &message.text());
            let kept = kept.map_or_else(|error| error.to_string(), |path| path.display().to_string());
            say(&format!(
                "mail to {}: {}\n  {kept}\n",
                plain(&message.to.join(", ")),
                plain(&subject(message))
            ))?;
        }
        *shown = messages.len();
    }
}

/// The subject as it was sent.
fn subject(message: &Message) -> String {
    // A long one goes on on lines that begin with white space.
    let text = message.text().replace("\r\n ", " ");
    let header = text.lines().take_while(|line| !line.is_empty());
    let subject = header.filter_map(|line| line.strip_prefix("Subject: ")).next();
    subject.unwrap_or("(no subject)").to_owned()
}
