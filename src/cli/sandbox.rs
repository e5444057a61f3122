//! What `fleetsheet sandbox` is asked.

use clap::Args;

/// How large the world is, and where its page is.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxRequest {
    /// Servers in the simulated fleet, instead of what the configuration says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub servers: Option<u32>,
    /// The port of the page on the loopback address [default: a free one]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Let the sandbox that runs on this port start over with a new world, as its page's button does; where none runs, start one
    #[arg(long, requires = "port")]
    pub fresh: bool,
}
