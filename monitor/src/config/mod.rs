//! What flags, environment and file say, checked. Everything that is wrong is named at once.

mod file;
mod flags;
mod joining;
mod reader;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;
use vibetea_protocol::SourceId;

pub use file::ConfigFile;
pub use flags::Flags;
pub use joining::Joining;
pub use reader::{Origin, Setting, Shown};
use reader::{Problem, Reader};
pub use values::{WrongUrl, read_base_url};

use crate::identity::Identity;
use crate::interpret::Interpreter;
use crate::pipeline::History;
use crate::privacy::{Policy, ProjectNames};

/// How settings are asked for: the name of a variable in, its value out; a flag of the command line is asked for by
/// its name with the dashes. A closure, so that tests touch no process environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything `run` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where events go and how often.
    pub shipping: Shipping,
    /// Who signs.
    pub identity: IdentityConfig,
    /// What is read.
    pub reading: Reading,
    /// Folder of the outbox and the read positions.
    pub state_dir: PathBuf,
}

/// Which transcripts are read, and what of them may be named.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Folder in which the agent keeps its transcripts (its `projects` folder is followed).
    pub claude_dir: PathBuf,
    /// How much of what was there before the first run is read.
    pub history: History,
    /// Silence after which a session counts as ended.
    pub session_silence: Duration,
    /// File extensions that may be named, with commas between them; `None` leaves the built-in rule.
    pub basename_allowlist: Option<String>,
    /// Whether files are named at all.
    pub context: bool,
    /// How projects are named.
    pub project_names: ProjectNames,
    /// MCP servers whose tools may be named, with commas between them; `None` names none.
    pub mcp_allowlist: Option<String>,
    /// The home directory, whose name is a person's.
    pub home: Option<String>,
}

/// The two destinations.
#[derive(Debug, Clone)]
pub struct Shipping {
    /// `{VIBETEA_SERVER_URL}/events`.
    pub live_url: Url,
    /// `{VIBETEA_SUPABASE_URL}/ingest`, or `{VIBETEA_SERVER_URL}/ingest` where that is not set.
    pub batch_url: Url,
    /// Whether `VIBETEA_SUPABASE_URL` is set: every event goes there too, in batches at an interval.
    pub hosted: bool,
    /// Time between batches to a hosted destination.
    pub batch_interval: Duration,
    /// Attempts in a row before a hosted destination is left alone until the next interval.
    pub retry_limit: u32,
    /// Most events held in memory at once, per destination.
    pub buffer_size: usize,
    /// Certificates in PEM form that are trusted beside the machine's own.
    pub ca_cert: Option<PathBuf>,
}

impl Shipping {
    /// Whether both destinations are the same scheme, host and port, so that one delivery is enough.
    pub fn same_origin(&self) -> bool {
        self.live_url.origin() == self.batch_url.origin()
    }
}

/// Which keys sign, and in whose name.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// Folder with `key.priv` and `key.pub`.
    pub key_dir: PathBuf,
    /// Name the server knows this monitor by.
    pub source: SourceId,
}

/// One or more settings are wrong or missing; nothing was started.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// Of sentences that say what is wrong, where, and what is allowed.
    pub(crate) const fn new(problems: Vec<String>) -> Self {
        Self { problems }
    }

    /// What is wrong, a sentence each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

macro_rules! settings {
    ($($constant:ident = $name:literal, $key:literal, $flag:literal;)*) => {
        $(pub(crate) const $constant: &Setting = &Setting { name: $name, key: $key, flag: $flag };)*
        const ALL: &[&Setting] = &[$($constant),*];
    };
}

settings! {
    SERVER_URL = "VIBETEA_SERVER_URL", "server_url", "--server-url";
    SUPABASE_URL = "VIBETEA_SUPABASE_URL", "supabase_url", "--supabase-url";
    CA_CERT = "VIBETEA_CA_CERT", "ca_cert", "--ca-cert";
    BATCH_INTERVAL = "VIBETEA_SUPABASE_BATCH_INTERVAL_SECS", "supabase_batch_interval_secs", "--supabase-batch-interval-secs";
    RETRY_LIMIT = "VIBETEA_SUPABASE_RETRY_LIMIT", "supabase_retry_limit", "--supabase-retry-limit";
    SOURCE_ID = "VIBETEA_SOURCE_ID", "source_id", "--source-id";
    KEY_PATH = "VIBETEA_KEY_PATH", "key_path", "--key-path";
    CLAUDE_DIR = "VIBETEA_CLAUDE_DIR", "claude_dir", "--claude-dir";
    STATE_DIR = "VIBETEA_STATE_DIR", "state_dir", "--state-dir";
    HISTORY = "VIBETEA_HISTORY", "history", "--history";
    SESSION_SILENCE = "VIBETEA_SESSION_SILENCE_SECS", "session_silence_secs", "--session-silence-secs";
    BUFFER_SIZE = "VIBETEA_BUFFER_SIZE", "buffer_size", "--buffer-size";
    BASENAME_ALLOWLIST = "VIBETEA_BASENAME_ALLOWLIST", "basename_allowlist", "--basename-allowlist";
    CONTEXT = "VIBETEA_CONTEXT", "context", "--context";
    PROJECT_NAMES = "VIBETEA_PROJECT_NAMES", "project_names", "--project-names";
    MCP_ALLOWLIST = "VIBETEA_MCP_ALLOWLIST", "mcp_allowlist", "--mcp-allowlist";
    LOG = "RUST_LOG", "log", "--log";
}

/// Claude Code's own variable for its folder; ours and the file go before it.
const CLAUDE_CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";

/// All settings as far as they can be used, with what is wrong about the rest.
#[derive(Debug)]
pub struct Settings {
    server_url: Option<Url>,
    supabase_url: Option<Url>,
    ca_cert: Option<PathBuf>,
    batch_interval: u64,
    retry_limit: u64,
    buffer_size: u64,
    source: Option<SourceId>,
    key_dir: Option<PathBuf>,
    claude_dir: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    history: History,
    session_silence: u64,
    basename_allowlist: Option<String>,
    context: bool,
    project_names: ProjectNames,
    mcp_allowlist: Option<String>,
    home: Option<String>,
    log: String,
    file: Option<PathBuf>,
    shown: Vec<Shown>,
    problems: Vec<Problem>,
}

impl Settings {
    /// Reads everything; what is wrong is kept for those whom it concerns.
    pub fn read(lookup: Lookup<'_>) -> Self {
        let mut reader = Reader::open(lookup, ALL);
        let server_url = reader.base_url(SERVER_URL);
        if server_url.is_none() && !reader.problems.iter().any(|problem| problem.about == Some(SERVER_URL)) {
            let text = format!(
                "{} is not set, nor {} or the key '{}': an http or https URL such as http://127.0.0.1:8080 is required",
                SERVER_URL.name, SERVER_URL.flag, SERVER_URL.key
            );
            reader.complain(SERVER_URL, text);
        }
        let supabase_url = reader.base_url(SUPABASE_URL);
        let ca_cert = reader.certificates(CA_CERT);
        let batch_interval = reader.number(BATCH_INTERVAL, 1, 86_400, 60);
        let retry_limit = reader.number(RETRY_LIMIT, 1, 10, 3);
        let source = reader.source(SOURCE_ID);
        let key_dir = reader.folder(KEY_PATH, None, ".vibetea");
        let claude = reader.get(CLAUDE_CONFIG_DIR).map(|dir| reader.expanded(&dir));
        let claude = claude.map(|dir| (dir, Origin::Environment(CLAUDE_CONFIG_DIR)));
        let claude_dir = reader.folder(CLAUDE_DIR, claude, ".claude");
        let state = reader.base_directory("XDG_STATE_HOME", ".local/state");
        let state = state.map(|dir| (dir.join("vibetea"), Origin::Default));
        let state_dir = reader.folder(STATE_DIR, state, ".local/state/vibetea");
        let history = reader.choice(HISTORY, "all", History::All);
        let session_silence = reader.number(SESSION_SILENCE, 1, 31_536_000, 1800);
        let buffer_size = reader.number(BUFFER_SIZE, 1, 1_000_000, 1000);
        let basename_allowlist = reader.extensions(BASENAME_ALLOWLIST);
        let context = reader.switch(CONTEXT, true);
        let project_names = reader.choice(PROJECT_NAMES, "basename", ProjectNames::Off);
        let mcp_allowlist = reader.mcp_servers(MCP_ALLOWLIST);
        let home = reader.get("HOME");
        let log = reader.text(LOG, "info");
        let file = reader.file_path();
        let Reader { shown, problems, .. } = reader;
        Self {
            server_url,
            supabase_url,
            ca_cert,
            batch_interval,
            retry_limit,
            buffer_size,
            source,
            key_dir,
            claude_dir,
            state_dir,
            history,
            session_silence,
            basename_allowlist,
            context,
            project_names,
            mcp_allowlist,
            home,
            log,
            file,
            shown,
            problems,
        }
    }

    /// Every setting as it may be shown, in the order of the documentation.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// The configuration file, whether it is there or not.
    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// What is logged, in the words of `RUST_LOG`.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Fails with everything that is wrong with the file or any setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_these(ALL)
    }

    /// Fails with everything that is wrong with the file or one of these settings.
    fn check_these(&self, these: &[&Setting]) -> Result<(), ConfigError> {
        self.check_where(|about| *about == reader::CONFIG || these.contains(&about))
    }

    fn check_where(&self, is_meant: impl Fn(&Setting) -> bool) -> Result<(), ConfigError> {
        let concerns = |problem: &&Problem| problem.about.is_none_or(&is_meant);
        let problems: Vec<String> =
            self.problems.iter().filter(concerns).map(|problem| problem.text.clone()).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    /// Where events go.
    pub fn shipping(&self) -> Result<Shipping, ConfigError> {
        self.check_these(&[SERVER_URL, SUPABASE_URL, CA_CERT, BATCH_INTERVAL, RETRY_LIMIT, BUFFER_SIZE])?;
        let server = self.server_url.as_ref().expect(COMPLAINED);
        Ok(Shipping {
            live_url: endpoint(server, "events"),
            batch_url: endpoint(self.supabase_url.as_ref().unwrap_or(server), "ingest"),
            hosted: self.supabase_url.is_some(),
            batch_interval: Duration::from_secs(self.batch_interval),
            retry_limit: u32::try_from(self.retry_limit).unwrap_or(u32::MAX),
            buffer_size: usize::try_from(self.buffer_size).unwrap_or(usize::MAX),
            ca_cert: self.ca_cert.clone(),
        })
    }

    /// Who signs.
    pub fn identity(&self) -> Result<IdentityConfig, ConfigError> {
        self.check_these(&[SOURCE_ID, KEY_PATH])?;
        let (key_dir, source) = self.key_dir.clone().zip(self.source.clone()).expect(COMPLAINED);
        Ok(IdentityConfig { key_dir, source })
    }

    /// What is read.
    pub fn reading(&self) -> Result<Reading, ConfigError> {
        self.check_these(&[
            CLAUDE_DIR,
            HISTORY,
            SESSION_SILENCE,
            BASENAME_ALLOWLIST,
            CONTEXT,
            PROJECT_NAMES,
            MCP_ALLOWLIST,
        ])?;
        Ok(Reading {
            claude_dir: self.claude_dir.clone().expect(COMPLAINED),
            history: self.history,
            session_silence: Duration::from_secs(self.session_silence),
            basename_allowlist: self.basename_allowlist.clone(),
            context: self.context,
            project_names: self.project_names,
            mcp_allowlist: self.mcp_allowlist.clone(),
            home: self.home.clone(),
        })
    }

    /// The agent's folder, where that setting can be used.
    pub fn claude_dir(&self) -> Option<&Path> {
        self.claude_dir.as_deref()
    }

    /// The folder of the outbox.
    pub fn state_dir(&self) -> Result<PathBuf, ConfigError> {
        self.check_these(&[STATE_DIR])?;
        Ok(self.state_dir.clone().expect(COMPLAINED))
    }
}

const COMPLAINED: &str = "what is not there was complained about";

impl Config {
    /// Reads and checks everything; the error names each setting that is wrong.
    pub fn from_lookup(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        Self::from_settings(&Settings::read(lookup))
    }

    /// The same of settings that were read already.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        settings.check()?;
        Ok(Self {
            shipping: settings.shipping()?,
            identity: settings.identity()?,
            reading: settings.reading()?,
            state_dir: settings.state_dir()?,
        })
    }
}

impl Reading {
    /// Lines to events, by these rules, in the name of `identity`.
    pub fn interpreter(&self, identity: Identity) -> Interpreter {
        Interpreter::new(self.policy(), identity, self.session_silence)
    }

    /// What may be named.
    pub fn policy(&self) -> Policy {
        Policy::from_allowlist(self.basename_allowlist.as_deref())
            .with_context(self.context)
            .with_projects(self.project_names)
            .with_mcp_servers(self.mcp_allowlist.as_deref())
            .with_home(self.home.as_deref())
    }
}

impl IdentityConfig {
    /// Reads what `init` needs: the key folder and the source.
    pub fn from_lookup(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        Settings::read(lookup).identity()
    }
}

/// Reads what `status` needs: the state folder.
pub fn state_dir_from_lookup(lookup: Lookup<'_>) -> Result<PathBuf, ConfigError> {
    Settings::read(lookup).state_dir()
}

/// The process environment, for [`Config::from_lookup`]; it has no flags.
pub fn environment(name: &str) -> Option<String> {
    if name.starts_with('-') {
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// An address below a base. `base` is without a trailing slash in its path but for the root.
pub fn endpoint(base: &Url, name: &str) -> Url {
    let mut url = base.clone();
    let path = format!("{}/{name}", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}
