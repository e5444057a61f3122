//! Programs from Debian's packages, which are unpacked under the target directory and not installed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program, and where its own libraries are.
pub(crate) struct Program {
    path: PathBuf,
    libraries: Option<PathBuf>,
}

impl Program {
    /// The program, to be started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    fn runs(&self, version: &str) -> bool {
        said(self.command().arg(version)).is_ok()
    }
}

/// The program of this name that is installed, or that of the package of its name, with other packages that it needs. With the
/// argument `version` it says its version. `None` where neither is within reach, which is said, and is a failure in CI.
///
/// # Panics
/// In CI, without the program.
pub(crate) fn program(name: &str, version: &str, needs: &[&str]) -> Option<Program> {
    let installed = Program {
        path: name.into(),
        libraries: None,
    };
    if installed.runs(version) {
        return Some(installed);
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target directory");
    let home = target.join(format!("{name}-deb"));
    fs::create_dir_all(&home).expect("the target directory can be written");
    let lock = File::create(home.join("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    if let Some(unpacked) = unpacked(&home, name).filter(|program| program.runs(version)) {
        return Some(unpacked);
    }
    let packages = [&[name], needs].concat().join(" ");
    let unpack = format!("apt-get download -qq {packages} && for deb in *.deb; do dpkg -x $deb x; done && rm *.deb");
    let shell = |line: &str| said(Command::new("sh").args(["-c", line]).current_dir(&home));
    // A fresh machine has no lists of packages, and only root can fetch them.
    let fetched = shell(&unpack).or_else(|_| shell(&format!("apt-get update -qq && {unpack}")));
    let why = match fetched {
        Ok(()) => match unpacked(&home, name).filter(|program| program.runs(version)) {
            Some(program) => return Some(program),
            None => "what was unpacked does not run".to_owned(),
        },
        Err(why) => why,
    };
    assert!(std::env::var_os("CI").is_none(), "there is no {name}: {why}");
    // Past the capture of what tests print: it must be seen.
    let words = format!("NOT TESTED against a real {name}: put one on the PATH (Debian: apt install {name})");
    writeln!(std::io::stderr(), "{words}. {why}").expect("standard error can be written");
    None
}

/// What was unpacked before.
fn unpacked(home: &Path, name: &str) -> Option<Program> {
    let usr = home.join("x/usr");
    let path = ["bin", "sbin"]
        .map(|folder| usr.join(folder).join(name))
        .into_iter()
        .find(|path| path.exists())?;
    let folders = fs::read_dir(usr.join("lib")).into_iter().flatten().flatten();
    let libraries = folders
        .map(|folder| folder.path())
        .find(|folder| folder.display().to_string().ends_with("-linux-gnu"));
    Some(Program { path, libraries })
}

fn said(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let stderr = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(stderr()) }
}
