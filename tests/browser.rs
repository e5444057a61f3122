//! The sandbox's page in a real browser: Debian's chromium, driven by playwright-core, which is installed from the npm registry on
//! first use. Without them the test fails: a check that skips itself is none.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The version that the scripts are written for; it downloads no browser.
const DRIVER: &str = "playwright-core@1.65.1";

/// The directory with the driver in it, installed if need be.
fn modules() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory lies in the target directory");
    let place = target.join("browser");
    fs::create_dir_all(&place).expect("the target directory can be written");
    let lock = File::create(place.join("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    let mark = place.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|there| there == DRIVER) {
        return place.join("node_modules");
    }
    let output = Command::new("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--silent",
            "--prefix",
        ])
        .arg(&place)
        .arg(DRIVER)
        .output()
        .expect("the browser's tests need npm on the PATH (Debian: apt install npm)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{DRIVER} cannot be installed: {said}");
    fs::write(&mark, DRIVER).expect("the mark of the installation can be written");
    place.join("node_modules")
}

/// A running sandbox with its page.
struct Sandbox {
    child: Child,
    url: String,
}

impl Sandbox {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
            .args(["sandbox", "--servers", "1600"])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        let line = |line: std::io::Result<String>| line.ok().map(|line| line.trim().to_owned());
        let url = lines
            .by_ref()
            .filter_map(line)
            .find_map(|line| {
                line.starts_with("http://")
                    .then(|| line.split(' ').next().map(str::to_owned))?
            })
            .expect("it says where its page is");
        // Its pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

#[test]
fn the_whole_story_in_a_browser() {
    let modules = modules();
    let sandbox = Sandbox::start();
    let output = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/story.mjs"))
        .arg(&sandbox.url)
        .env("NODE_MODULES", &modules)
        .output()
        .expect("the browser's tests need node on the PATH (Debian: apt install nodejs)");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && said.contains("ok all of it"), "{said}");
}
