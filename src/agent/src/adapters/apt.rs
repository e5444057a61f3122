//! apt: what a transaction would do, its archives, and doing it in a unit of its own that outlives the agent.

mod said;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::action::Transaction;
use crate::adapters::disk::durable;
use crate::adapters::exec::{Ended, Program};
use crate::adapters::{dpkg, systemd};
pub use said::{Resolved, parse};
use said::{bytes, why};

/// Begins what is said where the transaction was never begun, so that the release is not at fault.
pub const NOT_BEGUN: &str = "apt did not begin";
const UNIT: &str = "fleetsheet-agent-apt.service";
const LOCKS: [&str; 3] = [
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
];

/// apt with the agent's own folder of archives.
#[derive(Clone, Debug)]
pub struct Apt {
    /// Archives that are kept.
    pub debs: PathBuf,
    /// Where it writes what it does.
    pub log: PathBuf,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long a lock is waited for.
    pub lock: Duration,
}

/// Archives that were fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// What the transaction would do.
    pub resolved: Resolved,
    /// Bytes that it takes, as apt says.
    pub bytes: u64,
}

fn file_of(name: &str, version: &str) -> String {
    format!("{name}_{}_", version.replace(':', "%3a"))
}

impl Apt {
    fn words(&self, transaction: &Transaction) -> Vec<String> {
        let install = transaction.install.iter().map(|(name, version)| match version {
            // What is kept is taken from there: its source may have gone, or have newer versions only.
            Some(version) => {
                let kept = self.kept(name, version).map(|path| path.to_string_lossy().into_owned());
                kept.unwrap_or_else(|| format!("{name}={version}"))
            }
            None => name.clone(),
        });
        install
            .chain(transaction.remove.iter().map(|name| format!("{name}-")))
            .collect()
    }

    fn options(&self, transaction: &Transaction) -> Vec<String> {
        let mut options: Vec<String> = ["-q", "-y", "--no-show-upgraded"]
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut set = |option: String| options.extend(["-o".to_owned(), option]);
        set("Dpkg::Options::=--force-confdef".into());
        set("Dpkg::Options::=--force-confold".into());
        set("Dpkg::Use-Pty=0".into());
        set(format!("Dir::Cache::archives={}/", self.debs.display()));
        set("APT::Sandbox::User=root".into());
        set(format!("DPkg::Lock::Timeout={}", self.lock.as_secs()));
        if transaction.remove.is_empty() {
            options.push("--no-remove".into());
        }
        if transaction.downgrade {
            options.push("--allow-downgrades".into());
        }
        if transaction.back {
            options.push("--purge".into());
        }
        if !transaction.unhold.is_empty() || !transaction.hold.is_empty() {
            options.push("--allow-change-held-packages".into());
        }
        options
    }

    fn call(&self, options: &[String], words: Vec<String>) -> Ended {
        let arguments = options.iter().cloned().chain(["install".to_owned()]).chain(words);
        Program::new("apt-get", arguments, self.timeout).run()
    }

    /// What a transaction would do. Changes nothing.
    ///
    /// # Errors
    /// apt cannot do it, and why.
    pub fn resolve(&self, transaction: &Transaction) -> Result<Resolved, String> {
        let mut options: Vec<String> = self
            .options(transaction)
            .into_iter()
            .filter(|option| option != "--no-remove")
            .collect();
        options.push("-s".into());
        let ended = self.call(&options, self.words(transaction));
        if ended.is_well() {
            Ok(parse(&ended.text()))
        } else {
            Err(why(&ended))
        }
    }

    /// Fetches the archives of a transaction, and gives what it would do.
    ///
    /// # Errors
    /// One cannot be had.
    pub fn fetch(&self, transaction: &Transaction) -> Result<Fetched, String> {
        let resolved = self.resolve(transaction)?;
        let bytes = self.download(transaction)?;
        for (name, version) in &resolved.install {
            // Of a source on this disk apt copies nothing, and then finds nothing with --no-download.
            if !self.keep(name, version) {
                return Err(format!("the archive of {name} {version} cannot be had"));
            }
        }
        Ok(Fetched { resolved, bytes })
    }

    fn download(&self, transaction: &Transaction) -> Result<u64, String> {
        let mut options: Vec<String> = self
            .options(transaction)
            .into_iter()
            .filter(|option| option != "--no-remove")
            .collect();
        options.push("--download-only".into());
        let ended = self.call(&options, self.words(transaction));
        if ended.is_well() {
            Ok(bytes(&ended.text()))
        } else {
            Err(why(&ended))
        }
    }

    /// The kept archive of a version.
    #[must_use]
    pub fn kept(&self, name: &str, version: &str) -> Option<PathBuf> {
        let start = file_of(name, version);
        let files = fs::read_dir(&self.debs).ok()?.flatten();
        files.map(|entry| entry.path()).find(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(&start) && path.extension().is_some_and(|ending| ending == "deb")
        })
    }

    /// Keeps the archive of a version that is installed now. `false` where it can no longer be had.
    #[must_use]
    pub fn keep(&self, name: &str, version: &str) -> bool {
        if self.kept(name, version).is_some() {
            return true;
        }
        let start = file_of(name, version);
        let archives = fs::read_dir("/var/cache/apt/archives").into_iter().flatten().flatten();
        let found = archives.map(|entry| entry.path()).find(|path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .starts_with(&start)
        });
        if let Some(path) = found {
            let to = self.debs.join(path.file_name().unwrap_or_default());
            return fs::copy(path, to).is_ok();
        }
        let what = format!("{name}={version}");
        let arguments = ["-q", "-o", "APT::Sandbox::User=root", "download", &what];
        let _ = Program::new("apt-get", arguments, self.timeout).dir(&self.debs).run();
        self.kept(name, version).is_some()
    }

    /// Fetches the lists. Waits for their lock, which apt itself does not.
    ///
    /// # Errors
    /// They cannot be had.
    pub fn update(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let ended = Program::new("apt-get", ["-q", "update"], self.timeout).run();
            if ended.is_well() {
                return Ok(());
            }
            if !ended.complaint.contains("Could not get lock") || began.elapsed() > self.lock {
                return Err(why(&ended));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Takes apt's locks and gives them back; waits for them.
    ///
    /// # Errors
    /// Somebody else keeps one.
    pub fn try_locks(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let held = LOCKS.iter().find(|path| is_locked(Path::new(path)));
            let Some(held) = held else { return Ok(()) };
            if began.elapsed() > self.lock {
                return Err(format!("another program has held {held} for {}s", self.lock.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Waits for a transaction that an earlier run began.
    ///
    /// # Errors
    /// It does not end.
    pub fn wait(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let fact = systemd::fact(UNIT);
            if !fact.known {
                return Ok(());
            }
            let runs = !matches!(fact.active.as_str(), "inactive" | "failed");
            if !runs && began.elapsed() > Duration::from_millis(500) {
                // It ended, and stays loaded: it failed, or the kernel says nothing of empty groups.
                let _ = fs::remove_file(Path::new("/run/systemd/transient").join(UNIT));
                let second = Duration::from_secs(10);
                let _ = systemd::order(&["reset-failed", "--", UNIT], second);
                let _ = systemd::order(&["daemon-reload"], second);
                return Ok(());
            }
            if began.elapsed() > self.timeout {
                return Err(format!("{UNIT} does not end"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn in_unit(&self, words: Vec<String>) -> Result<(), String> {
        self.wait()?;
        let log = self.log.join("apt.log");
        let append = format!("append:{}", log.display());
        let mut arguments: Vec<String> = ["--wait", "--collect", "--quiet", "--service-type=exec"]
            .into_iter()
            .map(str::to_owned)
            .collect();
        arguments.push(format!("--unit={UNIT}"));
        for property in [
            "StandardInput=null".to_owned(),
            format!("StandardOutput={append}"),
            format!("StandardError={append}"),
            format!("RuntimeMaxSec={}", self.timeout.as_secs()),
        ] {
            arguments.push(format!("--property={property}"));
        }
        for variable in ["LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"] {
            arguments.push(format!("--setenv={variable}"));
        }
        arguments.push("--".into());
        arguments.extend(words);
        let before = fs::metadata(&log).map_or(0, |meta| meta.len());
        durable();
        let ended = Program::new("systemd-run", arguments, self.timeout + Duration::from_secs(30)).run();
        if ended.is_well() {
            return Ok(());
        }
        let text = fs::read(&log).unwrap_or_default();
        let new =
            String::from_utf8_lossy(text.get(usize::try_from(before).unwrap_or(0)..).unwrap_or_default()).into_owned();
        if new.is_empty() && !ended.late {
            return Err(format!("{NOT_BEGUN}: {}", ended.why()));
        }
        Err(why(&Ended {
            complaint: new,
            ..ended
        }))
    }

    /// Does a transaction, from archives that are there.
    ///
    /// # Errors
    /// What apt says. Whether it was done is what dpkg says.
    pub fn act(&self, transaction: &Transaction) -> Result<(), String> {
        self.mark("unhold", &transaction.unhold)?;
        if !transaction.install.is_empty() || !transaction.remove.is_empty() {
            let mut words = vec!["apt-get".to_owned()];
            words.extend(self.options(transaction));
            words.push("--no-download".into());
            words.push("install".into());
            words.extend(self.words(transaction));
            self.in_unit(words)?;
        }
        self.mark("hold", &transaction.hold)?;
        self.mark("manual", &transaction.manual)?;
        self.mark("auto", &transaction.auto)
    }

    fn mark(&self, how: &str, names: &BTreeSet<String>) -> Result<(), String> {
        if names.is_empty() {
            return Ok(());
        }
        let arguments = std::iter::once(how).chain(names.iter().map(String::as_str));
        let ended = Program::new("apt-mark", arguments, self.timeout).run();
        if ended.is_well() {
            Ok(())
        } else {
            Err(format!("apt-mark {}", ended.why()))
        }
    }

    /// Lets dpkg finish what was interrupted; waits for what still runs.
    ///
    /// # Errors
    /// It cannot.
    pub fn repair(&self) -> Result<(), String> {
        self.wait()?;
        dpkg::wait_for_scripts(self.timeout)?;
        self.try_locks()?;
        let words = ["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"];
        self.in_unit(words.into_iter().map(str::to_owned).collect())
    }
}

/// Whether another program holds a lock of a file.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = fs::OpenOptions::new().read(true).write(true).open(path) else {
        return false;
    };
    let tried = rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    tried.is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_the_name_that_apt_gives_it() {
        assert_eq!(file_of("tzdata", "2:1-0"), "tzdata_2%3a1-0_");
    }
}
