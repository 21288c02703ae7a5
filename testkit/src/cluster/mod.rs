//! A `PostgreSQL` of the tests' own: real, on disk, with `fsync`, on a free port of this machine.
//!
//! One is shared by all tests of a run, whichever processes they are in: the first that needs it starts it, and a
//! watchdog ends it when the run is over, however that comes. A test that kills or restarts it has one of its own.

mod install;
mod processes;
mod shared;

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use install::Install;

use crate::certificates::Files;
use crate::database::Database;
use crate::disk::Disk;
use crate::port::{free_port, loopback};
use crate::shell::Shell;

/// The ordinary user that databases of tests belong to.
pub const OWNER: &str = "vibetea";

const WATCHDOG: &str = include_str!("watchdog.sh");
const START_DEADLINE: Duration = Duration::from_mins(1);

/// What a session may not rely on: what the server answers does not depend on the zone or the style of dates that an
/// administrator has set.
const SETTINGS: [&str; 9] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "fsync=on",
    "synchronous_commit=on",
    "timezone=Asia/Kathmandu",
    "datestyle=SQL,DMY",
    "extra_float_digits=0",
    "log_line_prefix=%m [%p] %d ",
];

/// A running cluster; clones share it.
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    install: Arc<Install>,
    folder: PathBuf,
    port: u16,
    is_own: bool,
}

impl Cluster {
    /// The one that all tests of this run share. `None`, with a word, where no `PostgreSQL` is installed; that is a
    /// failure where the variable `CI` is set.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| installed().map(shared::join_or_start)).as_ref()
    }

    /// One that may be killed: it ends with this value, or with this process. `None` as above.
    pub fn own() -> Option<Self> {
        let install = installed()?;
        Some(Self::start_in(install, own_folder(), std::process::id(), &[], true))
    }

    /// The same with its log, and nothing else, on this disk, which it ends before.
    pub fn own_with_log_on(disk: &Disk) -> Option<Self> {
        let install = installed()?;
        let log = disk.mount_point().join("log");
        install.make_folder(&log).expect("a folder for PostgreSQL can be made");
        Some(Self::start_with_log_in(install, own_folder(), std::process::id(), &[], true, Some(&log)))
    }

    /// Makes a cluster in this folder, which ends with the process `watched`.
    fn start_in(install: Arc<Install>, folder: PathBuf, watched: u32, more: &[&Path], is_own: bool) -> Self {
        Self::start_with_log_in(install, folder, watched, more, is_own, None)
    }

    fn start_with_log_in(
        install: Arc<Install>,
        folder: PathBuf,
        watched: u32,
        more: &[&Path],
        is_own: bool,
        log: Option<&Path>,
    ) -> Self {
        make_readable(&folder);
        #[expect(clippy::zombie_processes, reason = "it outlives this process")]
        watchdog(watched, &folder, more).process_group(0).spawn().expect("`sh` starts");
        install.make_folder(&folder.join("data")).expect("a folder for PostgreSQL can be made");
        initialise(&install, &folder, log);
        let cluster = Self(Arc::new(Inner { install, folder, port: free_port(), is_own }));
        cluster.start();
        cluster.administrator().execute(&format!("CREATE ROLE {OWNER} LOGIN"));
        cluster
    }

    /// Starts it again after it was stopped or killed.
    pub fn start(&self) {
        let inner = &*self.0;
        let log = File::options().append(true).create(true).open(self.log_path()).expect("a log can be made");
        let start = Instant::now();
        let mut postgres = inner.install.command("postgres");
        postgres.arg("-D").arg(inner.folder.join("data")).arg("-p").arg(inner.port.to_string());
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        let mut child = postgres.spawn().expect("postgres starts");
        while let Err(error) = Shell::try_connect(self.address(), "postgres") {
            let ended = child.try_wait().expect("a child can be waited for");
            assert!(
                ended.is_none() && start.elapsed() < START_DEADLINE,
                "PostgreSQL does not start: {error}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        // ends with the postmaster, whoever ends that
        std::thread::spawn(move || child.wait());
    }

    /// Offers TLS to new connections from now on, with this certificate. For one that belongs to one test.
    pub fn offer_tls(&self, files: &Files) {
        assert!(self.is_own(), "other tests use this cluster");
        for (from, name) in [(&files.certificate, "server.crt"), (&files.key, "server.key")] {
            self.0.install.give(from, &self.0.folder.join("data").join(name)).expect("our own folder");
        }
        self.administrator().execute("ALTER SYSTEM SET ssl = on");
        self.administrator().execute("SELECT pg_reload_conf()");
        let start = Instant::now();
        // a session has what the postmaster had when it began
        while self.administrator().value("SHOW ssl") != "on" {
            assert!(start.elapsed() < START_DEADLINE, "PostgreSQL does not offer TLS\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9` of the postmaster and of every process it has.
    pub fn kill(&self) {
        let all = self.processes();
        processes::signal(&all, rustix::process::Signal::KILL);
        processes::wait_for_end(&all);
    }

    /// Ends it as after a fault, without a word to anybody, and starts it again.
    pub fn restart_at_once(&self) {
        let all = self.processes();
        processes::signal(&all[..1], rustix::process::Signal::QUIT);
        processes::wait_for_end(&all);
        self.start();
    }

    /// Whether its postmaster is gone, by itself or not.
    pub fn has_ended(&self) -> bool {
        !self.0.folder.join("data/postmaster.pid").exists()
    }

    /// Stops all its processes where they are, connections open.
    pub fn freeze(&self) {
        processes::signal(&self.processes(), rustix::process::Signal::STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        processes::signal(&self.processes(), rustix::process::Signal::CONT);
    }

    /// The postmaster and its children.
    fn processes(&self) -> Vec<u32> {
        let pid =
            std::fs::read_to_string(self.0.folder.join("data/postmaster.pid")).expect("PostgreSQL runs");
        let postmaster =
            pid.lines().next().and_then(|line| line.parse().ok()).expect("its file names its process");
        processes::with_children(postmaster)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        loopback(self.0.port)
    }

    /// What it wrote into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.0.folder.join("log")
    }

    /// One of the programs that came with it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.install.program(name)
    }

    /// Whether it belongs to one test.
    pub(crate) fn is_own(&self) -> bool {
        self.0.is_own
    }

    /// An empty database.
    pub fn database(&self) -> Database {
        Database::new(self)
    }

    /// An empty database whose tables are on this disk, while the log of the cluster is elsewhere; of a cluster of one's own,
    /// which ends before the disk does.
    pub fn database_on(&self, disk: &Disk) -> Database {
        let folder = disk.mount_point().join("tables");
        self.0.install.make_folder(&folder).expect("a folder for PostgreSQL can be made");
        Database::within(self, &folder)
    }

    /// A superuser's connection to the cluster's own database.
    pub fn administrator(&self) -> Shell {
        Shell::try_connect(self.address(), "postgres").unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.is_own {
            // what is left over is the watchdog's
            let _ = watchdog(0, &self.folder, &[]).status();
        }
    }
}

fn installed() -> Option<Arc<Install>> {
    static INSTALL: OnceLock<Option<Arc<Install>>> = OnceLock::new();
    INSTALL.get_or_init(|| Install::find().map(Arc::new)).clone()
}

fn own_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("vibetea-postgres-").tempdir();
    folder.expect("a temporary folder can be made").keep()
}

/// The user that `PostgreSQL` runs as must get into the folder, which holds nothing of ours.
fn make_readable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("our own folder");
}

fn watchdog(watched: u32, folder: &Path, more: &[&Path]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHDOG, "watchdog", &watched.to_string()]).arg(folder).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// With texts compared as people of some language do: whoever relies on the order of bytes has to say so. Falls back
/// to the order of bytes where `PostgreSQL` was built without languages.
fn initialise(install: &Install, folder: &Path, log: Option<&Path>) {
    let run = |more: &[&str]| {
        let mut initdb = install.command("initdb");
        initdb.arg("-D").arg(folder.join("data"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        if let Some(log) = log {
            initdb.arg("--waldir").arg(log);
        }
        initdb.args(more).output().expect("initdb starts")
    };
    if !run(&["--locale-provider=icu", "--icu-locale=en-US"]).status.success() {
        let output = run(&[]);
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    }
}
