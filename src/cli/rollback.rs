//! What `fleetsheet rollback` is asked.

use clap::Args;

use super::name;
use crate::text::plain;

/// Which release to take back, and why.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct RollbackRequest {
    /// The channel
    #[arg(value_name = "CHANNEL", value_parser = name)]
    pub channel: String,
    /// Why: history, AuditLog and mail tell it, with the login that ran this
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub yes: bool,
}

/// Longest reason, in characters: it has to fit a line of a mail and a cell.
const REASON_MAX: usize = 300;

fn reason(text: &str) -> Result<String, String> {
    let reason = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match reason.chars().count() {
        0 => Err("is empty; say why, for those who read of it".to_owned()),
        n if n > REASON_MAX => Err(format!("has {n} characters; use at most {REASON_MAX}")),
        _ => Ok(plain(&reason)),
    }
}
