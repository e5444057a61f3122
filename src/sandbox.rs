//! Stand-in until the emulators are embedded.
use crate::commands::StaticCredentials;
use crate::config::Config;
/// Embeds.
pub async fn embed(config: Config) -> Result<(Config, StaticCredentials, Option<()>), String> {
    if config.sandbox.is_some() {
        return Err("the sandbox is not embedded yet".into());
    }
    Ok((config, None, None))
}
/// Serves.
pub async fn serve() -> Result<(), String> {
    Err("not yet".into())
}
