//! Windows, in which servers may pass to a new version, and freezes, in which none may: what a configuration says of them.
//!
//! Each part reads one text and says what is wrong with it and what to write instead. When a window is open is
//! [`crate::plan::window`]'s to say.

mod freeze;
mod hours;
mod zone;

pub use freeze::{Edge, Freeze};
pub use hours::{Days, TimeOfDay, Window};
pub use zone::{data_version, zone};
