//! A Prometheus that others wrote, from Debian's package, which is unpacked and not installed; it scrapes a target that the test
//! serves.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use fleetsheet_mocks::faults::{self, serve};

use crate::mail_real_server::authority;
use crate::venv::{Server, free_port};

pub(crate) const USER: &str = "fleet";
pub(crate) const PASSWORD: &str = "correct horse";
/// The password as Prometheus keeps it (bcrypt).
const HASH: &str = "$2b$04$h796tGZZQkG9tcrcRKD13.lBgRAMf485lET2GRURoaYOg5dvfItIW";

/// A running Prometheus that has scraped its target.
pub(crate) struct RealPrometheus {
    port: u16,
    tls: bool,
    directory: tempfile::TempDir,
    _server: Server,
    _target: faults::Server,
}

/// The program: one that is installed, or that of the package. `None` where neither is within reach, which is said, and is a
/// failure in CI.
pub(crate) fn program() -> Option<PathBuf> {
    if runs(Path::new("prometheus")) {
        return Some("prometheus".into());
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target directory");
    let home = target.join("prometheus-deb");
    fs::create_dir_all(&home).expect("the target directory can be written");
    let lock = File::create(home.join("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    let program = home.join("x/usr/bin/prometheus");
    if runs(&program) {
        return Some(program);
    }
    let unpack = "apt-get download -qq prometheus && dpkg -x prometheus_*.deb x && rm prometheus_*.deb";
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&home);
        said(&mut command)
    };
    // A fresh machine has no lists of packages, and only root can fetch them.
    let unpacked = shell(unpack).or_else(|_| shell(&format!("apt-get update -qq && {unpack}")));
    let why = match unpacked {
        Ok(()) if runs(&program) => return Some(program),
        Ok(()) => "what was unpacked does not run".to_owned(),
        Err(why) => why,
    };
    assert!(std::env::var_os("CI").is_none(), "there is no Prometheus: {why}");
    // Past the capture of what tests print: it must be seen.
    let words = "NOT TESTED against a real Prometheus: put one on the PATH (Debian: apt install prometheus)";
    writeln!(std::io::stderr(), "{words}. {why}").expect("standard error can be written");
    None
}

fn runs(program: &Path) -> bool {
    said(Command::new(program).arg("--version")).is_ok()
}

fn said(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let stderr = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(stderr()) }
}

impl RealPrometheus {
    /// Starts it over a target with these metrics, with TLS and a login if it shall have them.
    ///
    /// # Panics
    /// It does not start, or does not scrape.
    pub(crate) async fn start(program: &Path, metrics: String, tls: bool) -> Self {
        let scrapes = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&scrapes);
        let page = get(async move || {
            seen.fetch_add(1, Ordering::Relaxed);
            metrics
        });
        let target = serve(Router::new().route("/metrics", page))
            .await
            .expect("the target is served");
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path();
        let config = format!(
            "global: {{ scrape_interval: 500ms }}\nscrape_configs:\n- job_name: fleet\n  static_configs: [{{ targets: ['{}'] }}]\n",
            target.addr()
        );
        fs::write(home.join("prometheus.yml"), config).expect("the configuration can be written");
        let port = free_port().port();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", home.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        if tls {
            authority::write(home);
            let web = format!(
                "tls_server_config: {{ cert_file: '{0}/cert.pem', key_file: '{0}/key.pem' }}\nbasic_auth_users: {{ {USER}: '{HASH}' }}\n",
                home.display()
            );
            fs::write(home.join("web.yml"), web).expect("the configuration can be written");
            command.arg(format!("--web.config.file={}", home.join("web.yml").display()));
        }
        fs::write(home.join("password"), PASSWORD).expect("the password can be written");
        let log = home.join("log");
        let ready = || fs::read_to_string(&log).is_ok_and(|log| log.contains("Server is ready"));
        let server = Server::start(&mut command, &log, ready);
        // With the second scrape the first is stored.
        let begun = Instant::now();
        while scrapes.load(Ordering::Relaxed) < 2 {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not scrape");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Self {
            port,
            tls,
            directory,
            _server: server,
            _target: target,
        }
    }

    /// Its address. The certificate is for this name.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.port)
    }

    /// The certificate of the authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The file that holds the password.
    pub(crate) fn password(&self) -> PathBuf {
        self.directory.path().join("password")
    }
}
