//! Git: one signed ref, into a bare repository of the agent's own; nothing is checked out.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::adapters::exec::{Ended, Program};
use crate::config::{Source, Verify};

/// Why a release cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It must not run.
    Refused(String),
    /// It is not there, or nobody answers.
    Failed(String),
}

/// The repository.
#[derive(Clone, Debug)]
pub struct Git<'a> {
    /// Where it is.
    pub dir: PathBuf,
    /// What is configured.
    pub source: &'a Source,
}

const TIMEOUT: Duration = Duration::from_secs(120);
const SETTINGS: [&str; 9] = [
    "core.hooksPath=/dev/null",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.file.allow=always",
    "fetch.fsckObjects=true",
    "transfer.bundleURI=false",
    "gc.auto=0",
    "gpg.format=ssh",
];
/// Longest file of the repository that is read.
const LONGEST: usize = 8 << 20;

impl Git<'_> {
    fn run(&self, arguments: &[&str]) -> Ended {
        let mut words: Vec<String> = SETTINGS
            .iter()
            .flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()])
            .collect();
        words.push("-c".into());
        words.push(format!(
            "gpg.ssh.allowedSignersFile={}",
            self.source.allowed_signers.display()
        ));
        if let Some(token) = &self.source.token_file {
            // The helper reads the token itself: it is in no argument and no variable.
            words.push("-c".into());
            words.push(format!(
                "credential.helper=!f() {{ echo username=x-token; echo password=$(cat '{}'); }}; f",
                token.display()
            ));
        }
        words.push(format!("--git-dir={}", self.dir.display()));
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        let mut ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes".to_owned();
        if let Some(key) = &self.source.ssh_key {
            ssh.push_str(&format!(" -o IdentitiesOnly=yes -i '{}'", key.display()));
        }
        if let Some(hosts) = &self.source.known_hosts {
            ssh.push_str(&format!(" -o UserKnownHostsFile='{}'", hosts.display()));
        }
        Program::new("git", words, TIMEOUT)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_SSH_COMMAND", ssh)
            .run()
    }

    fn local(version: &str) -> String {
        format!("refs/fleetsheet/{version}")
    }

    /// Fetches the ref of a version from the first source that answers.
    ///
    /// # Errors
    /// None of them has it.
    pub fn fetch(&self, version: &str) -> Result<(), Failure> {
        if !self.dir.join("HEAD").exists() {
            let _ = fs::remove_dir_all(&self.dir);
            let made = self.run(&["init", "--quiet", "--bare", "--template="]);
            if !made.is_well() {
                return Err(Failure::Failed(format!("git init {}", made.why())));
            }
        }
        let name = self.source.r#ref.replace("{version}", version);
        let refspec = format!("+{name}:{}", Self::local(version));
        let mut why = "no source.url".to_owned();
        for url in std::iter::once(&self.source.url).chain(&self.source.mirrors) {
            if !["https://", "ssh://", "file:///"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
            {
                continue;
            }
            let ended = self.run(&[
                "fetch",
                "--quiet",
                "--depth=1",
                "--no-tags",
                "--no-recurse-submodules",
                "--no-write-fetch-head",
                "--",
                url,
                &refspec,
            ]);
            if ended.is_well() {
                return Ok(());
            }
            why = format!("git {}", ended.why());
        }
        Err(Failure::Failed(why))
    }

    /// The commit of a version's ref, if the ref is what it must be.
    ///
    /// # Errors
    /// It is not signed, or names something else.
    pub fn verify(&self, version: &str) -> Result<String, Failure> {
        let name = Self::local(version);
        let refused = |why: &str| Err(Failure::Refused(why.to_owned()));
        let kind = self.run(&["cat-file", "-t", &name]);
        let kind = kind.text().trim().to_owned();
        if self.source.verify == Verify::Signed {
            if kind != "tag" {
                return refused("the ref is not a signed tag");
            }
            if !self.source.allowed_signers.exists() {
                return refused("the file of allowed signers is missing");
            }
            if !self.run(&["verify-tag", "--", &name]).is_well() {
                return refused("the ref is not signed by an allowed signer");
            }
        }
        if kind == "tag" {
            let object = self.run(&["cat-file", "tag", &name]).text();
            let head: Vec<&str> = object.lines().take_while(|line| !line.is_empty()).collect();
            let field = |key: &str| {
                head.iter()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
                    .unwrap_or_default()
                    .to_owned()
            };
            let wanted = self.source.r#ref.replace("{version}", version);
            if Some(field("tag").as_str()) != wanted.strip_prefix("refs/tags/") {
                return refused("the tag object is of another version");
            }
            if field("type") != "commit" {
                return refused("the tag names no commit");
            }
        } else if kind != "commit" {
            return refused("the ref names no commit");
        }
        let commit = self.run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]);
        let commit = commit.text().trim().to_owned();
        if commit.len() < 40 || !commit.chars().all(|c| c.is_ascii_hexdigit()) {
            return refused("the ref names no commit");
        }
        Ok(commit)
    }

    /// Whether a commit is here already.
    #[must_use]
    pub fn has(&self, commit: &str) -> bool {
        self.dir.join("HEAD").exists() && self.run(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_well()
    }

    /// A file of a commit; `None` where it has none of that name.
    ///
    /// # Errors
    /// It is no plain file of text, or too long.
    pub fn file(&self, commit: &str, path: &str) -> Result<Option<String>, String> {
        let listed = self.run(&["ls-tree", "-z", "--long", commit, "--", path]);
        if !listed.is_well() {
            return Err(format!("git {}", listed.why()));
        }
        let text = listed.text();
        let Some((head, _)) = text.split_once('\t') else {
            return Ok(None);
        };
        let fields: Vec<&str> = head.split_whitespace().collect();
        let [mode, kind, object, size] = fields[..] else {
            return Err("git says nothing".into());
        };
        if kind != "blob" || !mode.starts_with("100") {
            return Err("is a link, a folder or a submodule; put a plain file there".into());
        }
        if size.parse::<usize>().is_ok_and(|size| size > LONGEST) {
            return Err(format!("has {size} bytes; {LONGEST} at most"));
        }
        let read = self.run(&["cat-file", "blob", object]);
        if !read.is_well() {
            return Err(format!("git {}", read.why()));
        }
        String::from_utf8(read.out)
            .map(Some)
            .map_err(|_| "is not UTF-8 text".into())
    }
}
