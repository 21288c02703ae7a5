//! The settings of the command line: every flag stands for one variable of the environment and one key of the file.

#![expect(clippy::doc_markdown, reason = "the comments on the fields are the text of --help")]

use clap::ValueHint;

/// Settings given on the command line; each wins over its environment variable, which wins over the file.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// TOML file with settings; without it vibetea/monitor.toml in the configuration folder, if it is there
    /// [env: VIBETEA_CONFIG]
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<String>,
    /// Server; events go to its /events. Required for 'run' [env: VIBETEA_SERVER_URL]
    #[arg(long, global = true, hide_short_help = true, value_name = "URL", value_hint = ValueHint::Url)]
    server_url: Option<String>,
    /// Base of an ingest endpoint; every event also goes to its /ingest in batches [env: VIBETEA_SUPABASE_URL]
    #[arg(long, global = true, hide_short_help = true, value_name = "URL", value_hint = ValueHint::Url)]
    supabase_url: Option<String>,
    /// Certificates in PEM form that are trusted beside the system's, for a server with one of its own making
    /// [env: VIBETEA_CA_CERT]
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ca_cert: Option<String>,
    /// Seconds between batches, at least 1; 1000 waiting events go at once
    /// [env: VIBETEA_SUPABASE_BATCH_INTERVAL_SECS] [default: 60]
    #[arg(long, global = true, hide_short_help = true, value_name = "SECONDS")]
    supabase_batch_interval_secs: Option<String>,
    /// Attempts in a row before the next interval, 1 to 10 [env: VIBETEA_SUPABASE_RETRY_LIMIT] [default: 3]
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    supabase_retry_limit: Option<String>,
    /// Name the server knows this monitor by [env: VIBETEA_SOURCE_ID] [default: the host name]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    source_id: Option<String>,
    /// Folder of key.priv and key.pub [env: VIBETEA_KEY_PATH] [default: ~/.vibetea]
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    key_path: Option<String>,
    /// Folder of the agent, with the transcripts in 'projects' below it
    /// [env: VIBETEA_CLAUDE_DIR] [default: CLAUDE_CONFIG_DIR, else ~/.claude]
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    claude_dir: Option<String>,
    /// Folder of the outbox and the read positions
    /// [env: VIBETEA_STATE_DIR] [default: XDG_STATE_HOME/vibetea, else ~/.local/state/vibetea]
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    state_dir: Option<String>,
    /// What the first run reads of the past: all, off or days such as 30d [env: VIBETEA_HISTORY] [default: all]
    #[arg(long, global = true, hide_short_help = true, value_name = "RANGE")]
    history: Option<String>,
    /// Silence after which a session has ended [env: VIBETEA_SESSION_SILENCE_SECS] [default: 1800]
    #[arg(long, global = true, hide_short_help = true, value_name = "SECONDS")]
    session_silence_secs: Option<String>,
    /// Events held in memory per destination [env: VIBETEA_BUFFER_SIZE] [default: 1000]
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    buffer_size: Option<String>,
    /// File extensions that may be named, such as rs,ts,md [env: VIBETEA_BASENAME_ALLOWLIST] [default: all]
    #[arg(long, global = true, hide_short_help = true, value_name = "LIST")]
    basename_allowlist: Option<String>,
    /// Whether files are named at all: on or off [env: VIBETEA_CONTEXT] [default: on]
    #[arg(long, global = true, hide_short_help = true, value_name = "SWITCH")]
    context: Option<String>,
    /// How projects are named: basename as their folder, hash by a keyed hash, off not at all
    /// [env: VIBETEA_PROJECT_NAMES] [default: basename]
    #[arg(long, global = true, hide_short_help = true, value_name = "HOW")]
    project_names: Option<String>,
    /// MCP servers whose tools may be named, such as github,playwright [env: VIBETEA_MCP_ALLOWLIST] [default: none]
    #[arg(long, global = true, hide_short_help = true, value_name = "LIST")]
    mcp_allowlist: Option<String>,
    /// What is logged, such as info or vibetea_monitor=debug [env: RUST_LOG] [default: info]
    #[arg(long, global = true, hide_short_help = true, value_name = "FILTER")]
    log: Option<String>,
}

impl Flags {
    /// What was given for a flag, by its name with the dashes.
    pub fn get(&self, flag: &str) -> Option<String> {
        let value = match flag {
            "--config" => &self.config,
            "--server-url" => &self.server_url,
            "--supabase-url" => &self.supabase_url,
            "--ca-cert" => &self.ca_cert,
            "--supabase-batch-interval-secs" => &self.supabase_batch_interval_secs,
            "--supabase-retry-limit" => &self.supabase_retry_limit,
            "--source-id" => &self.source_id,
            "--key-path" => &self.key_path,
            "--claude-dir" => &self.claude_dir,
            "--state-dir" => &self.state_dir,
            "--history" => &self.history,
            "--session-silence-secs" => &self.session_silence_secs,
            "--buffer-size" => &self.buffer_size,
            "--basename-allowlist" => &self.basename_allowlist,
            "--context" => &self.context,
            "--project-names" => &self.project_names,
            "--mcp-allowlist" => &self.mcp_allowlist,
            "--log" => &self.log,
            _ => return None,
        };
        value.clone()
    }
}
