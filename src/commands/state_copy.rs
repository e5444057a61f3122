//! `state copy`: moves the state store to another place, whole, and closes the old one.

use serde_json::json;

use super::output::print;
use super::store;
use crate::adapters::stores::{Refused, copy};
use crate::cli::Format;
use crate::clients::{place_of, store_place, terms};
use crate::clock::{now, run_id};
use crate::config::Config;
use crate::locked_pass::ticks::next_tick;
use crate::refusal::Refusal;
use crate::report::Report;
use crate::sandbox;
use crate::screen::Page;
use crate::text::{plain, thousands};

pub(super) async fn run(config: Config, to: &str, format: Format) -> Result<u8, Refusal> {
    let (config, _credentials, _sandbox) = sandbox::embed(config).await?;
    let to = to.trim();
    let target = config
        .another_store(to)
        .map_err(|why| Refusal::config(format!("--to {why}")))?;
    store::must_be_there(&config).await?;
    let (from, target) = (store_place(&config), place_of(&target));
    if from.is(&target) {
        return Err(Refusal::config(
            "--to names the place where the state store is; name another",
        ));
    }
    let mut held = match from.hold("state copy", None, &terms(&config), now()).await {
        Ok(held) => held,
        Err(Refused::Held(by)) => return busy(by, format),
        Err(Refused::Served) => return busy("another instance was faster; run this again".to_owned(), format),
        Err(Refused::Broken(error)) => return Err(error.into()),
    };
    let leave = held.leave().cloned();
    let lost = async {
        match leave {
            Some(leave) => leave.lost().await,
            None => std::future::pending().await,
        }
    };
    let copied = tokio::select! {
        biased;
        () = lost => None,
        copied = copy(&mut held, &target, to) => Some(copied),
    };
    let (run, next) = (held.run().to_owned(), next_tick(&config, None, held.now()));
    held.end(next, false, None).await;
    let Some(copied) = copied else {
        let report = Report::fenced(&run);
        print(format, &report.json(), &report.text())?;
        return Ok(report.outcome.exit_code());
    };
    let copied = copied?;
    let mut page = Page::default();
    page.line(plain(&format!(
        "moved {} rows and the history from {} to {to}",
        thousands(usize::try_from(copied.rows).unwrap_or_default()),
        config.state.url
    )));
    page.line(format!("seal: {}, read back and the same", copied.seal));
    page.line(plain(&format!(
        "{} is closed: set state.url = \"{to}\" for every instance, and start them",
        config.state.url
    )));
    let object = json!({"from": config.state.url, "to": to, "rows": copied.rows, "seal": copied.seal});
    print(format, &object, &page)?;
    Ok(0)
}

fn busy(by: String, format: Format) -> Result<u8, Refusal> {
    let report = Report::busy(&run_id(now()), by);
    print(format, &report.json(), &report.text())?;
    Ok(report.outcome.exit_code())
}
