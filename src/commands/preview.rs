//! What a pass would decide now, for the commands that show it. The preview gets readers only, so nothing can be written.

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::clients::{Clients, store_place};
use crate::clock::{now, run_id};
use crate::memory::StoreReader;
use crate::pass::{self, PassInput, Preview};
use crate::plan::Policy;
use crate::refusal::Refusal;
use crate::report::Report;
use crate::stages::Stages;

/// Observes and decides; or gives the report that says why nothing could be decided.
///
/// # Errors
/// When the store cannot be opened.
pub(super) async fn preview(clients: &Clients, policy: &Policy) -> Result<Result<Preview, Box<Report>>, Refusal> {
    let now = now();
    let store = store_place(&clients.config).to_read(now).await.map_err(Refusal::from)?;
    Ok(preview_of(clients, policy, &*store, now).await)
}

/// The same, with what a store that is open already remembers.
pub(super) async fn preview_of(
    clients: &Clients,
    policy: &Policy,
    store: &dyn StoreReader,
    now: DateTime<Utc>,
) -> Result<Preview, Box<Report>> {
    let run = run_id(now);
    let began = Instant::now();
    let input = PassInput {
        names: &clients.names,
        policy,
        run: &run,
        now,
        began,
        calls: &clients.calls,
        stages: &Stages::default(),
    };
    let sheets = clients
        .sheets
        .with_deadline((began + clients.config.schedule.pass_timeout).into_std());
    pass::preview(&input, &sheets, &clients.cloud, clients.gates(), store).await
}
