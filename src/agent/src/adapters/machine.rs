//! The machine: users, clock, lock, variables and secrets of its own.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::{FlockOperation, flock};

/// The time.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: all else takes the time as an argument"
)]
pub fn now() -> DateTime<Utc> {
    let at = Utc::now();
    told("CLOCK").map_or(at, |seconds| at + TimeDelta::seconds(seconds))
}

/// A number that a test tells a debug build, as that the clock is wrong.
#[must_use]
pub fn told(name: &str) -> Option<i64> {
    if !cfg!(debug_assertions) {
        return None;
    }
    std::env::var(format!("FLEETSHEET_AGENT_TEST_{name}"))
        .ok()?
        .parse()
        .ok()
}

/// Users and groups by number and name.
#[derive(Clone, Debug, Default)]
pub struct Users {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
    main: BTreeMap<String, u32>,
}

impl Users {
    /// Reads them.
    #[must_use]
    pub fn read() -> Self {
        let mut users = Self::default();
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        for line in read("/etc/passwd").lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, uid, gid, ..] = fields[..]
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
            {
                users.users.entry(name.to_owned()).or_insert(uid);
                users.main.entry(name.to_owned()).or_insert(gid);
            }
        }
        for line in read("/etc/group").lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, gid, ..] = fields[..]
                && let Ok(gid) = gid.parse()
            {
                users.groups.entry(name.to_owned()).or_insert(gid);
            }
        }
        users
    }

    /// The name of a user, else the number.
    #[must_use]
    pub fn user(&self, uid: u32) -> String {
        name(&self.users, uid)
    }

    /// The name of a group, else the number.
    #[must_use]
    pub fn group(&self, gid: u32) -> String {
        name(&self.groups, gid)
    }

    /// The number of a user.
    #[must_use]
    pub fn uid(&self, user: &str) -> Option<u32> {
        self.users.get(user).copied().or_else(|| user.parse().ok())
    }

    /// The number of a group.
    #[must_use]
    pub fn gid(&self, group: &str) -> Option<u32> {
        self.groups.get(group).copied().or_else(|| group.parse().ok())
    }

    /// User and main group.
    #[must_use]
    pub fn both(&self, user: &str) -> Option<(u32, u32)> {
        Some((*self.users.get(user)?, *self.main.get(user)?))
    }
}

fn name(names: &BTreeMap<String, u32>, number: u32) -> String {
    names
        .iter()
        .find(|(_, known)| **known == number)
        .map_or_else(|| number.to_string(), |(name, _)| name.clone())
}

/// The lock of all runs, held until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

/// Takes the lock; else says who holds it.
///
/// # Errors
/// It is held, or cannot be had.
pub fn lock(path: &Path) -> io::Result<Result<Lock, String>> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        return Ok(Err(crate::problem::plain(holder.trim())));
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "pid {}", std::process::id())?;
    Ok(Ok(Lock(file)))
}

/// The files of a folder that are meant, with what is in them, by name.
///
/// # Errors
/// One cannot be read.
pub fn folder(dir: &Path, ending: &str) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) && !name.starts_with('.') && entry.path().is_file() {
            found.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}

/// The values of `os-release`, and the architecture, for templates.
#[must_use]
pub fn codename() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    value.unwrap_or_default().trim_matches('"').to_owned()
}

/// 32 bytes that nobody can guess.
///
/// # Errors
/// There are none.
pub fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The names of files at the top of a folder.
///
/// # Errors
/// It cannot be read.
pub fn names(dir: &Path, ending: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) && !name.starts_with('.') && entry.path().is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

static TERMINATED: std::sync::OnceLock<std::sync::Arc<std::sync::atomic::AtomicBool>> = std::sync::OnceLock::new();

/// Whether the service was told to end. A run by hand ends at once when it is, which it survives as well.
#[must_use]
pub fn is_terminated() -> bool {
    let flag = TERMINATED.get();
    flag.is_some_and(|flag| flag.load(std::sync::atomic::Ordering::Relaxed))
}

/// Listens for SIGTERM and SIGINT.
pub fn listen() {
    let flag = TERMINATED.get_or_init(std::sync::Arc::default);
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        let _ = signal_hook::flag::register(signal, std::sync::Arc::clone(flag));
    }
}

/// Whether the file of this program was replaced since it began, as by its own package.
#[must_use]
pub fn is_replaced() -> bool {
    let exe = fs::read_link("/proc/self/exe").unwrap_or_default();
    exe.to_string_lossy().ends_with(" (deleted)")
}

/// Where the service says when its next run is: in memory, since it says so after each.
const NEXT: &str = "/run/fleetsheet-agent.next";

/// Says when the service's next run is.
pub fn say_next(at: DateTime<Utc>) {
    let _ = fs::write(NEXT, at.to_rfc3339());
}

/// When the service's next run is, where it said so and that is to come.
#[must_use]
pub fn next() -> Option<DateTime<Utc>> {
    let text = fs::read_to_string(NEXT).ok()?;
    text.parse().ok().filter(|at| *at >= now())
}
