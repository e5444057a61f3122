//! The words that the service and the agent on a server share, so that both read and write them with the same code: versions
//! ([`version`]), the keys of tags ([`keys`]) and what an agent reports in its tag ([`report`]).

pub mod keys;
pub mod report;
mod version;

mod character;

pub use character::describe_char;
pub use version::version;
