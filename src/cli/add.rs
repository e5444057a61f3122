//! What `fleetsheet add` is asked.

use clap::Args;

use super::name;
use crate::fleet::filter::Filter;

/// Which servers get a row, and in which channel.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct AddRequest {
    /// Servers whose tag KEY has this VALUE. Given several times, or several KEY=VALUE after one --filter, with different keys:
    /// servers that have all these tags. Several values of one key, with commas between them or as KEY=VALUE each: servers that
    /// have one of them. * stands for any characters, ? for one; a backslash before a character (also , and =) means the
    /// character itself
    #[arg(long = "filter", value_name = "KEY=VALUE", required = true, num_args = 1.., value_parser = Filter::parse)]
    pub filters: Vec<Filter>,
    /// The channel of the new rows. Without it, that of the server's own channel tag if the sheet has it, else none
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub channel: Option<String>,
    /// Show which rows would be added; writes nothing
    #[arg(long)]
    pub dry_run: bool,
}
