//! When servers may pass to a new version: (windows, freezes, now) → open, or for what to wait.
//!
//! Several windows are open if one is, none is always open, and a freeze closes all. Clocks that are changed for summer time
//! shorten a window or leave it out; they never lengthen it.

mod frozen;
mod instant;
mod look;
mod span;

pub use look::{Closed, Hours, Opening, hours, openings};
pub use span::Span;
