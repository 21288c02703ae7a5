//! What the environment says, checked. Every wrong variable is named at once.

mod lookup;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use url::Url;
use vibetea_protocol::SourceId;

use lookup::Variables;

use crate::pipeline::History;
use crate::privacy::{Policy, ProjectNames};
pub use lookup::{ConfigError, environment};

/// How the environment is read: name in, value out. A closure, so that tests touch no process environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything `run` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where events go and how often.
    pub shipping: Shipping,
    /// Who signs.
    pub identity: IdentityConfig,
    /// Folder in which the agent keeps its transcripts (its `projects` folder is followed).
    pub claude_dir: PathBuf,
    /// Folder of the outbox and the read positions.
    pub state_dir: PathBuf,
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

impl Config {
    /// Reads and checks everything; the error names each variable that is wrong.
    pub fn from_lookup(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(lookup);
        let server = variables.base_url("VIBETEA_SERVER_URL");
        if server.is_none() {
            variables.require("VIBETEA_SERVER_URL", "an http or https URL such as http://127.0.0.1:8080");
        }
        let hosted = variables.base_url("VIBETEA_SUPABASE_URL");
        let batch_interval = variables.number("VIBETEA_SUPABASE_BATCH_INTERVAL_SECS", 1, 86_400, 60);
        let retry_limit = variables.number("VIBETEA_SUPABASE_RETRY_LIMIT", 1, 10, 3);
        let buffer_size = variables.number("VIBETEA_BUFFER_SIZE", 1, 1_000_000, 1000);
        let silence = variables.number("VIBETEA_SESSION_SILENCE_SECS", 1, 31_536_000, 1800);
        let history = variables.history("VIBETEA_HISTORY");
        let basename_allowlist = variables.extensions("VIBETEA_BASENAME_ALLOWLIST");
        let context = variables.switch("VIBETEA_CONTEXT", true);
        let project_names = variables.project_names("VIBETEA_PROJECT_NAMES");
        let identity = IdentityConfig::read(&mut variables);
        let claude_dir = variables.claude_dir();
        let state_dir = variables.state_dir();
        match (server, identity, claude_dir, state_dir) {
            (Some(server), Some(identity), Some(claude_dir), Some(state_dir)) if variables.is_clean() => {
                Ok(Self {
                    shipping: Shipping {
                        live_url: endpoint(&server, "events"),
                        batch_url: endpoint(hosted.as_ref().unwrap_or(&server), "ingest"),
                        hosted: hosted.is_some(),
                        batch_interval: Duration::from_secs(batch_interval),
                        retry_limit: u32::try_from(retry_limit).unwrap_or(u32::MAX),
                        buffer_size: usize::try_from(buffer_size).unwrap_or(usize::MAX),
                    },
                    identity,
                    claude_dir,
                    state_dir,
                    history,
                    session_silence: Duration::from_secs(silence),
                    basename_allowlist,
                    context,
                    project_names,
                    home: variables.home(),
                })
            }
            _ => Err(variables.into_error()),
        }
    }
}

impl Config {
    /// What may be named.
    pub fn policy(&self) -> Policy {
        Policy::from_allowlist(self.basename_allowlist.as_deref())
            .with_context(self.context)
            .with_projects(self.project_names)
            .with_home(self.home.as_deref())
    }
}

impl IdentityConfig {
    /// Reads what `init` needs: the key folder and the source.
    pub fn from_lookup(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(lookup);
        let identity = Self::read(&mut variables);
        identity.filter(|_| variables.is_clean()).ok_or_else(|| variables.into_error())
    }

    fn read(variables: &mut Variables<'_>) -> Option<Self> {
        let key_dir = variables.key_dir();
        let source = variables.source();
        Some(Self { key_dir: key_dir?, source: source? })
    }
}

/// Reads what `status` needs: the state folder.
pub fn state_dir_from_lookup(lookup: Lookup<'_>) -> Result<PathBuf, ConfigError> {
    let mut variables = Variables::new(lookup);
    variables.state_dir().ok_or_else(|| variables.into_error())
}

/// `base` is without a trailing slash in its path but for the root.
fn endpoint(base: &Url, name: &str) -> Url {
    let mut url = base.clone();
    let path = format!("{}/{name}", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}
