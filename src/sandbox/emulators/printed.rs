//! What `fleetsheet sandbox` says at its start: where the page is, and a configuration by which other shells reach the same world.

use std::fmt::Write as _;

use fleetsheet_mocks::sandbox as world;

use super::embedded::Embedded;
use crate::config::Config;
use crate::text::thousands;

/// Sections that hold for passes of other shells, too. The others say where things are, which is the sandbox's own.
const KEPT: [&str; 8] = [
    "mode", "schedule", "limits", "belts", "strategy", "gate", "window", "freeze",
];

/// What makes `fleetsheet` the running program in another terminal, where it was not called by that name alone.
fn alias() -> Option<String> {
    let called = std::env::args_os().next()?;
    if called == "fleetsheet" {
        return None;
    }
    let path = std::env::current_exe().ok()?;
    Some(format!("  alias fleetsheet={}\n", word(path.to_str()?)))
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

/// What another fleetsheet needs to reach this sandbox. `text` is the file that the sandbox was made from.
pub(super) fn config_file(config: &Config, text: &str, sandbox: &Embedded) -> String {
    let path = |name: &str| sandbox.place.path(name).display().to_string();
    let mut file = format!(
        "# Reaches the running sandbox; goes when it ends.\n\n{}\n[sheets]\nspreadsheet_id = {}\ncredentials_file = {}\n\
         endpoint = {}\n\n[prometheus]\nurl = {}\n\n[aws]\nendpoint_url = {}\n",
        Config::inline(text, &KEPT),
        quoted(world::SPREADSHEET),
        quoted(&path("service-account.json")),
        quoted(&sandbox.world.sheets().endpoint()),
        quoted(&sandbox.world.prometheus().endpoint()),
        quoted(&sandbox.world.cloud().endpoint()),
    );
    for account in &config.aws.accounts {
        let regions: Vec<String> = account.regions.iter().map(|region| quoted(region)).collect();
        // Writing to a string does not fail.
        let _ = write!(
            file,
            "\n[[aws.account]]\nname = {}\nrole_arn = {}\nregions = [{}]\n",
            quoted(&account.name),
            quoted(account.role_arn.as_deref().unwrap_or_default()),
            regions.join(", ")
        );
    }
    let _ = write!(
        file,
        "\n[dual_key]\na_editors = [{}]\nb_editors = [{}]\nowners = [{}]\n\n[email]\nsmtp_url = {}\n\
         from = \"fleetsheet <fleetsheet@example.com>\"\nto = [\"ops@example.com\"]\n\n[state]\nurl = {}\n\n\
         [log]\ndir = \"\"\n",
        quoted(world::A_EDITORS),
        quoted(world::B_EDITORS),
        quoted(world::OWNER),
        quoted(&sandbox.world.smtp().url()),
        quoted(&format!("sqlite:{}", path("state.db"))),
    );
    file
}

/// What to do with it, on one screen.
pub(super) fn page(sandbox: &Embedded, url: &str) -> String {
    let world = &sandbox.world;
    let (access_key, secret) = world.credentials();
    let servers = thousands(world.servers());
    let config = word(&sandbox.place.path("fleetsheet.toml").display().to_string());
    let alias = alias().unwrap_or_default();
    // A world so small that it has no such server has some server in its first row.
    let held = world.first_row("web-staging").unwrap_or(2);
    format!(
        "
A sheet, a cloud with {servers} servers, monitoring and a mail server are running, with a week of history.

  {url}     all of it in a browser, with a story to follow

The service starts when that page is opened, and makes a pass every few seconds. Without it, or beside it, from another terminal:

{alias}  export AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret}
  export FLEETSHEET_CONFIG={config}

  fleetsheet plan       what a pass would do
  fleetsheet --once     do it: web-prod moves to 2.4.0, worker-prod goes back to 5.1.3
  fleetsheet history    what happened this week

Then edit the sheet in the browser:

  1  Turn the second key    api-prod waits for it: type 8.3.0 into its desiredVersionB. It goes out in waves.
  2  Go back                Tick rollback of web-prod: it returns to 2.3.9, once, however many passes follow.
  3  Earn it again          search-staging left 3.1.0. Clear both its keys, make a pass, type 3.1.0 into both.
  4  Cheat                  As the owner, type 9.9.9 into releaseVersion of api-staging. It is put back, and its keys are spent.
  5  Leave a server alone   Tick hold in row {held} of ServerTagAssignment, a server of web-staging, and type 2.6.0 into both
                            keys of web-staging: the others move.

To see why anything is as it is: fleetsheet explain search-staging, or any other channel or server id.
Mail shows below as it comes in. Ctrl-C ends it all and leaves nothing behind.

"
    )
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
