//! A Prometheus that others wrote, from Debian's package, which is unpacked and not installed; it scrapes a target that the test
//! serves.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use fleetsheet_mocks::faults::{self, serve};

use crate::debian::{self, Program};
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

/// The program, if there is one.
pub(crate) fn program() -> Option<Program> {
    debian::program("prometheus", "--version", &[])
}

impl RealPrometheus {
    /// Starts it over a target with these metrics, with TLS and a login if it shall have them.
    ///
    /// # Panics
    /// It does not start, or does not scrape.
    pub(crate) async fn start(program: &Program, metrics: String, tls: bool) -> Self {
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
        let mut command = program.command();
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
