//! A machine of its own for one test: an empty home with keys, data, state and transcripts in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use vibetea_protocol::SourceId;

use crate::answers;
use crate::program::{Program, free_port, loopback};
use crate::wait::until_so;

/// The token that viewers show.
pub const TOKEN: &str = "viewer-token-of-the-tests";
/// The name the monitor sends under.
pub const SOURCE: &str = "test-machine";

/// See the module.
#[derive(Debug)]
pub struct Place {
    root: TempDir,
    /// Where the server listens; the same after every restart.
    pub port: u16,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        let place = Self { root, port: free_port() };
        for folder in [place.logs(), place.claude().join("projects")] {
            std::fs::create_dir_all(folder).expect("a folder can be made");
        }
        place
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.root.path()
    }

    /// The folder with the transcripts' `projects` in it.
    pub fn claude(&self) -> PathBuf {
        self.home().join("claude")
    }

    /// The monitor's keys.
    pub fn keys(&self) -> PathBuf {
        self.home().join("keys")
    }

    /// The server's data.
    pub fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// The monitor's state.
    pub fn state(&self) -> PathBuf {
        self.home().join("state")
    }

    /// What the programs say.
    pub fn logs(&self) -> PathBuf {
        self.home().join("logs")
    }

    /// The server's database.
    pub fn database(&self) -> PathBuf {
        self.data().join("vibetea.db")
    }

    /// Variables that put every file of every program into this place.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec![
            ("HOME", text(self.home())),
            ("VIBETEA_DATA_DIR", text(&self.data())),
            ("VIBETEA_STATE_DIR", text(&self.state())),
            ("VIBETEA_KEY_PATH", text(&self.keys())),
            ("VIBETEA_CLAUDE_DIR", text(&self.claude())),
            ("VIBETEA_SOURCE_ID", SOURCE.to_owned()),
            ("VIBETEA_SUBSCRIBER_TOKEN", TOKEN.to_owned()),
        ]
    }

    /// The same with more.
    pub fn environment_and(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut all = self.environment();
        all.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    }

    /// Starts a program in this place.
    pub fn start(&self, name: &str, arguments: &[&str], more: &[(&'static str, &str)]) -> Program {
        Program::start(name, arguments, self.environment_and(more), &self.logs())
    }

    /// Makes the monitor's keys with its own command and answers the public one, base64.
    pub fn make_keys(&self) -> String {
        let ended = self.start("vibetea-monitor", &["init"], &[]).wait(Duration::from_secs(20));
        assert!(ended.status.success(), "init failed: {}", ended.stderr);
        let public = std::fs::read_to_string(self.keys().join("key.pub")).expect("init leaves a public key");
        public.trim().to_owned()
    }

    /// Starts the server that knows this monitor's key and lets it send as fast as it can; answers when it is
    /// ready for requests.
    pub fn start_server(&self, public_key: &str) -> Program {
        self.start_server_with(public_key, &[])
    }

    /// The same with more variables.
    pub fn start_server_with(&self, public_key: &str, more: &[(&'static str, &str)]) -> Program {
        let mut server = self.start_server_under(&[], public_key, more);
        self.wait_ready(&mut server, Duration::from_secs(30));
        server
    }

    /// Starts the server and does not wait.
    pub fn start_server_unready(&self, public_key: &str) -> Program {
        self.start_server_under(&[], public_key, &[])
    }

    /// Starts the server as the last words of another command line, and does not wait.
    pub fn start_server_under(
        &self,
        wrapper: &[&str],
        public_key: &str,
        more: &[(&'static str, &str)],
    ) -> Program {
        let (port, keys) = (self.port.to_string(), format!("{SOURCE}:{public_key}"));
        let mut variables = vec![
            ("PORT", port.as_str()),
            ("VIBETEA_PUBLIC_KEYS", &keys),
            ("VIBETEA_RATE_LIMIT_PER_SEC", "1000000"),
            ("VIBETEA_RATE_LIMIT_BURST", "1000000"),
            ("RUST_LOG", "warn"),
        ];
        variables.extend_from_slice(more);
        let environment = self.environment_and(&variables);
        Program::start_under(wrapper, "vibetea-server", [] as [&str; 0], environment, &self.logs())
    }

    /// Waits until the server answers that it can store.
    pub fn wait_ready(&self, server: &mut Program, deadline: Duration) {
        until_so(deadline, "the server is ready", || {
            if let Some(status) = server.ended() {
                panic!("the server ended with {status}: {}", server.stderr());
            }
            answers::get(loopback(self.port), "/readyz", &[]).is_some_and(|answer| answer.status == 200)
        });
    }

    /// Variables of a monitor in this place that sends to its server.
    pub fn monitor_environment(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let url = format!("http://{}", loopback(self.port));
        let mut all = vec![
            ("VIBETEA_SERVER_URL", url.as_str()),
            // no session of a test ends by silence
            ("VIBETEA_SESSION_SILENCE_SECS", "31536000"),
            ("RUST_LOG", "warn"),
            ("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        all.extend_from_slice(more);
        self.environment_and(&all)
    }

    /// Starts the monitor of this place against its server.
    pub fn start_monitor(&self, more: &[(&'static str, &str)]) -> Program {
        self.start_monitor_under(&[], more)
    }

    /// The same as the last words of another command line.
    pub fn start_monitor_under(&self, wrapper: &[&str], more: &[(&'static str, &str)]) -> Program {
        let environment = self.monitor_environment(more);
        Program::start_under(wrapper, "vibetea-monitor", ["run"], environment, &self.logs())
    }

    /// The monitor's private key.
    pub fn private_key(&self) -> [u8; 32] {
        let bytes = std::fs::read(self.keys().join("key.priv")).expect("the keys were made");
        bytes.try_into().expect("a private key is 32 bytes")
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// The source of every place.
pub fn source() -> SourceId {
    SOURCE.parse().expect("a good source name")
}

/// The real transcripts beside the project, where they are.
pub fn real_transcripts() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts");
    beside.join("projects").is_dir().then_some(beside)
}

/// Copies a folder with everything in it, as plain writable files.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            let bytes = std::fs::read(entry.path()).expect("the file can be read");
            std::fs::write(target, bytes).expect("the copy can be written");
        }
    }
}
