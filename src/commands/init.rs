//! Makes or repairs the tabs of the configured spreadsheet from `sheet-templates/`.

use crate::cli::Format;
use crate::config::Config;

use super::Refusal;

pub(super) async fn run(
    _config: Config,
    _channel: Option<&str>,
    _dry_run: bool,
    _format: Format,
) -> Result<u8, Refusal> {
    Err(Refusal::failed(
        "this version does not have this command yet; use --once (from a scheduler), plan, explain, history or sandbox",
    ))
}
