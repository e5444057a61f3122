//! The configuration and the credentials, read again when their files change.
//!
//! Files are compared by content: a Kubernetes Secret changes its link, an editor its inode, and `touch` means nothing. What is
//! bad is said, and the parts in use stay.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::commands::{Parts, Refusal, StaticCredentials, connect_after};
use crate::config::Config;

/// Files that the clients read once, besides those that the configuration names, as in all AWS and Google clients: the
/// variable that names each, and where it is under the home directory when the variable does not.
const CREDENTIALS: [(&str, Option<&str>); 3] = [
    ("GOOGLE_APPLICATION_CREDENTIALS", None),
    ("AWS_SHARED_CREDENTIALS_FILE", Some(".aws/credentials")),
    ("AWS_CONFIG_FILE", Some(".aws/config")),
];

/// Where the parts come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The configuration file.
    pub path: PathBuf,
    /// The `FLEETSHEET_…` variables.
    pub environment: BTreeMap<String, String>,
    /// Keys of an embedded sandbox. It ends with the process, so nothing is read again then.
    pub sandbox: StaticCredentials,
}

/// What the files held, told apart by content; nothing can be read back from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Print(BTreeMap<PathBuf, Option<u64>>);

impl Print {
    fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let look = |path: &Path| {
            let bytes = std::fs::read(path).ok()?;
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            Some(hasher.finish())
        };
        Self(paths.into_iter().map(|path| (path.to_owned(), look(path))).collect())
    }
}

/// Parts, and what the files held when they were made.
#[derive(Clone)]
pub struct Loaded {
    /// The parts.
    pub parts: Arc<Parts>,
    print: Print,
}

/// What became of looking at the files.
pub enum Look {
    /// They are as they were.
    Same,
    /// Parts were made from them.
    New(Loaded),
    /// No parts can be made from them.
    Bad(Refusal),
}

impl Source {
    /// Makes parts from a configuration that was read before.
    ///
    /// # Errors
    /// When settings or credentials cannot work.
    pub async fn first(&self, config: Config) -> Result<Loaded, Refusal> {
        // Taken first: what changes meanwhile is seen the next time.
        let print = Print::of(self.files(Some(&config)).iter().map(PathBuf::as_path));
        let parts = connect_after(None, config, self.sandbox.clone()).await?;
        Ok(Loaded {
            parts: Arc::new(parts),
            print,
        })
    }

    /// Looks at the files, and makes parts if they changed, if there are none yet, or if it `must`.
    pub async fn look(&self, current: Option<&Loaded>, must: bool) -> Look {
        if self.sandbox.is_some() && current.is_some() {
            return if must { Look::Bad(fixed()) } else { Look::Same };
        }
        let config = current.map(|loaded| &loaded.parts.config);
        let same =
            current.is_some_and(|loaded| loaded.print == Print::of(self.files(config).iter().map(PathBuf::as_path)));
        if same && !must {
            return Look::Same;
        }
        match self.load(current).await {
            Ok(loaded) => Look::New(loaded),
            Err(refusal) => Look::Bad(refusal),
        }
    }

    async fn load(&self, current: Option<&Loaded>) -> Result<Loaded, Refusal> {
        let Print(before) = Print::of([&*self.path]);
        let config = Config::load(&self.path, &self.environment).map_err(Refusal::config)?;
        if config.sandbox.is_some() {
            return Err(Refusal::config(
                "[sandbox] is new in it, which a running service cannot go over to; restart it",
            ));
        }
        let Print(mut print) = Print::of(self.files(Some(&config)).iter().map(PathBuf::as_path));
        print.extend(before);
        let parts = connect_after(current.map(|loaded| &*loaded.parts), config, None).await?;
        Ok(Loaded {
            parts: Arc::new(parts),
            print: Print(print),
        })
    }

    fn files(&self, config: Option<&Config>) -> Vec<PathBuf> {
        let mut files = vec![self.path.clone()];
        files.extend(config.and_then(|config| config.sheets.credentials_file.clone()));
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
