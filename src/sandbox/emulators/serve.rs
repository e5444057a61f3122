//! `fleetsheet sandbox`: the emulators in the foreground, a page of what to do with them, and the mail that comes in.

use std::fmt::Write as _;
use std::time::Duration;

use fleetsheet_mocks::sandbox as world;
use fleetsheet_mocks::smtp::Message;
use tokio::signal::unix::{SignalKind, signal};

use super::embedded::{Embedded, embed};
use crate::adapters::stdout;
use crate::config::Config;
use crate::sandbox::error::SandboxError;
use crate::text::{plain, thousands};

/// How often it is looked whether mail came.
const MAIL_LOOK: Duration = Duration::from_millis(500);

/// Runs the sandbox of a configuration until it is interrupted.
pub(in crate::sandbox) async fn serve(config: Config) -> Result<(), SandboxError> {
    // Listened for first, so that an early Ctrl-C does not leave the directory behind.
    let mut end = signal(SignalKind::terminate()).map_err(SandboxError::because)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(SandboxError::because)?;
    let sandbox = tokio::select! {
        _ = interrupt.recv() => return Ok(()),
        _ = end.recv() => return Ok(()),
        embedded = embed(config) => match embedded? {
            (config, _, Some(sandbox)) => {
                let text = config_file(&config, &sandbox);
                sandbox.place.write("fleetsheet.toml", &text).map_err(SandboxError::because)?;
                sandbox
            }
            (_, _, None) => return Err(SandboxError::because("its own configuration has no [sandbox] section")),
        },
    };
    say(&page(&sandbox, &alias().unwrap_or_default()))?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = end.recv() => {}
        ended = show_mail(&sandbox) => ended?,
    }
    say("\nsandbox: ended; nothing is left of it\n")
}

/// What makes `fleetsheet` the running program in another terminal, where it was not called by that name alone.
fn alias() -> Option<String> {
    let called = std::env::args_os().next()?;
    if called == "fleetsheet" {
        return None;
    }
    let path = std::env::current_exe().ok()?;
    Some(format!("  alias fleetsheet={}\n", word(path.to_str()?)))
}

/// A result on standard output; a reader that went away is not a failure.
fn say(text: &str) -> Result<(), SandboxError> {
    stdout::write(text).map_err(|error| SandboxError::because(format!("cannot write to standard output ({error})")))
}

/// A word for a shell to read as it stands.
fn word(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:=@%".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A string as TOML writes it, which for this purpose is as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What another fleetsheet needs to reach this sandbox.
fn config_file(config: &Config, sandbox: &Embedded) -> String {
    let path = |name: &str| sandbox.place.path(name).display().to_string();
    let mut text = format!(
        "# Reaches the running sandbox; goes when it ends.\n\n[sheets]\nspreadsheet_id = {}\ncredentials_file = {}\n\
         endpoint = {}\n\n[aws]\nendpoint_url = {}\n",
        quoted(world::SPREADSHEET),
        quoted(&path("service-account.json")),
        quoted(&sandbox.world.sheets().endpoint()),
        quoted(&sandbox.world.cloud().endpoint()),
    );
    for account in &config.aws.accounts {
        let regions: Vec<String> = account.regions.iter().map(|region| quoted(region)).collect();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n[[aws.account]]\nname = {}\nrole_arn = {}\nregions = [{}]\n",
            quoted(&account.name),
            quoted(account.role_arn.as_deref().unwrap_or_default()),
            regions.join(", ")
        );
    }
    let _ = write!(
        text,
        "\n[dual_key]\na_editors = [{}]\nb_editors = [{}]\nowners = [{}]\n\n[email]\nsmtp_url = {}\n\
         from = \"fleetsheet <fleetsheet@example.com>\"\nto = [\"ops@example.com\"]\n\n[state]\nurl = {}\n\n\
         [log]\ndir = \"\"\n",
        quoted(world::A_EDITORS),
        quoted(world::B_EDITORS),
        quoted(world::OWNER),
        quoted(&sandbox.world.smtp().url()),
        quoted(&format!("sqlite:{}", path("state.db"))),
    );
    text
}

/// What to do with it, on one screen.
fn page(sandbox: &Embedded, alias: &str) -> String {
    let world = &sandbox.world;
    let (access_key, secret) = world.credentials();
    let servers = thousands(world.servers());
    let config = word(&sandbox.place.path("fleetsheet.toml").display().to_string());
    let sheet = world.sheets().endpoint();
    // A world so small that it has no such server has some server in its first row.
    let held = world.first_row("web-staging").unwrap_or(2);
    format!(
        "
A sheet, a cloud with {servers} servers and a mail server are running, with a week of history.

  {sheet}     the sheet, in a browser

In another terminal:

{alias}  export AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret}
  export FLEETSHEET_CONFIG={config}

  fleetsheet plan       what a pass would do
  fleetsheet --once     do it: web-prod moves to 2.4.0, worker-prod goes back to 5.1.3
  fleetsheet history    what happened this week

Then edit the sheet, and after each step make a pass with fleetsheet --once:

  1  Turn the second key    api-prod waits for it: type 8.3.0 into its desiredVersionB.
  2  Go back                Tick rollback of web-prod: it returns to 2.3.9, once, however many passes follow.
  3  Earn it again          search-staging left 3.1.0. Clear both its keys, make a pass, type 3.1.0 into both.
  4  Cheat                  Type 9.9.9 into releaseVersion of api-staging. It is put back, and its keys are spent.
  5  Leave a server alone   Tick hold in row {held} of ServerTagAssignment, a server of web-staging, and type 2.6.0 into both
                            keys of web-staging: the others move.

To see why anything is as it is: fleetsheet explain search-staging, or any other channel or server id.
Mail shows below as it comes in. Ctrl-C ends it all and leaves nothing behind.

"
    )
}

/// Shows who gets which mail, for ever.
async fn show_mail(sandbox: &Embedded) -> Result<(), SandboxError> {
    let mut shown = 0;
    loop {
        tokio::time::sleep(MAIL_LOOK).await;
        let messages = sandbox.world.smtp().messages();
        for (i, message) in messages.iter().enumerate().skip(shown) {
            let kept = sandbox.place.write(&format!("mail-{:03}.eml", i + 1), &message.text());
            let kept = kept.map_or_else(|error| error.to_string(), |path| path.display().to_string());
            say(&format!(
                "mail to {}: {}\n  {kept}\n",
                plain(&message.to.join(", ")),
                plain(&subject(message))
            ))?;
        }
        shown = messages.len();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        assert_eq!(word("/tmp/a-b.toml"), "/tmp/a-b.toml");
        assert_eq!(word("/tmp/it's here"), "'/tmp/it'\\''s here'");
        assert_eq!(word(""), "''");
    }
}
