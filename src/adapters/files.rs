//! Files that are not the state store's: reads them, tells who may read them, makes directories.
//!
//! Whatever else needs a file comes here, so that one look shows what the program touches.

mod daily;
mod private_dir;
mod trial;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::{fs, io};

use crate::text::{plain, short};

pub use daily::DailyFile;
pub use private_dir::PrivateDir;
pub use trial::can_make_files_in;

/// Who may do what with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The nine bits of `rwxrwxrwx`.
    pub mode: u32,
    /// Whether the file belongs to the user that this process runs as.
    pub own: bool,
    /// Whether it is a directory, which no mode makes a file.
    pub directory: bool,
}

/// Tells who may do what with a file; links are followed.
///
/// # Errors
/// When it is not there or its permissions cannot be read.
pub fn permissions(path: &Path) -> io::Result<Permissions> {
    let metadata = fs::metadata(path)?;
    // The kernel gives a process's own entry to the user it runs as; without /proc the stricter reading holds.
    let own = fs::metadata("/proc/self").map_or(true, |own| own.uid() == metadata.uid());
    Ok(Permissions {
        mode: metadata.permissions().mode() & 0o777,
        own,
        directory: metadata.is_dir(),
    })
}

/// Which file it is, whatever its name: its device and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

/// Tells which file a name leads to.
///
/// # Errors
/// When it leads to none.
pub fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    Ok(Identity(metadata.dev(), metadata.ino()))
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Reads a file as UTF-8.
///
/// # Errors
/// When it cannot be read or is not text.
pub fn read_text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Makes a directory, and those above it, unless it is there.
///
/// # Errors
/// When one of them cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The name of this machine, for people: as the kernel has it, else `HOSTNAME`.
#[must_use]
pub fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.map_or_else(|_| "this machine".into(), |name| name.trim().to_owned())
}

/// Who runs this program, for people: the login, and the machine. Whoever used `sudo` is named, not root.
#[must_use]
pub fn login() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let user = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(variable);
    let user = user.unwrap_or_else(|| match fs::metadata("/proc/self") {
        Ok(own) => format!("user {}", own.uid()),
        Err(_) => "an unknown user".to_owned(),
    });
    plain(&short(&format!("{}@{}", user.trim(), host_name()), LOGIN_MAX))
}

/// Longest login that is shown, in characters.
const LOGIN_MAX: usize = 100;

/// The names that this machine keeps of machines; empty if there is no such file.
#[must_use]
pub fn hosts() -> String {
    fs::read_to_string("/etc/hosts").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_of_what_a_link_leads_to_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("key"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let expected = Permissions {
            mode: 0o640,
            own: true,
            directory: false,
        };
        assert_eq!(permissions(&link).unwrap(), expected);
    }
}
