//! The emulators as a program, for clients in other languages and for trying things by hand.
//!
//! It prints one JSON line with the endpoints and runs until its standard input closes or Ctrl-C is pressed.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result, bail};
use fleetsheet_mocks::cloud::{ACCESS_KEY, CloudEmulator, Fleet, SECRET_KEY};
use fleetsheet_mocks::sheets::{SheetsEmulator, Spreadsheet, Tab};
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};
use serde_json::{Value, json};

const ACCOUNT: &str = "111111111111";
const ROLE_ACCOUNT: &str = "222222222222";
const REGION: &str = "eu-west-1";
const SPREADSHEET: &str = "mock-spreadsheet";

#[tokio::main]
async fn main() -> Result<()> {
    let servers = servers_wanted(std::env::args().skip(1))?;
    let role = format!("arn:aws:iam::{ROLE_ACCOUNT}:role/fleetsheet");
    let mut fleet = Fleet::new(ACCOUNT);
    fleet.add_role(&role);
    for n in 0..servers {
        let name = format!("server-{n:04}");
        let account = if n % 4 == 3 { ROLE_ACCOUNT } else { ACCOUNT };
        fleet.launch(account, REGION, [("Name", name.as_str())]);
    }
    let cloud = CloudEmulator::start(fleet).await.context("the cloud cannot start")?;
    let smtp = SmtpEmulator::start(SmtpOptions::default())
        .await
        .context("the mail server cannot start")?;
    let sheets = SheetsEmulator::start(empty_book())
        .await
        .context("the spreadsheet cannot start")?;
    let key: Value = serde_json::from_str(&sheets.service_account_key_json()?)?;
    let endpoints = json!({
        "sheets": sheets.endpoint(),
        "spreadsheet_id": SPREADSHEET,
        "service_account_key": key,
        "cloud": cloud.endpoint(),
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "account": ACCOUNT,
        "role_arn": role,
        "region": REGION,
        "smtp": smtp.url(),
    });
    writeln!(std::io::stdout(), "{endpoints}")?;
    wait_for_the_end().await
}

/// A spreadsheet as a person makes one: two tabs of the usual size with nothing in them.
fn empty_book() -> Spreadsheet {
    Spreadsheet::new(SPREADSHEET, "Fleet", "owner@fleet.invalid")
        .with_tab(Tab::new(1, "ReleaseSheet", 1000, 26))
        .with_tab(Tab::new(2, "ServerTagAssignment", 1000, 26))
}

fn servers_wanted(mut args: impl Iterator<Item = String>) -> Result<usize> {
    match (args.next().as_deref(), args.next(), args.next()) {
        (None, ..) => Ok(100),
        (Some("--servers"), Some(number), None) => number.parse().context("--servers takes a number"),
        _ => bail!("usage: fleetsheet-mocks [--servers N]"),
    }
}

/// Returns when standard input is at its end or Ctrl-C is pressed.
async fn wait_for_the_end() -> Result<()> {
    let (closed, end) = tokio::sync::oneshot::channel();
    // A thread of its own, since a read of standard input cannot be cancelled and would hold the runtime up.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = [0; 1024];
        while matches!(stdin.read(&mut buffer), Ok(1..)) {}
        // Nobody listens any more after Ctrl-C.
        let _ = closed.send(());
    });
    tokio::select! {
        _ = end => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed.context("Ctrl-C cannot be heard"),
    }
}
