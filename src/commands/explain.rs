//! `explain`: says why a server or a channel is as it is.

use serde_json::{Value, json};

use super::output::print;
use super::preview::preview;
use crate::calls::Calls;
use crate::cli::Format;
use crate::clients::{connect_counted, policy};
use crate::config::Config;
use crate::explain::{explain, meant};
use crate::plan::Allowed;
use crate::progress::patience::Patience;
use crate::refusal::Refusal;
use crate::sandbox;
use crate::screen::{Look, Page};
use crate::text::{did_you_mean, plain};

pub(super) async fn run(config: Config, name: &str, format: Format) -> Result<u8, Refusal> {
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    let calls = Calls::default();
    let patience = Patience::watch(&calls);
    let clients = connect_counted(config, credentials, calls).await?;
    let policy = policy(&clients.config, &Allowed::default(), false);
    let preview = match preview(&clients, &policy).await? {
        Ok(preview) => preview,
        Err(report) => {
            patience.hush();
            print(format, &report.json(), &report.text())?;
            return Ok(report.outcome.exit_code());
        }
    };
    drop(patience);
    let Some(lines) = explain(name, &preview, &policy, &clients.names.managed) else {
        let advice = did_you_mean(meant(name, &preview).as_deref(), "see fleetsheet plan");
        return Err(Refusal::config(plain(&format!(
            "neither a server nor a channel is called {name}; {advice}"
        ))));
    };
    let width = lines.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    let mut page = Page::default();
    for (what, text) in &lines {
        page.entry((format!("{what:width$}  "), Look::Dim), (plain(text), Look::Plain));
    }
    let facts: Vec<Value> = lines
        .iter()
        .map(|(what, text)| json!({ "what": what, "text": text }))
        .collect();
    print(format, &json!({ "name": name, "explanation": facts }), &page)?;
    Ok(0)
}
