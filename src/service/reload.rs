//! The configuration and the credentials, read again when their files change.
//!
//! Files are compared by content: a Kubernetes Secret changes its link, an editor its inode, and `touch` means nothing. Files
//! that cannot be used are reported, and the clients in use stay.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::adapters::files;
use crate::adapters::google_sheets::auth::place::gcloud_file;
use crate::clients::{Clients, StaticCredentials, connect_after};
use crate::config::Config;
use crate::refusal::Refusal;

/// Files that the clients read once, besides those that the configuration names, as in all AWS and Google clients: the
/// variable that names each, and where it is under the home directory when the variable does not.
const CREDENTIALS: [(&str, Option<&str>); 3] = [
    ("GOOGLE_APPLICATION_CREDENTIALS", None),
    ("AWS_SHARED_CREDENTIALS_FILE", Some(".aws/credentials")),
    ("AWS_CONFIG_FILE", Some(".aws/config")),
];

/// What the clients are made from.
#[derive(Clone, Debug)]
pub struct ConfigFiles {
    /// The configuration file.
    pub path: PathBuf,
    /// The `FLEETSHEET_…` variables.
    pub environment: BTreeMap<String, String>,
    /// Keys of an embedded sandbox. A sandbox ends with the process, so nothing is read again then.
    pub sandbox: StaticCredentials,
}

/// Hashes of what the files held. Nothing can be read back from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<PathBuf, Option<u64>>);

impl Fingerprint {
    fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let hash = |path: &Path| {
            let bytes = files::read(path).ok()?;
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            Some(hasher.finish())
        };
        Self(paths.into_iter().map(|path| (path.to_owned(), hash(path))).collect())
    }
}

/// Clients, and what the files held when they were made.
#[derive(Clone)]
pub struct Loaded {
    /// The clients.
    pub clients: Arc<Clients>,
    fingerprint: Fingerprint,
}

/// What came of looking for changes.
pub enum Reload {
    /// The files are as they were.
    Same,
    /// Clients were made from them.
    New(Loaded),
    /// No clients can be made from them.
    Bad(Refusal),
}

impl ConfigFiles {
    /// Makes clients from a configuration that was read before.
    ///
    /// # Errors
    /// When settings or credentials cannot work.
    pub async fn first(&self, config: Config) -> Result<Loaded, Refusal> {
        // Taken first: a change meanwhile is noticed the next time.
        let fingerprint = Fingerprint::of(self.files(Some(&config)).iter().map(PathBuf::as_path));
        let clients = connect_after(None, config, self.sandbox.clone()).await?;
        Ok(Loaded {
            clients: Arc::new(clients),
            fingerprint,
        })
    }

    /// Makes clients if the files changed, if there are no clients yet, or if it `must`.
    pub async fn reload(&self, current: Option<&Loaded>, must: bool) -> Reload {
        if self.sandbox.is_some() && current.is_some() {
            return if must { Reload::Bad(fixed()) } else { Reload::Same };
        }
        if !must && current.is_some_and(|loaded| !self.changed(loaded)) {
            return Reload::Same;
        }
        match self.load(current).await {
            Ok(loaded) => Reload::New(loaded),
            Err(refusal) => Reload::Bad(refusal),
        }
    }

    fn changed(&self, loaded: &Loaded) -> bool {
        let files = self.files(Some(&loaded.clients.config));
        loaded.fingerprint != Fingerprint::of(files.iter().map(PathBuf::as_path))
    }

    async fn load(&self, current: Option<&Loaded>) -> Result<Loaded, Refusal> {
        let Fingerprint(before) = Fingerprint::of([&*self.path]);
        let config = Config::load(&self.path, &self.environment).map_err(Refusal::config)?;
        if config.sandbox.is_some() {
            return Err(Refusal::config("[sandbox] was added; restart the service to use it"));
        }
        let Fingerprint(mut files) = Fingerprint::of(self.files(Some(&config)).iter().map(PathBuf::as_path));
        files.extend(before);
        let clients = connect_after(current.map(|loaded| &*loaded.clients), config, None).await?;
        Ok(Loaded {
            clients: Arc::new(clients),
            fingerprint: Fingerprint(files),
        })
    }

    fn files(&self, config: Option<&Config>) -> Vec<PathBuf> {
        let mut files = vec![self.path.clone()];
        files.extend(config.and_then(|config| config.sheets.credentials_file.clone()));
        files.extend(config.and_then(|config| config.prometheus.ca_file.clone()));
        files.extend(gcloud_file());
        for (variable, at_home) in CREDENTIALS {
            let named = std::env::var_os(variable)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from);
            let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(at_home?));
            files.extend(named.or_else(home));
        }
        files
    }
}

fn fixed() -> Refusal {
    Refusal::config("a service with a [sandbox] reads its configuration once; restart it")
}
