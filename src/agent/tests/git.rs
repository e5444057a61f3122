//! Git and ssh-keygen as they are: a signed ref is fetched, and every other one refused.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "booted/repository.rs"]
#[expect(dead_code, reason = "packages are for the tests that boot")]
mod repository;

use fleetsheet_agent::adapters::git::{Failure, Git};
use fleetsheet_agent::config::Source;
use fleetsheet_agent::memory::Memory;
use fleetsheet_agent::prepare::commit;
use repository::Repository;

struct Place {
    dir: tempfile::TempDir,
    repository: Repository,
    source: Source,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("srv")).unwrap();
        let repository = Repository::new(dir.path());
        let source = Source {
            url: format!("file://{}", dir.path().join("srv/cookbooks.git").display()),
            allowed_signers: dir.path().join("etc/fleetsheet-agent/allowed_signers"),
            ..Source::default()
        };
        Self {
            dir,
            repository,
            source,
        }
    }

    fn git(&self) -> Git<'_> {
        Git {
            dir: self.dir.path().join("git"),
            source: &self.source,
        }
    }

    fn commit(&self, version: &str) -> Result<String, Failure> {
        commit(&self.git(), &Memory::default(), version)
    }

    fn refused(&self, version: &str) -> String {
        match self.commit(version) {
            Err(Failure::Refused(why)) => why,
            other => panic!("{version}: {other:?}"),
        }
    }
}

#[test]
fn a_signed_ref_is_fetched_and_its_files_read() {
    let place = Place::new();
    place
        .repository
        .release("1.0.0", &[("web.yaml", "name: Web\n"), ("files/a", "x")]);
    let found = place.commit("1.0.0").unwrap();
    assert_eq!(
        place.git().file(&found, "web.yaml").unwrap().as_deref(),
        Some("name: Web\n")
    );
    assert_eq!(place.git().file(&found, "files/a").unwrap().as_deref(), Some("x"));
    assert_eq!(place.git().file(&found, "other").unwrap(), None);
    assert!(place.git().file(&found, "files").is_err());
    assert!(place.git().file(&found, "../x").is_err());
    assert!(!place.dir.path().join("git/web.yaml").exists());
    assert!(matches!(place.commit("9.9.9"), Err(Failure::Failed(_))));
}

#[test]
fn what_nobody_allowed_signed_is_refused() {
    let mut place = Place::new();
    place.repository.commit(&[("web.yaml", "name: Web\n")]);
    place.repository.tag(&["v1"]);
    assert!(place.refused("1").contains("not a signed tag"));
    place.repository.tag(&["-a", "-m", "x", "v2"]);
    assert!(place.refused("2").contains("not signed by an allowed signer"));
    place.repository.stranger();
    place.repository.release("3", &[]);
    assert!(place.refused("3").contains("not signed by an allowed signer"));
    place.source.allowed_signers = place.dir.path().join("nowhere");
    assert!(place.refused("3").contains("missing"));
}

#[test]
fn a_replayed_tag_a_tag_of_a_tag_and_a_tag_of_a_tree_are_refused() {
    let place = Place::new();
    place.repository.release("1.0.0", &[("web.yaml", "name: Web\n")]);
    // The signed object under another name verifies, for Git.
    place
        .repository
        .git(&["update-ref", "refs/tags/v9.0.0", "refs/tags/v1.0.0"]);
    place.repository.push();
    assert!(place.refused("9.0.0").contains("another version"));
    place.repository.tag(&["-s", "-m", "x", "v2", "v1.0.0"]);
    assert!(place.refused("2").contains("no commit"));
    place.repository.tag(&["-s", "-m", "x", "v3", "HEAD^{tree}"]);
    assert!(place.refused("3").contains("no commit"));
}

#[test]
fn a_ref_that_moved_is_refused() {
    let place = Place::new();
    place.repository.release("1.0.0", &[("web.yaml", "name: Web\n")]);
    let first = place.commit("1.0.0").unwrap();
    let mut memory = Memory::default();
    memory.pins.insert("1.0.0".into(), first.clone());
    place.repository.release("1.0.0", &[("web.yaml", "name: Other\n")]);
    // What is known is not asked for again.
    assert_eq!(commit(&place.git(), &memory, "1.0.0"), Ok(first));
    memory.look_again.insert("1.0.0".into());
    assert!(matches!(commit(&place.git(), &memory, "1.0.0"), Err(Failure::Refused(why)) if why.contains("moved")));
}

#[test]
fn links_and_foreign_transports_are_not_followed() {
    let mut place = Place::new();
    place.repository.commit(&[("a", "x")]);
    std::os::unix::fs::symlink("/etc/passwd", place.repository.tree().join("web.yaml")).unwrap();
    place.repository.commit(&[]);
    place.repository.tag(&["-s", "-m", "x", "v1"]);
    let found = place.commit("1").unwrap();
    assert!(place.git().file(&found, "web.yaml").unwrap_err().contains("is a link"));
    place.source.url = "ext::sh -c touch% /tmp/fleetsheet-owned".into();
    assert!(matches!(place.commit("2"), Err(Failure::Failed(_))));
    place.source.url = format!("file://{}", place.dir.path().join("nothing").display());
    assert!(matches!(place.commit("2"), Err(Failure::Failed(_))));
}
