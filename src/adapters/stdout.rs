//! Standard output, written so that a full disk is noticed: a report that nobody can read is not a success.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::thread::sleep;
use std::time::Duration;

/// How long a reader may take who reads nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried meanwhile.
const LOOK: Duration = Duration::from_millis(10);

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
    let (mut rest, mut waited) = (text.as_bytes(), Duration::ZERO);
    while !rest.is_empty() {
        match copy.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => (rest, waited) = (&rest[written..], Duration::ZERO),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever gave the descriptor may have made it one that does not wait for its reader.
            Err(error) if error.kind() == ErrorKind::WouldBlock && waited < PATIENCE => {
                sleep(LOOK);
                waited += LOOK;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
