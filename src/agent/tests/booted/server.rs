//! A real Debian with systemd as pid 1, booted from an overlay of one root; around it a network of its own with IMDS and EC2.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use fleetsheet_mocks::cloud::{ACCESS_KEY, CloudEmulator, Fleet, SECRET_KEY};
use fleetsheet_mocks::imds::{ImdsEmulator, Metadata};

pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";
const REGION: &str = "eu-central-1";

pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target")
        .canonicalize()
        .unwrap()
}

/// A layer above the root, for what needs more than the tests.
pub(crate) static ABOVE: OnceLock<PathBuf> = OnceLock::new();

/// The root, which is built once.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let to = target().join("debian");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debian/build-root");
        let built = Command::new(script).arg(&to).status().unwrap();
        assert!(
            built.success(),
            "the root cannot be built: these tests need root, overlayfs and Debian's packages"
        );
        to
    })
}

/// What a program inside said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) struct Server {
    dir: PathBuf,
    nspawn: Child,
    /// The inner pid 1.
    init: u32,
    /// Holds the outer network.
    network: Child,
    pub(crate) imds: ImdsEmulator,
    pub(crate) emulator: Option<CloudEmulator>,
    hurries: AtomicBool,
    _runtime: std::thread::JoinHandle<()>,
}

fn run(program: &str, arguments: &[&str]) {
    let out = Command::new(program).args(arguments).output().unwrap();
    assert!(
        out.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

fn in_network(pid: u32, words: &str) {
    let pid = pid.to_string();
    let mut arguments = vec!["-t", &pid, "-n"];
    arguments.extend(words.split(' '));
    run("nsenter", &arguments);
}

/// Serves IMDS and EC2 at 169.254.169.254 of a network namespace, from threads that live in it.
fn serve(pid: u32, metadata: Metadata) -> (ImdsEmulator, mpsc::Receiver<CloudEmulator>, std::thread::JoinHandle<()>) {
    let (imds_sender, imds) = mpsc::channel();
    let (cloud_sender, cloud) = mpsc::channel();
    let runtime = std::thread::spawn(move || {
        let namespace = fs::File::open(format!("/proc/{pid}/ns/net")).unwrap();
        rustix::thread::move_into_link_name_space(
            std::os::fd::AsFd::as_fd(&namespace),
            Some(rustix::thread::LinkNameSpaceType::Network),
        )
        .unwrap();
        let listener = TcpListener::bind("169.254.169.254:80").unwrap();
        imds_sender.send(ImdsEmulator::serve(listener, metadata)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut fleet = Fleet::new("123456789012");
            fleet.add("123456789012", REGION, INSTANCE, [("ReleaseChannel", "web")]);
            let address = "169.254.169.254:8111".parse().unwrap();
            let emulator = CloudEmulator::start_on(address, fleet).await.unwrap();
            if cloud_sender.send(emulator).is_ok() {
                std::future::pending::<()>().await;
            }
        });
    });
    (imds.recv().unwrap(), cloud, runtime)
}

/// Whether this machine cannot boot even a server on which no agent was ever run: no root, no overlays, no network of one's own, no
/// packages. It says so once, past the capture of tests that pass.
pub(crate) fn cannot_boot() -> bool {
    static CANNOT: OnceLock<bool> = OnceLock::new();
    *CANNOT.get_or_init(|| {
        let cannot = std::panic::catch_unwind(|| drop(Server::boot("plain", |_| ()))).is_err();
        if cannot {
            let words = "NOT RUN: the agent on a booted Debian. This machine cannot boot one: it takes root, overlayfs, network \
                         namespaces and Debian's packages.\n";
            let _ = std::io::stderr().write_all(words.as_bytes());
        }
        cannot
    })
}

impl Server {
    /// Boots one. `prepare` may put files into its overlay before.
    pub(crate) fn boot(name: &str, prepare: impl FnOnce(&Path)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let root = root();
        let dir = target().join(format!("booted/{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for part in ["upper", "work", "merged"] {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        let above = ABOVE
            .get()
            .map(|above| format!("{}:", above.display()))
            .unwrap_or_default();
        let options = format!(
            "lowerdir={above}{},upperdir={},workdir={}",
            root.join("root").display(),
            dir.join("upper").display(),
            dir.join("work").display()
        );
        run(
            "mount",
            &[
                "-t",
                "overlay",
                "overlay",
                "-o",
                &options,
                dir.join("merged").to_str().unwrap(),
            ],
        );
        let merged = dir.join("merged");
        fs::copy(
            env!("CARGO_BIN_EXE_fleetsheet-agent"),
            merged.join("usr/local/bin/fleetsheet-agent"),
        )
        .unwrap();
        prepare(&merged);
        let network = Command::new("unshare").args(["-n", "sleep", "3600"]).spawn().unwrap();
        let outer = network.id();
        wait_for("a network of its own", || {
            namespace(outer) != namespace(std::process::id())
        });
        let (nspawn, init) = start(&merged, &dir);
        connect(outer, init);
        let metadata = Metadata {
            tags: [("ReleaseChannel".to_owned(), "web".to_owned())].into(),
            instance: INSTANCE.into(),
            region: REGION.into(),
            key: (ACCESS_KEY.into(), SECRET_KEY.into()),
            ..Metadata::default()
        };
        let (imds, cloud, runtime) = serve(outer, metadata);
        let emulator = cloud.recv_timeout(Duration::from_secs(10)).ok();
        let server = Self {
            dir,
            nspawn,
            init,
            network,
            imds,
            emulator,
            hurries: AtomicBool::new(false),
            _runtime: runtime,
        };
        server.wait_until_up();
        server
    }

    fn wait_until_up(&self) {
        wait_for("the system to be up", || {
            let said = self.run("systemctl is-system-running");
            matches!(said.out.trim(), "running" | "degraded")
        });
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("merged")
    }

    /// Runs a line inside, in a shell.
    pub(crate) fn run(&self, line: &str) -> Said {
        self.run_with(line, &[])
    }

    /// The agent looks at what it started for half a second only, not for five: for tests that start things very often.
    pub(crate) fn hurry(&self) {
        self.hurries.store(true, Ordering::SeqCst);
    }

    pub(crate) fn init(&self) -> u32 {
        self.init
    }

    /// What enters the server; the program and its arguments follow.
    pub(crate) fn command(&self, environment: &[(&str, String)]) -> Command {
        let mut command = Command::new("nsenter");
        let enter = format!("-t {} -m -u -i -n -p -r -w env -i", self.init);
        command.args(enter.split(' '));
        command.arg("PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin");
        if self.hurries.load(Ordering::SeqCst) {
            command.arg("FLEETSHEET_AGENT_TEST_STEADY=500");
        }
        command.args(environment.iter().map(|(key, value)| format!("{key}={value}")));
        command
    }

    pub(crate) fn run_with(&self, line: &str, environment: &[(&str, String)]) -> Said {
        let mut command = self.command(environment);
        let out = command
            .args(["/bin/sh", "-c", line])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said {
            code: out.status.code(),
            out: String::from_utf8_lossy(&out.stdout).into_owned(),
            err: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// One run of the agent, without splay and backoff.
    pub(crate) fn agent(&self) -> serde_json::Value {
        self.run("fleetsheet-agent run --once --now --format json").json()
    }

    /// Runs until the run says this outcome and state; gives the last.
    pub(crate) fn agent_until(&self, state: &str, most: usize) -> serde_json::Value {
        let mut said = serde_json::Value::Null;
        for _ in 0..most {
            said = self.agent();
            if said["state"] == state {
                return said;
            }
        }
        panic!("no {state} in {most} runs: {said:#}");
    }

    pub(crate) fn tag(&self, version: Option<&str>) {
        self.imds.edit(|metadata| match version {
            Some(version) => metadata.tags.insert("ReleaseVersion".into(), version.into()),
            None => metadata.tags.remove("ReleaseVersion"),
        });
    }

    /// The tag that the agent wrote on the server, as EC2 has it.
    pub(crate) fn reported(&self, key: &str) -> Option<String> {
        let tags = self.emulator.as_ref()?.tags(INSTANCE);
        tags.iter()
            .find(|(name, _)| name.as_str() == key)
            .map(|(_, value)| value.to_string())
    }

    pub(crate) fn writes(&self) -> usize {
        self.emulator.as_ref().map_or(0, |emulator| emulator.requests().len())
    }

    /// The power goes, and comes back.
    pub(crate) fn cut_power(&mut self) {
        run("kill", &["-9", &self.init().to_string()]);
        let _ = self.nspawn.wait();
        (self.nspawn, self.init) = start(&self.root(), &self.dir);
        connect(self.network.id(), self.init);
        self.wait_until_up();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-9", &self.init.to_string()]).status();
        let _ = self.nspawn.wait();
        let _ = self.network.kill();
        let _ = self.network.wait();
        let _ = Command::new("umount")
            .args(["-l", self.root().to_str().unwrap_or_default()])
            .status();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn namespace(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

pub(crate) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn start(merged: &Path, dir: &Path) -> (Child, u32) {
    let log = fs::File::create(dir.join("console")).unwrap();
    let nspawn = Command::new(root().join("tools/usr/bin/systemd-nspawn"))
        .args([
            "--register=no",
            "--keep-unit",
            "-b",
            "-q",
            "--private-network",
            "--timezone=off",
            "--resolv-conf=off",
        ])
        .args(["--link-journal=no", "--console=pipe", "-D"])
        .arg(merged)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", nspawn.id());
    let child = || {
        fs::read_to_string(&children)
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<u32>().ok())
    };
    wait_for("the inner pid 1", || {
        child().is_some_and(|pid| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "systemd")
        })
    });
    let init = child().unwrap();
    (nspawn, init)
}

fn connect(outer: u32, init: u32) {
    let name = format!("v{init}");
    let link = format!("link add {name} netns {outer} type veth peer name host0 netns {init}");
    run("ip", &link.split(' ').collect::<Vec<_>>());
    let old = Command::new("nsenter")
        .args([
            "-t",
            &outer.to_string(),
            "-n",
            "ip",
            "address",
            "flush",
            "to",
            "169.254.169.254/32",
        ])
        .status();
    assert!(old.is_ok());
    in_network(outer, "ip link set lo up");
    in_network(outer, &format!("ip address add 169.254.169.254/32 dev {name}"));
    in_network(outer, &format!("ip address add 10.77.0.1/24 dev {name}"));
    in_network(outer, &format!("ip link set {name} up"));
    in_network(init, "ip link set lo up");
    in_network(init, "ip address add 10.77.0.2/24 dev host0");
    in_network(init, "ip link set host0 up");
    in_network(init, "ip route add 169.254.169.254/32 dev host0");
}
