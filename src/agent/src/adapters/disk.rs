//! Files: what is at a path, and putting something there so that it is whole at any moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;

use crate::adapters::machine::Users;
use crate::digest::sha256;
use crate::facts::{FileFact, FileKind};
use crate::release::Saved;

/// A step that a crash may come before. Debug builds end here when a test asks for it.
pub fn durable() {
    #[cfg(debug_assertions)]
    {
        use std::sync::atomic::{AtomicU64, Ordering};
        static STEPS: AtomicU64 = AtomicU64::new(0);
        let step = STEPS.fetch_add(1, Ordering::SeqCst);
        let at = std::env::var("FLEETSHEET_AGENT_ABORT_AT")
            .ok()
            .and_then(|at| at.parse().ok());
        if at == Some(step) {
            std::process::abort();
        }
    }
}

/// What is at a path. A link is not followed.
///
/// # Errors
/// It cannot be read.
pub fn fact(path: &Path, users: &Users) -> io::Result<FileFact> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(FileFact::default());
        }
        Err(error) => return Err(error),
    };
    let kind = match meta.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    };
    Ok(FileFact {
        kind,
        digest: if kind == FileKind::File {
            sha256(&fs::read(path)?)
        } else {
            String::new()
        },
        target: if kind == FileKind::Link {
            fs::read_link(path)?.to_string_lossy().into_owned()
        } else {
            String::new()
        },
        owner: users.user(meta.uid()),
        group: users.group(meta.gid()),
        mode: meta.mode() & 0o7777,
    })
}

/// What is at a path, with what is in it.
///
/// # Errors
/// It cannot be read.
pub fn save(path: &Path, users: &Users) -> io::Result<Saved> {
    let fact = fact(path, users)?;
    let content = if fact.kind == FileKind::File {
        fs::read(path)?
    } else {
        Vec::new()
    };
    Ok(Saved {
        fact,
        content: base64::prelude::BASE64_STANDARD.encode(content),
        sensitive: false,
    })
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("{}: {why}", path.display()))
}

/// Parents must be root's and nobody else's to write, or somebody else decides what is written where.
///
/// # Errors
/// One is not.
pub fn check_parents(path: &Path) -> io::Result<()> {
    for parent in path.ancestors().skip(1) {
        let meta = match fs::symlink_metadata(parent) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if meta.file_type().is_symlink() {
            // A link of the system itself, as /bin is, is root's; it leads where root wants.
            if meta.uid() != 0 {
                return Err(refused(parent, "a link that is not root's"));
            }
            check_parents(&fs::canonicalize(parent)?.join("x"))?;
        } else if meta.uid() != 0 || meta.mode() & 0o022 != 0 {
            return Err(refused(parent, "others than root may write there; take that from them"));
        }
    }
    Ok(())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".fleetsheet-agent");
    path.with_file_name(name)
}

/// Puts something at a path, or takes it away.
///
/// # Errors
/// It cannot be, and nothing is changed.
pub fn put(path: &Path, saved: &Saved, users: &Users) -> io::Result<()> {
    check_parents(path)?;
    durable();
    let now = fs::symlink_metadata(path).ok();
    if now.as_ref().is_some_and(fs::Metadata::is_dir) && saved.fact.kind != FileKind::Directory {
        // Only an empty one goes: what is in it is not ours.
        fs::remove_dir(path)?;
    }
    match saved.fact.kind {
        FileKind::Absent => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => return Ok(()),
            Ok(()) => {}
        },
        FileKind::Directory => {
            if !now.as_ref().is_some_and(fs::Metadata::is_dir) {
                fs::create_dir_all(path)?;
            }
            own(path, saved, users)?;
            fs::set_permissions(path, fs::Permissions::from_mode(saved.fact.mode))?;
        }
        FileKind::File | FileKind::Link => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let beside = beside(path);
            let _ = fs::remove_file(&beside);
            if saved.fact.kind == FileKind::Link {
                std::os::unix::fs::symlink(&saved.fact.target, &beside)?;
                own(&beside, saved, users)?;
            } else {
                write_beside(path, &beside, saved, users)?;
            }
            durable();
            fs::rename(&beside, path)?;
        }
        FileKind::Other => return Err(refused(path, "neither file, folder nor link; it is left as it is")),
    }
    sync_folder(path)
}

fn own(path: &Path, saved: &Saved, users: &Users) -> io::Result<()> {
    let unknown = |what: &str| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("no user or group {what} on this server"),
        )
    };
    let uid = users.uid(&saved.fact.owner).ok_or_else(|| unknown(&saved.fact.owner))?;
    let gid = users.gid(&saved.fact.group).ok_or_else(|| unknown(&saved.fact.group))?;
    std::os::unix::fs::lchown(path, Some(uid), Some(gid))
}

fn write_beside(path: &Path, beside: &Path, saved: &Saved, users: &Users) -> io::Result<()> {
    let content = base64::prelude::BASE64_STANDARD
        .decode(&saved.content)
        .map_err(io::Error::other)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(beside)?;
    file.write_all(&content)?;
    own(beside, saved, users)?;
    file.set_permissions(fs::Permissions::from_mode(saved.fact.mode))?;
    // Labels and lists of access stay; a disk that has none says so.
    for name in ["security.selinux", "system.posix_acl_access"] {
        let mut value = vec![0_u8; 4096];
        if let Ok(length) = rustix::fs::lgetxattr(path, name, value.as_mut_slice()) {
            let _ = rustix::fs::fsetxattr(&file, name, &value[..length.min(4096)], rustix::fs::XattrFlags::empty());
        }
    }
    file.sync_all()
}

/// Writes a file of the agent's own, readable by root only, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    durable();
    let beside = beside(path);
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    durable();
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Takes a file of the agent's own away.
///
/// # Errors
/// It cannot be.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// A file of a working copy; `None` where there is none of that name.
///
/// # Errors
/// It is no text.
pub fn text(path: &Path) -> Result<Option<String>, String> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| "is not UTF-8 text".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Bytes and inodes that are free where a path is. A disk that counts no inodes has enough of them.
///
/// # Errors
/// It does not say.
pub fn free(path: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(path)?;
    let inodes = if stat.f_files == 0 { u64::MAX } else { stat.f_favail };
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), inodes))
}

/// The highest resident memory of this process in bytes, and the seconds of CPU since this was asked last.
#[must_use]
pub fn usage() -> (u64, f64) {
    use std::sync::Mutex;
    static LAST: Mutex<f64> = Mutex::new(0.0);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = [11, 12]
        .iter()
        .filter_map(|n| fields.get(*n)?.parse::<f64>().ok())
        .sum();
    // Linux counts in hundredths for everybody who asks here.
    let seconds = ticks / 100.0;
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let since = seconds - *last;
    *last = seconds;
    (peak, since)
}

/// Whether a file is root's and nobody else's to write; one that is not there is.
///
/// # Errors
/// It is not, and the fix.
pub fn is_roots(path: &Path) -> Result<(), String> {
    let Ok(meta) = fs::metadata(path) else { return Ok(()) };
    if meta.uid() != 0 || meta.mode() & 0o022 != 0 {
        return Err("others than root may write it; chown root and chmod go-w".into());
    }
    Ok(())
}
