//! Servers written in Python, each in a virtual environment of its own under the target directory, made on first use; and killed
//! when the handle is dropped, after a panic too. Without Python the tests fail: a check that skips itself is none.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Importing a server takes a few seconds, many more on a busy machine.
const START: Duration = Duration::from_secs(120);

/// The virtual environment of this name with these packages in it, installed if need be.
///
/// # Panics
/// Python is missing, or the packages cannot be installed.
pub(crate) fn venv(name: &str, packages: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory lies in the target directory");
    let venv = target.join(format!("{name}-venv"));
    fs::create_dir_all(&venv).expect("the target directory can be written");
    // Test programs run side by side; one installs, the others wait for it.
    let lock = File::create(venv.join("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    let installed = venv.join("installed");
    let wanted = packages.join(" ");
    if fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        return venv;
    }
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
        &format!(
            "the tests against {name} need python3 with its venv module on the PATH (Debian: apt install python3-venv)"
        ),
    );
    run(
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages),
        &format!("{name} could not be installed: is a package index within reach?"),
    );
    fs::write(&installed, wanted).expect("the mark of the installation can be written");
    venv
}

fn run(command: &mut Command, need: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{need}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{need}: {said}");
}

/// A port of the loopback address that nobody listens on.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a listener has an address")
}

/// A running server.
pub(crate) struct Server(Child);

impl Server {
    /// Starts it, its words into the file `log`, and waits until `is_ready`.
    ///
    /// # Panics
    /// It does not start, or not in time.
    pub(crate) fn start(command: &mut Command, log: &Path, is_ready: impl Fn() -> bool) -> Self {
        let name = command.get_program().display().to_string();
        let output = File::create(log).expect("the log can be written");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut server = Self(child);
        let begun = Instant::now();
        while !is_ready() {
            let said = || fs::read_to_string(log).unwrap_or_default();
            if let Ok(Some(status)) = server.0.try_wait() {
                panic!("{name} ended with {status}: {}", said());
            }
            assert!(begun.elapsed() < START, "{name} does not start: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing more can be done about a child that cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
