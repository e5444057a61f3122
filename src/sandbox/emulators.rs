//! What a build with emulators can do: have them inside the process for one command, or serve them to others.

mod embedded;
mod live;
mod printed;
mod serve;

pub use embedded::Embedded;
pub(super) use embedded::embed;
pub(super) use serve::serve;

/// Whether this build has emulators.
pub(super) const HAS_EMULATORS: bool = true;
