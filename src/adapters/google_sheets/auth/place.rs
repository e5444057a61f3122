//! Where credentials are looked for, in the order of all Google clients: the configuration, `GOOGLE_APPLICATION_CREDENTIALS`,
//! gcloud's own file, the metadata server.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The variable that names a credentials file where the config names none.
pub(super) const KEY_FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The variable that names the directory of gcloud, and where it is under the home directory otherwise.
const GCLOUD_VARIABLE: &str = "CLOUDSDK_CONFIG";
const GCLOUD_DIRECTORY: &str = ".config/gcloud";
const GCLOUD_FILE: &str = "application_default_credentials.json";

/// The host of the metadata server, and the variable that overrides it.
const METADATA_HOST: &str = "metadata.google.internal";
pub(super) const METADATA_HOST_VARIABLE: &str = "GCE_METADATA_HOST";

/// Where credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file, and the setting or variable that names it.
    File(PathBuf, &'static str),
    /// The metadata server on a host.
    Machine(String),
}

impl Place {
    /// Where they are, given the file that the configuration names. gcloud's file counts only if it is there.
    pub(crate) fn find(configured: Option<&Path>) -> Self {
        Self::of(configured, |name| std::env::var_os(name))
    }

    fn of(configured: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        if let Some(path) = configured {
            return Self::File(path.to_owned(), "sheets.credentials_file");
        }
        if let Some(path) = set(&variable, KEY_FILE_VARIABLE) {
            return Self::File(path.into(), KEY_FILE_VARIABLE);
        }
        match gcloud(&variable) {
            // A file that cannot be looked at is told rather than passed over.
            Some((path, named)) if !path.try_exists().is_ok_and(|there| !there) => Self::File(path, named),
            _ => {
                let host = set(&variable, METADATA_HOST_VARIABLE).and_then(|host| host.into_string().ok());
                Self::Machine(host.unwrap_or_else(|| METADATA_HOST.to_owned()))
            }
        }
    }
}

/// The file that gcloud keeps default credentials in, whether it is there or not.
pub(crate) fn gcloud_file() -> Option<PathBuf> {
    gcloud(&|name: &str| std::env::var_os(name)).map(|(path, _)| path)
}

/// Whether the file must be kept from others. One of a federation holds no secret unless its client logs in: it only says where
/// to get a token, and is often mounted for everybody to read.
pub(crate) fn holds_secret(path: &Path) -> bool {
    let text = std::fs::read(path).unwrap_or_default();
    let file: Value = serde_json::from_slice(&text).unwrap_or_default();
    file["type"] != "external_account"
        || !file["client_secret"].is_null()
        || !file["credential_source"]["headers"].is_null()
}

fn gcloud(variable: &impl Fn(&str) -> Option<OsString>) -> Option<(PathBuf, &'static str)> {
    if let Some(directory) = set(variable, GCLOUD_VARIABLE) {
        return Some((Path::new(&directory).join(GCLOUD_FILE), GCLOUD_VARIABLE));
    }
    let home = set(variable, "HOME")?;
    Some((Path::new(&home).join(GCLOUD_DIRECTORY).join(GCLOUD_FILE), "gcloud"))
}

fn set(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<OsString> {
    variable(name).filter(|value| !value.is_empty())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "{}", path.display()),
            Self::Machine(host) => write!(f, "the metadata server {host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_in_the_order_of_all_google_clients() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let gcloud = home.join(GCLOUD_DIRECTORY);
        std::fs::create_dir_all(&gcloud).unwrap();
        let mut set: Vec<(&str, OsString)> = vec![("HOME", home.into()), (KEY_FILE_VARIABLE, "".into())];
        let find = |set: &[(&str, OsString)], configured: Option<&Path>| {
            Place::of(configured, |name| {
                let found = set.iter().rev().find(|(key, _)| *key == name);
                found.map(|(_, value)| value.clone())
            })
        };
        assert_eq!(find(&set, None), Place::Machine(METADATA_HOST.into()));
        set.push((METADATA_HOST_VARIABLE, "127.0.0.1:1".into()));
        assert_eq!(find(&set, None), Place::Machine("127.0.0.1:1".into()));
        std::fs::write(gcloud.join(GCLOUD_FILE), "{}").unwrap();
        assert_eq!(find(&set, None), Place::File(gcloud.join(GCLOUD_FILE), "gcloud"));
        let other = dir.path().join("other");
        set.push((GCLOUD_VARIABLE, other.clone().into()));
        assert_eq!(find(&set, None), Place::Machine("127.0.0.1:1".into()), "not there");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join(GCLOUD_FILE), "{}").unwrap();
        assert_eq!(find(&set, None), Place::File(other.join(GCLOUD_FILE), GCLOUD_VARIABLE));
        set.push((KEY_FILE_VARIABLE, "/named.json".into()));
        assert_eq!(find(&set, None), Place::File("/named.json".into(), KEY_FILE_VARIABLE));
        let configured = find(&set, Some(Path::new("/key.json")));
        assert_eq!(configured, Place::File("/key.json".into(), "sheets.credentials_file"));
    }
}
