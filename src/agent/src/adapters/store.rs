//! The agent's own folder: `state.json`, `desired/`, `snapshots/`, `originals/`, `journal.jsonl`, `history.jsonl`, `drift/`.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::adapters::disk::{durable, replace};
use crate::digest::sha256;
use crate::memory::Memory;

/// The folder.
#[derive(Clone, Debug)]
pub struct Store {
    /// Where it is.
    pub dir: PathBuf,
}

#[derive(Serialize, serde::Deserialize)]
struct Sealed {
    sum: String,
    memory: serde_json::Value,
}

const FOLDERS: [&str; 6] = ["desired", "snapshots", "originals", "debs", "drift", "log"];

impl Store {
    /// Opens it, and makes what is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir)?;
        for name in FOLDERS {
            builder.create(dir.join(name))?;
        }
        // apt fetches as a user of its own where it can; here it is root's folder, and it says nothing about it.
        builder.create(dir.join("debs/partial"))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The memory; what is torn, lost or of another server counts as none, and says so.
    #[must_use]
    pub fn memory(&self, instance: &str) -> Memory {
        let lost = |why: &str| Memory {
            lost: Some(why.to_owned()),
            instance: instance.to_owned(),
            ..Memory::default()
        };
        let text = match fs::read(self.dir.join("state.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let fresh = !self.dir.join("desired/good.json").exists();
                return if fresh {
                    Memory { lost: None, ..lost("") }
                } else {
                    lost("state.json is gone")
                };
            }
            Err(_) => return lost("state.json cannot be read"),
        };
        let read = serde_json::from_slice::<Sealed>(&text).ok();
        let memory = read.filter(|sealed| sha256(sealed.memory.to_string().as_bytes()) == sealed.sum);
        let memory = memory.and_then(|sealed| serde_json::from_value::<Memory>(sealed.memory).ok());
        match memory {
            None => lost("state.json is torn"),
            Some(memory) if !instance.is_empty() && !memory.instance.is_empty() && memory.instance != instance => {
                lost("state.json is of another server")
            }
            Some(memory) => memory,
        }
    }

    /// Replaces the memory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn remember(&self, memory: &Memory) -> io::Result<()> {
        let memory = serde_json::to_value(memory)?;
        let sealed = Sealed {
            sum: sha256(memory.to_string().as_bytes()),
            memory,
        };
        replace(&self.dir.join("state.json"), &serde_json::to_vec(&sealed)?, 0o600)
    }

    /// Writes a value under a name.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        replace(&self.dir.join(name), &serde_json::to_vec(value)?, 0o600)
    }

    /// The value of a name.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.dir.join(name)).ok()?).ok()
    }

    /// Whether there is something of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.dir.join(name).exists()
    }

    /// Renames, which takes effect at once or not at all.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        durable();
        fs::rename(self.dir.join(from), self.dir.join(to))
    }

    /// Adds a line to a journal.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append<T: Serialize>(&self, name: &str, value: &T, sync: bool) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.dir.join(name))?;
        file.write_all(&line)?;
        if sync { file.sync_data() } else { Ok(()) }
    }

    /// The last lines of a journal; one that is torn is left out.
    #[must_use]
    pub fn lines(&self, name: &str, most: usize) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(most);
        lines[from..]
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Cuts a journal that has grown long down to its newer half.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn cut(&self, name: &str, longest: u64) -> io::Result<()> {
        let path = self.dir.join(name);
        if fs::metadata(&path).map_or(0, |meta| meta.len()) <= longest {
            return Ok(());
        }
        let text = fs::read_to_string(&path)?;
        let half = text.len() / 2;
        let from = text
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| *at >= half && text.as_bytes()[at - 1] == b'\n');
        replace(&path, &text.as_bytes()[from.unwrap_or(0)..], 0o600)
    }

    /// Lets lines of a journal go that are older, by the time under their key.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn thin(&self, name: &str, key: &str, oldest: DateTime<Utc>) -> io::Result<()> {
        let path = self.dir.join(name);
        let Ok(file) = fs::File::open(&path) else {
            return Ok(());
        };
        let oldest = oldest.format("%Y-%m-%dT%H:%M:%S").to_string();
        let is_old = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            value[key].as_str().is_some_and(|at| at < oldest.as_str())
        };
        let mut first = String::new();
        io::BufReader::new(file).read_line(&mut first)?;
        if !is_old(&first) {
            return Ok(());
        }
        let text = fs::read_to_string(&path)?;
        let newer: String = text.split_inclusive('\n').skip_while(|line| is_old(line)).collect();
        replace(&path, newer.as_bytes(), 0o600)
    }

    /// Lets files of a folder go that are older, by the time that their names begin with.
    pub fn thin_folder(&self, folder: &str, oldest: DateTime<Utc>) {
        let oldest = oldest.format("%Y%m%dT%H%M%S").to_string();
        for entry in fs::read_dir(self.dir.join(folder)).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().as_ref() < oldest.as_str() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Keeps the newest of a folder's files, and those that are named.
    pub fn keep(&self, folder: &str, newest: usize, named: &[&str]) {
        let Ok(entries) = fs::read_dir(self.dir.join(folder)) else {
            return;
        };
        let mut files: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.path())
            .collect();
        files.sort();
        let old = files.len().saturating_sub(newest);
        for file in &files[..old] {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if !named.iter().any(|kept| name.starts_with(kept)) {
                let _ = fs::remove_file(file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_is_kept_goes_and_the_rest_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for day in 1..=4 {
            let line = serde_json::json!({"run": format!("2026-11-0{day}T12:00:00.5Z"), "n": day});
            store.append("history.jsonl", &line, false).unwrap();
            store
                .put(&format!("drift/2026110{day}T120000500Z-ab.json"), &day)
                .unwrap();
        }
        let days = |text: &str| text.matches("\"n\"").count();
        let read = || fs::read_to_string(dir.path().join("history.jsonl")).unwrap();
        let drift = || fs::read_dir(dir.path().join("drift")).unwrap().count();
        for (oldest, left) in [
            ("2026-11-01T12:00:00Z", 4),
            ("2026-11-02T12:00:01Z", 2),
            ("2026-12-01T00:00:00Z", 0),
        ] {
            let oldest = oldest.parse().unwrap();
            store.thin("history.jsonl", "run", oldest).unwrap();
            store.thin_folder("drift", oldest);
            assert_eq!((days(&read()), drift()), (left, left), "{oldest}");
        }
        store
            .thin("journal.jsonl", "at", "2026-12-01T00:00:00Z".parse().unwrap())
            .unwrap();
        assert!(!store.has("journal.jsonl"));
    }
}
