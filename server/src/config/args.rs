//! The command line: every flag stands for one variable of the environment.

#![expect(clippy::doc_markdown, reason = "the comments on the fields are the text of --help")]

use std::path::PathBuf;

/// The flag that names the database.
pub(super) const DATABASE_FLAG: &str = "--database-url";

/// Settings given on the command line; each wins over its environment variable.
///
/// Secrets have no flag, as a command line can be read by everybody on the machine: they come from the
/// environment, from a file named by `NAME_FILE`, or from the configuration file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// TOML file with settings; without it vibetea/server.toml in the configuration directory, if it is there
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Port to listen on; 0 takes a free one [env: PORT] [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// IP address to listen on [env: VIBETEA_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// sqlite:PATH, postgres://… without a password, or none to pass events on without keeping them; a password may
    /// stand in [env: VIBETEA_DATABASE_URL] and its file
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Directory of the database [env: VIBETEA_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Who may send beside those of 'sources', as source:base64key,source2:base64key2 [env: VIBETEA_PUBLIC_KEYS]
    #[arg(long, value_name = "KEYS")]
    pub public_keys: Option<String>,
    /// File that holds the token of those who may watch [env: VIBETEA_SUBSCRIBER_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    pub subscriber_token_file: Option<String>,
    /// No signatures and no tokens; loopback only [env: VIBETEA_UNSAFE_NO_AUTH]
    #[arg(long)]
    pub unsafe_no_auth: bool,
    /// Certificate chain in PEM form; with it the server speaks TLS, and reads it anew when it changes
    /// [env: VIBETEA_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// Private key of the certificate in PEM form, readable by its owner alone [env: VIBETEA_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// A proxy in front speaks TLS: loopback, private, or its addresses and networks, separated by commas. What these
    /// tell of their callers is believed [env: VIBETEA_BEHIND_PROXY]
    #[arg(long, value_name = "PROXIES")]
    pub behind_proxy: Option<String>,
    /// Requests per second of one address, whoever asks; unset, this machine is not limited
    /// [env: VIBETEA_ADDRESS_RATE_LIMIT_PER_SEC] [default: 500]
    #[arg(long, value_name = "N")]
    pub address_rate_limit_per_sec: Option<String>,
    /// Requests of one address at once [env: VIBETEA_ADDRESS_RATE_LIMIT_BURST] [default: 2000]
    #[arg(long, value_name = "N")]
    pub address_rate_limit_burst: Option<String>,
    /// Answer an unknown source as a bad signature, in words and in time [env: VIBETEA_UNIFORM_AUTH_ERRORS]
    #[arg(long)]
    pub uniform_auth_errors: bool,
    /// Events per second that one source may send to /events [env: VIBETEA_RATE_LIMIT_PER_SEC] [default: 100]
    #[arg(long, value_name = "N")]
    pub rate_limit_per_sec: Option<String>,
    /// Events that one source may send to /events at once [env: VIBETEA_RATE_LIMIT_BURST] [default: 100]
    #[arg(long, value_name = "N")]
    pub rate_limit_burst: Option<String>,
    /// Names this server answers to, separated by commas [env: VIBETEA_ALLOWED_HOSTS]
    #[arg(long, value_name = "HOSTS")]
    pub allowed_hosts: Option<String>,
    /// Path below which everything is served, such as /tea [env: VIBETEA_BASE_PATH]
    #[arg(long, value_name = "PATH")]
    pub base_path: Option<String>,
    /// Address by which others reach this server, such as https://tea.example.org [env: VIBETEA_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Origins whose pages may call this server, separated by commas [env: VIBETEA_CORS_ORIGINS]
    #[arg(long, value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Largest body of /ingest in bytes [env: VIBETEA_MAX_BODY_BYTES] [default: 4194304]
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<String>,
    /// Most bytes of all bodies together that are arriving and not verified yet, at least one largest body; beyond it,
    /// those that began first are answered 503 [env: VIBETEA_MAX_UNVERIFIED_BYTES] [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    pub max_unverified_bytes: Option<String>,
    /// Most connections at a time [env: VIBETEA_MAX_CONNECTIONS] [default: 1024]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<String>,
    /// Most connections of one address at a time, and most live streams of one behind a proxy; unset, this machine is
    /// not limited [env: VIBETEA_MAX_CONNECTIONS_PER_ADDRESS] [default: 256]
    #[arg(long, value_name = "N")]
    pub max_connections_per_address: Option<String>,
    /// Most live streams of one token at a time; without tokens, of all [env: VIBETEA_MAX_STREAMS_PER_TOKEN] [default: 64]
    #[arg(long, value_name = "N")]
    pub max_streams_per_token: Option<String>,
    /// How long events stay, such as 400d, at least 31d [env: VIBETEA_RETENTION] [default: keep]
    #[arg(long, value_name = "DAYS")]
    pub retention: Option<String>,
    /// How long counts stay, at least as long as events [env: VIBETEA_RETENTION_COUNTS] [default: keep]
    #[arg(long, value_name = "DAYS")]
    pub retention_counts: Option<String>,
    /// Directory that the server copies its store into [env: VIBETEA_BACKUP_DIR]
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<String>,
    /// Time between two copies, such as 12h or 7d [env: VIBETEA_BACKUP_EVERY] [default: 24h]
    #[arg(long, value_name = "TIME")]
    pub backup_every: Option<String>,
    /// How many copies stay [env: VIBETEA_BACKUP_KEEP] [default: 7]
    #[arg(long, value_name = "N")]
    pub backup_keep: Option<String>,
    /// What is logged, such as info or vibetea_server=debug [env: RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

impl Args {
    /// The flag that stands for a variable, with its value where it was given.
    pub(super) fn flag(&self, variable: &str) -> Option<(&'static str, String)> {
        let (flag, value) = match variable {
            "PORT" => ("--port", &self.port),
            "VIBETEA_HOST" => ("--host", &self.host),
            "VIBETEA_DATABASE_URL" => (DATABASE_FLAG, &self.database_url),
            "VIBETEA_DATA_DIR" => ("--data-dir", &self.data_dir),
            "VIBETEA_PUBLIC_KEYS" => ("--public-keys", &self.public_keys),
            "VIBETEA_SUBSCRIBER_TOKEN_FILE" => ("--subscriber-token-file", &self.subscriber_token_file),
            "VIBETEA_UNSAFE_NO_AUTH" => {
                return self.unsafe_no_auth.then(|| ("--unsafe-no-auth", "true".to_owned()));
            }
            "VIBETEA_TLS_CERT" => ("--tls-cert", &self.tls_cert),
            "VIBETEA_TLS_KEY" => ("--tls-key", &self.tls_key),
            "VIBETEA_BEHIND_PROXY" => ("--behind-proxy", &self.behind_proxy),
            "VIBETEA_ADDRESS_RATE_LIMIT_PER_SEC" => {
                ("--address-rate-limit-per-sec", &self.address_rate_limit_per_sec)
            }
            "VIBETEA_ADDRESS_RATE_LIMIT_BURST" => {
                ("--address-rate-limit-burst", &self.address_rate_limit_burst)
            }
            "VIBETEA_MAX_CONNECTIONS_PER_ADDRESS" => {
                ("--max-connections-per-address", &self.max_connections_per_address)
            }
            "VIBETEA_UNIFORM_AUTH_ERRORS" => {
                return self.uniform_auth_errors.then(|| ("--uniform-auth-errors", "true".to_owned()));
            }
            "VIBETEA_RATE_LIMIT_PER_SEC" => ("--rate-limit-per-sec", &self.rate_limit_per_sec),
            "VIBETEA_RATE_LIMIT_BURST" => ("--rate-limit-burst", &self.rate_limit_burst),
            "VIBETEA_ALLOWED_HOSTS" => ("--allowed-hosts", &self.allowed_hosts),
            "VIBETEA_BASE_PATH" => ("--base-path", &self.base_path),
            "VIBETEA_PUBLIC_URL" => ("--public-url", &self.public_url),
            "VIBETEA_CORS_ORIGINS" => ("--cors-origins", &self.cors_origins),
            "VIBETEA_MAX_BODY_BYTES" => ("--max-body-bytes", &self.max_body_bytes),
            "VIBETEA_MAX_UNVERIFIED_BYTES" => ("--max-unverified-bytes", &self.max_unverified_bytes),
            "VIBETEA_MAX_CONNECTIONS" => ("--max-connections", &self.max_connections),
            "VIBETEA_MAX_STREAMS_PER_TOKEN" => ("--max-streams-per-token", &self.max_streams_per_token),
            "VIBETEA_RETENTION" => ("--retention", &self.retention),
            "VIBETEA_RETENTION_COUNTS" => ("--retention-counts", &self.retention_counts),
            "VIBETEA_BACKUP_DIR" => ("--backup-dir", &self.backup_dir),
            "VIBETEA_BACKUP_EVERY" => ("--backup-every", &self.backup_every),
            "VIBETEA_BACKUP_KEEP" => ("--backup-keep", &self.backup_keep),
            "RUST_LOG" => ("--log", &self.log),
            _ => return None,
        };
        value.clone().map(|value| (flag, value))
    }
}
