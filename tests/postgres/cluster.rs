//! A PostgreSQL that others wrote, from Debian's package: a cluster under the target directory, made with `initdb`, which ends with
//! the test program however that ends.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::venv::free_port;

/// A running server.
pub(crate) struct Cluster {
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
}

/// The server that tests share; `None` where there is none.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start("shared", "")).as_ref()
}

/// Debian keeps the programs off the path.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn installed() -> Option<PathBuf> {
    if let Some(programs) = programs() {
        return Some(programs);
    }
    let install = "apt-get install -qq -y --no-install-recommends postgresql";
    let script = format!("export DEBIAN_FRONTEND=noninteractive; {install} || (apt-get update -qq && {install})");
    let done = Command::new("sh").args(["-c", &script]).output();
    if let Some(programs) = programs() {
        return Some(programs);
    }
    let why = done.map_or_else(
        |error| error.to_string(),
        |done| String::from_utf8_lossy(&done.stderr).into_owned(),
    );
    assert!(std::env::var_os("CI").is_none(), "there is no PostgreSQL: {why}");
    // Past the capture of what tests print: it must be seen.
    let words = "NOT TESTED over PostgreSQL: install it (Debian: apt install postgresql)";
    writeln!(std::io::stderr(), "{words}. {why}").expect("standard error can be written");
    None
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

impl Cluster {
    /// Makes a cluster and starts its server, with these lines more in its configuration.
    pub(crate) fn start(name: &str, more: &str) -> Option<Self> {
        let programs = installed()?;
        let port = free_port().port();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the target directory can be written");
        let cluster = Self {
            programs,
            directory,
            port,
        };
        if is_root() {
            // It refuses to run as root.
            said(Command::new("chown").arg("postgres").arg(&cluster.directory));
        }
        fs::set_permissions(&cluster.directory, fs::Permissions::from_mode(0o700)).expect("permissions");
        let data = cluster.directory.join("data");
        said(
            cluster
                .program("initdb")
                .args(["--auth=trust", "--username=owner", "--encoding=UTF8", "--no-sync", "-D"])
                .arg(&data),
        );
        let lines = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\nmax_connections = 200\n\
             log_min_messages = fatal\n{more}\n"
        );
        said(
            cluster
                .program("sh")
                .arg("-c")
                .arg(format!("cat >> {}", data.join("postgresql.conf").display()))
                .stdin(input(&lines, &cluster.directory)),
        );
        cluster.serve();
        cluster.psql(
            "postgres",
            "CREATE ROLE fleetsheet LOGIN CREATEDB; GRANT ALL ON SCHEMA public TO fleetsheet",
        );
        Some(cluster)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server on a thread that lives as long as this program: with it the server ends.
    fn serve(&self) {
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.directory.join("data"));
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        std::thread::spawn(move || {
            let mut child = server.spawn().expect("postgres starts");
            let _ = child.wait();
            // A server that is told to end when this thread does.
            std::thread::park();
        });
        let began = Instant::now();
        while !self.client("postgres", "SELECT 1").status.success() {
            assert!(began.elapsed() < Duration::from_secs(120), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A program of PostgreSQL, run as whoever may.
    pub(crate) fn program(&self, name: &str) -> Command {
        let path = match name {
            "sh" => PathBuf::from("/bin/sh"),
            name => self.programs.join(name),
        };
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
            if name == "postgres" {
                command.args(["--pdeathsig=INT"]);
            }
            command.arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.directory).env_remove("PGOPTIONS");
        command
    }

    fn client(&self, database: &str, statements: &str) -> Output {
        Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-U",
                "owner",
                "-p",
            ])
            .arg(self.port.to_string())
            .args(["-d", database, "-c", statements])
            .stdin(Stdio::null())
            .output()
            .expect("psql runs")
    }

    /// Runs statements, which must succeed, and gives what they print.
    pub(crate) fn psql(&self, database: &str, statements: &str) -> String {
        let output = self.client(database, statements);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statements}: {stderr}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends the server at once and starts it again, as after a crash.
    pub(crate) fn crash(&self) {
        said(
            self.program("pg_ctl")
                .args(["stop", "-m", "immediate", "-D"])
                .arg(self.directory.join("data")),
        );
        self.serve();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self
            .program("pg_ctl")
            .args(["stop", "-m", "immediate", "-D"])
            .arg(self.directory.join("data"))
            .output();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn input(text: &str, directory: &Path) -> Stdio {
    let path = directory.with_extension("conf");
    fs::write(&path, text).expect("the target directory can be written");
    fs::File::open(path).expect("it was just written").into()
}

fn said(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
}
