//! The cookbook repository on a server, with a signer; and small packages for its folder of packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A bare repository inside a server's root, written from outside.
pub(crate) struct Repository {
    work: tempfile::TempDir,
    bare: PathBuf,
    pub(crate) signer: PathBuf,
}

impl Repository {
    pub(crate) fn new(root: &Path) -> Self {
        let work = tempfile::tempdir().unwrap();
        let bare = root.join("srv/cookbooks.git");
        let repository = Self {
            signer: work.path().join("signer"),
            bare,
            work,
        };
        repository.key("signer");
        repository.key("stranger");
        let public = fs::read_to_string(repository.work.path().join("signer.pub")).unwrap();
        fs::create_dir_all(root.join("etc/fleetsheet-agent")).unwrap();
        fs::write(
            root.join("etc/fleetsheet-agent/allowed_signers"),
            format!("releases@example.com {public}"),
        )
        .unwrap();
        repository.git(&["init", "--quiet", "--bare", repository.bare.to_str().unwrap()]);
        repository.git(&[
            "init",
            "--quiet",
            "--initial-branch=main",
            repository.tree().to_str().unwrap(),
        ]);
        repository
    }

    fn key(&self, name: &str) {
        let path = self.work.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(path)
            .status()
            .unwrap();
        assert!(made.success());
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.work.path().join("tree")
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let out = Command::new("git")
            .args([
                "-c",
                "user.name=Releases",
                "-c",
                "user.email=releases@example.com",
                "-c",
                "gpg.format=ssh",
            ])
            .arg("-c")
            .arg(format!("user.signingkey={}", self.signer.display()))
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(if self.tree().exists() {
                self.tree()
            } else {
                self.work.path().to_owned()
            })
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }

    pub(crate) fn commit(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.tree().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "Change cookbooks"]);
    }

    /// Puts these files under a signed tag of a version.
    pub(crate) fn release(&self, version: &str, files: &[(&str, &str)]) {
        self.commit(files);
        self.tag(&["-s", "-f", "-m", "release", &format!("v{version}")]);
    }

    pub(crate) fn tag(&self, arguments: &[&str]) {
        let mut words = vec!["tag"];
        words.extend(arguments);
        self.git(&words);
        self.push();
    }

    pub(crate) fn push(&self) {
        self.git(&["push", "--quiet", "--force", "--tags", self.bare.to_str().unwrap()]);
    }

    pub(crate) fn stranger(&mut self) {
        self.signer = self.work.path().join("stranger");
    }
}

/// Builds a package into the server's folder of packages, and its list anew.
pub(crate) fn package(root: &Path, name: &str, version: &str, depends: &str, files: &[(&str, &str)], postinst: &str) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    let depends = if depends.is_empty() {
        String::new()
    } else {
        format!("Depends: {depends}\n")
    };
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Fleet <fleet@example.com>\n{depends}Description: {name}\n"
    );
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    for (path, text) in files {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if !postinst.is_empty() {
        let script = tree.join("DEBIAN/postinst");
        fs::write(&script, format!("#!/bin/sh\n{postinst}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(script, mode).unwrap();
    }
    let to = root.join("srv/repository");
    let built = Command::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&tree)
        .arg(&to)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    list(root);
}

/// Writes the list of the server's folder of packages.
pub(crate) fn list(root: &Path) {
    let to = root.join("srv/repository");
    let listed = Command::new("dpkg-scanpackages")
        .args(["-m", "."])
        .current_dir(&to)
        .output()
        .unwrap();
    fs::write(to.join("Packages"), listed.stdout).unwrap();
}

/// The archives of NGINX and PHP-FPM.
pub(crate) fn real_packages(root: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debian/debs");
    for entry in fs::read_dir(from).unwrap().flatten() {
        fs::copy(entry.path(), root.join("srv/repository").join(entry.file_name())).unwrap();
    }
}
