//! Standard output, written so that a full disk is noticed: a report that nobody can read is not a success.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;

/// Writes text on standard output. A reader that went away has read enough, which is not a failure.
///
/// # Errors
/// When the text could not be written whole.
pub fn write(text: &str) -> io::Result<()> {
    let written = whole(text);
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn whole(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.flush()?;
    // The library takes a descriptor that cannot be written for one that leads nowhere, so a copy of it is written.
    let mut copy = File::from(out.as_fd().try_clone_to_owned()?);
    copy.write_all(text.as_bytes())
}
