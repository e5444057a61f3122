//! What `fleetsheet state` is asked.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::help;

/// What to do with the state store.
#[derive(Debug, Subcommand)]
pub enum AskState {
    /// Copy the state store into an empty place, compare, and close the old one; then state.url must name the new place
    #[command(after_help = help::COPY)]
    Copy {
        /// The new place, as state.url spells it: sqlite:PATH, or postgres://USER@HOST:PORT/DATABASE in the schema
        /// state.schema, with the password of state.password_file
        #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
        to: String,
    },
}
