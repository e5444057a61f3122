//! The keys of tags, where nobody configured others.

/// Names the server's release channel.
pub const CHANNEL: &str = "ReleaseChannel";
/// Names the version that the server shall run.
pub const VERSION: &str = "ReleaseVersion";
/// Names the version that the server runs; the agent writes it.
pub const RUNNING: &str = "ReleaseRunning";
/// What the agent reports, see [`crate::report`].
pub const AGENT: &str = "ReleaseAgent";
