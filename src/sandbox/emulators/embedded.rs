//! The emulators of `fleetsheet-mocks` inside this process, and a configuration that points at them.
//!
//! A promotion that can be rolled back needs a past, so the world is not handed out before some passes were made in it.
//! Nothing of a sandbox reaches anything but loopback, whatever the configuration says, and nothing of it is left behind.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet_mocks::sandbox::{self as world, Chapter, Sandbox};
use secrecy::SecretString;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::adapters::files::PrivateDir;
use crate::clients::{self, StaticCredentials};
use crate::clock;
use crate::config::{Account, Authority, Config, Mode, Smtp, SmtpSecurity, StatePlace, Tags};
use crate::endpoint::Endpoint;
use crate::locked_pass::{PassOptions, once_at};
use crate::pass_end::Ending;
use crate::plan::Allowed;
use crate::rollout::Rollouts;
use crate::sandbox::error::SandboxError;

/// Requests a minute to the emulated spreadsheet while history is made: nobody should wait for a quota there.
const HISTORY_REQUESTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(5_999);

/// How the name of a sandbox's directory begins.
const DIRECTORY: &str = "fleetsheet-sandbox-";

/// A running sandbox: its emulators and its directory, which end when this is dropped.
#[derive(Debug)]
pub struct Embedded {
    pub(super) world: Arc<Sandbox>,
    pub(super) place: PrivateDir,
}

impl Embedded {
    /// The emulators.
    #[must_use]
    pub fn world(&self) -> &Sandbox {
        &self.world
    }
}

/// Starts a sandbox if the configuration has one: gives the configuration that reaches it, keys for its cloud, and what
/// must be kept as long as it is used. Without a sandbox the configuration comes back as it was.
pub(in crate::sandbox) async fn embed(
    config: Config,
) -> Result<(Config, StaticCredentials, Option<Embedded>), SandboxError> {
    let Some(settings) = &config.sandbox else {
        return Ok((config, None, None));
    };
    let world = Sandbox::start(settings.servers, settings.seed, settings.latency)
        .await
        .map_err(|error| SandboxError::because(format!("{error:#}")))?;
    let place = PrivateDir::new(DIRECTORY).map_err(SandboxError::because)?;
    let config = redirect(config, &world, &place)?;
    let (access_key, secret) = world.credentials();
    let credentials = Some((access_key.to_owned(), SecretString::from(secret)));
    make_history(&config, &credentials, &world).await?;
    let world = Arc::new(world);
    Ok((config, credentials, Some(Embedded { world, place })))
}

/// Tells the story: after each chapter but the last, `pass` is to make a pass at the given time.
async fn prepare<F, Fut, E>(sandbox: &Sandbox, now: DateTime<Utc>, mut pass: F) -> Result<(), E>
where
    F: FnMut(&'static Chapter, DateTime<Utc>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    // Nobody is helped by a sandbox that fails because nobody reads its progress.
    let _ = writeln!(std::io::stderr(), "sandbox: making a week of history …");
    for chapter in Sandbox::story() {
        sandbox.tell(chapter);
        if !chapter.is_last() {
            let ago = TimeDelta::from_std(chapter.ago).unwrap_or_default();
            pass(chapter, now - ago).await?;
        }
    }
    Ok(())
}

async fn make_history(config: &Config, credentials: &StaticCredentials, world: &Sandbox) -> Result<(), SandboxError> {
    let mut past = config.clone();
    // History is as the story has it even when the user's own pass shall only observe or mail.
    past.mode = Mode::Enforce;
    past.email = None;
    // Weeks before somebody thought of waves.
    past.rollouts = Arc::new(Rollouts::default());
    past.limits.sheets_per_minute = HISTORY_REQUESTS;
    let clients = clients::connect(past, credentials.clone())
        .await
        .map_err(SandboxError::because)?;
    let policy = clients::policy(&clients.config, &Allowed::default(), false);
    let (clients, policy) = (&clients, &policy);
    let history = prepare(world, clock::now(), |chapter, at| async move {
        let report = once_at(clients, policy, PassOptions::silent(), at).await;
        let report = report.map_err(SandboxError::because)?;
        if matches!(report.outcome, Ending::Done | Ending::Partial | Ending::Held) {
            return Ok(());
        }
        let why = report.problems.first().map_or("no reason was given", |p| &p.message);
        Err(SandboxError::because(format!(
            "its history broke off where {}: {why}",
            chapter.title
        )))
    });
    // The logs are for the passes that the user makes.
    history.with_subscriber(NoSubscriber::default()).await
}

/// Points everything that reaches out at the emulators. How to decide and how hard to press stay as configured.
///
/// The state is always the sandbox's own: each sandbox is a new world, and a store that remembers another one would
/// take it for a sheet that was tampered with.
fn redirect(mut config: Config, world: &Sandbox, place: &PrivateDir) -> Result<Config, SandboxError> {
    let key = world
        .sheets()
        .service_account_key_json()
        .map_err(|error| SandboxError::because(format!("{error:#}")))?;
    let key = place
        .write("service-account.json", &key)
        .map_err(SandboxError::because)?;
    let url = |text: String| text.parse::<Endpoint>().map_err(SandboxError::because);
    config.sheets.spreadsheet_id = world::SPREADSHEET.to_owned();
    config.sheets.credentials_file = Some(key);
    config.sheets.release_tab = world::RELEASE_TAB.to_owned();
    config.sheets.server_tab = world::SERVER_TAB.to_owned();
    config.sheets.audit_tab = world::AUDIT_TAB.to_owned();
    config.sheets.endpoint = Some(url(world.sheets().endpoint())?);
    config.aws.endpoint_url = Some(url(world.cloud().endpoint())?);
    config.aws.accounts = accounts();
    // Nothing leaves this machine.
    config.prometheus.url = Some(url(world.prometheus().endpoint())?);
    config.prometheus.token_file = None;
    config.prometheus.user = None;
    config.prometheus.password_file = None;
    config.tags = Tags {
        channel: world::CHANNEL_TAG.to_owned(),
        version: world::VERSION_TAG.to_owned(),
        managed: vec![world::OWNER_TAG.to_owned()],
    };
    config.authority = Authority { tags: [].into() };
    config.dual_key.a_editors = vec![world::A_EDITORS.to_owned()];
    config.dual_key.b_editors = vec![world::B_EDITORS.to_owned()];
    config.dual_key.owners = vec![world::OWNER.to_owned()];
    config.state.place = StatePlace::Sqlite(place.path("state.db"));
    if let Some(email) = &mut config.email {
        let addr = world.smtp().addr();
        email.smtp_password_file = None;
        email.smtp = Smtp {
            security: SmtpSecurity::Plain,
            host: addr.ip().to_string(),
            port: addr.port(),
            user: None,
            password: None,
        };
    }
    Ok(config)
}

fn accounts() -> Vec<Account> {
    let account = |account: &world::Account| Account {
        name: account.name.to_owned(),
        role_arn: Some(account.role_arn.to_owned()),
        external_id: None,
        regions: world::REGIONS.map(str::to_owned).to_vec(),
    };
    world::ACCOUNTS.iter().map(account).collect()
}
