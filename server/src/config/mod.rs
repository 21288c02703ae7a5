//! The server's settings: flag over environment over file over default, each read through a lookup function.

mod access;
mod args;
mod base;
mod database;
mod exposure;
mod hosts;
mod public_url;
mod reader;
mod span;
mod store;
#[cfg(test)]
mod tests;
mod upkeep;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use vibetea_protocol::limits::{MAX_EVENTS_BODY, MAX_INGEST_BODY};

use crate::auth::Token;

pub use access::Access;
use access::{read_access, read_token};
pub use args::Args;
pub use base::BasePath;
pub(crate) use database::holds_password;
use database::read_database;
pub use database::{Database, PostgresUrl};
use exposure::read_exposure;
pub use exposure::{AddressRate, Exposure, PerAddress};
pub use hosts::{AllowedHost, CorsOrigins};
pub use public_url::PublicUrl;
use public_url::read_public_url;
use reader::{Reader, Setting};
pub use span::read_span;
pub use store::{StoreArgs, StoreConfig};
use upkeep::read_upkeep;
pub use upkeep::{Backups, Retention, Upkeep};

/// Answers the value of a variable of the environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything the server is told before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Where events are kept.
    pub database: Database,
    /// Who may send and who may watch.
    pub access: Access,
    /// What those who read `/metrics` have to show; nothing without one.
    pub metrics_token: Option<Token>,
    /// How the server stands in the open.
    pub exposure: Exposure,
    /// Tokens a source's bucket gains per second.
    pub rate_per_sec: u32,
    /// Tokens a source's bucket holds at most.
    pub rate_burst: u32,
    /// `Host` names this server answers to; `None` for any.
    pub allowed_hosts: Option<Vec<AllowedHost>>,
    /// The path below which everything is served.
    pub base_path: BasePath,
    /// The address by which others reach this server.
    pub public_url: Option<PublicUrl>,
    /// Whose pages may call this server.
    pub cors: CorsOrigins,
    /// Largest body of the batch route, in bytes.
    pub max_ingest_body: usize,
    /// Largest body of the live route, in bytes.
    pub max_events_body: usize,
    /// Most bytes of all bodies that are arriving and not verified yet; at least one largest body.
    pub max_unverified_bytes: usize,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most live streams of one token at a time.
    pub max_streams_per_token: usize,
    /// How long events stay, and where copies of them go.
    pub upkeep: Upkeep,
    /// What is logged, in the words of `RUST_LOG`.
    pub log: String,
    /// Sentences for the operator about settings that were understood but should change.
    pub warnings: Vec<String>,
}

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    setting: String,
    held: String,
    allowed: String,
}

impl Wrong {
    fn new(setting: impl Into<String>, held: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { setting: setting.into(), held: held.into(), allowed: allowed.into() }
    }
}

/// All settings that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    wrong: Vec<Wrong>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for Wrong { setting, held, allowed } in &self.wrong {
            write!(f, "\n  {setting} {held}; allowed: {allowed}")?;
        }
        Ok(())
    }
}

const PORT: Setting = Setting { legacy: &["VIBETEA_PORT"], ..Setting::new("PORT", "port") };
const HOST: Setting = Setting::new("VIBETEA_HOST", "host");
const DATABASE_URL: Setting =
    Setting { aliases: &["DATABASE_URL"], ..Setting::secret("VIBETEA_DATABASE_URL", "database_url") };
const DATA_DIR: Setting = Setting::new("VIBETEA_DATA_DIR", "data_dir");
const PUBLIC_KEYS: Setting = Setting::secret("VIBETEA_PUBLIC_KEYS", "public_keys");
const TOKEN: Setting = Setting {
    legacy: &["VIBETEA_AUTH_TOKEN"],
    ..Setting::secret("VIBETEA_SUBSCRIBER_TOKEN", "subscriber_token")
};
const METRICS_TOKEN: Setting = Setting::secret("VIBETEA_METRICS_TOKEN", "metrics_token");
const UNSAFE_NO_AUTH: Setting = Setting::new("VIBETEA_UNSAFE_NO_AUTH", "unsafe_no_auth");
const UNIFORM_AUTH_ERRORS: Setting = Setting::new("VIBETEA_UNIFORM_AUTH_ERRORS", "uniform_auth_errors");
const RATE_PER_SEC: Setting = Setting::new("VIBETEA_RATE_LIMIT_PER_SEC", "rate_limit_per_sec");
const RATE_BURST: Setting = Setting::new("VIBETEA_RATE_LIMIT_BURST", "rate_limit_burst");
const ALLOWED_HOSTS: Setting = Setting::new("VIBETEA_ALLOWED_HOSTS", "allowed_hosts");
const BASE_PATH: Setting = Setting::new("VIBETEA_BASE_PATH", "base_path");
const PUBLIC_URL: Setting = Setting::new("VIBETEA_PUBLIC_URL", "public_url");
const CORS_ORIGINS: Setting = Setting::new("VIBETEA_CORS_ORIGINS", "cors_origins");
const MAX_BODY: Setting = Setting::new("VIBETEA_MAX_BODY_BYTES", "max_body_bytes");
const MAX_UNVERIFIED: Setting = Setting::new("VIBETEA_MAX_UNVERIFIED_BYTES", "max_unverified_bytes");
const MAX_CONNECTIONS: Setting = Setting::new("VIBETEA_MAX_CONNECTIONS", "max_connections");
const MAX_STREAMS: Setting = Setting::new("VIBETEA_MAX_STREAMS_PER_TOKEN", "max_streams_per_token");
const RETENTION: Setting = Setting::new("VIBETEA_RETENTION", "retention");
const RETENTION_COUNTS: Setting = Setting::new("VIBETEA_RETENTION_COUNTS", "retention_counts");
const BACKUP_DIR: Setting = Setting::new("VIBETEA_BACKUP_DIR", "backup_dir");
const BACKUP_EVERY: Setting = Setting::new("VIBETEA_BACKUP_EVERY", "backup_every");
const BACKUP_KEEP: Setting = Setting::new("VIBETEA_BACKUP_KEEP", "backup_keep");
const LOG: Setting = Setting::new("RUST_LOG", "log");

const ALL: &[&Setting] = &[
    &PORT,
    &HOST,
    &DATABASE_URL,
    &DATA_DIR,
    &PUBLIC_KEYS,
    &TOKEN,
    &METRICS_TOKEN,
    &UNSAFE_NO_AUTH,
    &exposure::TLS_CERT,
    &exposure::TLS_KEY,
    &exposure::BEHIND_PROXY,
    &exposure::ADDRESS_RATE,
    &exposure::ADDRESS_BURST,
    &exposure::PER_ADDRESS,
    &UNIFORM_AUTH_ERRORS,
    &RATE_PER_SEC,
    &RATE_BURST,
    &ALLOWED_HOSTS,
    &BASE_PATH,
    &PUBLIC_URL,
    &CORS_ORIGINS,
    &MAX_BODY,
    &MAX_UNVERIFIED,
    &MAX_CONNECTIONS,
    &MAX_STREAMS,
    &RETENTION,
    &RETENTION_COUNTS,
    &BACKUP_DIR,
    &BACKUP_EVERY,
    &BACKUP_KEEP,
    &LOG,
];

const MAX_BODY_CEILING: usize = 256 * 1024 * 1024;
/// A batch of a thousand events has some 300 KiB and is whole in a moment: two hundred machines at once do not come near.
const UNVERIFIED_BYTES: usize = 64 * 1024 * 1024;
const MAX_UNVERIFIED_CEILING: usize = 8 * MAX_BODY_CEILING;
/// A person has a few pages open, a team that shares the configured token some dozen.
const STREAMS_PER_TOKEN: usize = 64;
const MAX_RATE: u32 = 1_000_000;
const MAX_CONNECTION_COUNT: usize = 1_000_000;

impl Config {
    /// The settings of this process.
    pub fn from_process(args: &Args) -> Result<Self, ConfigError> {
        Self::load(args, &environment)
    }

    /// The settings, or all that is wrong with them.
    pub fn load(args: &Args, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::open(args, lookup);
        let host = read_host(&mut reader);
        let port = read_port(&mut reader);
        let database = read_database(&mut reader, lookup);
        let access = read_access(&mut reader, host, database != Some(Database::Relay));
        let exposure = read_exposure(&mut reader, host, matches!(access, Some(Access::Open)));
        let metrics_token = read_token(&mut reader, &METRICS_TOKEN);
        let rate_per_sec = reader.number(&RATE_PER_SEC, 100, 1..=MAX_RATE);
        let rate_burst = reader.number(&RATE_BURST, 100, 1..=MAX_RATE);
        let allowed_hosts = reader
            .parse(&ALLOWED_HOSTS, None, hosts::HOSTS_ALLOWED, |text| hosts::read_hosts(text).map(Some));
        let base_path = read_base_path(&mut reader);
        let public_url = read_public_url(&mut reader);
        let cors = reader.parse(
            &CORS_ORIGINS,
            CorsOrigins::HostedRoutes,
            hosts::ORIGINS_ALLOWED,
            hosts::read_origins,
        );
        let max_ingest_body = reader.number(&MAX_BODY, MAX_INGEST_BODY, 1024..=MAX_BODY_CEILING);
        let max_unverified_bytes =
            reader.number(&MAX_UNVERIFIED, UNVERIFIED_BYTES, 1 << 20..=MAX_UNVERIFIED_CEILING);
        let max_connections = reader.number(&MAX_CONNECTIONS, 1024, 1..=MAX_CONNECTION_COUNT);
        let max_streams_per_token = reader.number(&MAX_STREAMS, STREAMS_PER_TOKEN, 1..=MAX_CONNECTION_COUNT);
        let upkeep = read_upkeep(&mut reader);
        let log = read_log(&mut reader);
        let mut config = Self {
            host,
            port,
            database: database.unwrap_or(Database::Relay),
            access: access.unwrap_or(Access::Open),
            metrics_token: metrics_token.unwrap_or(None),
            exposure,
            rate_per_sec,
            rate_burst,
            allowed_hosts,
            base_path,
            public_url,
            cors,
            max_ingest_body,
            max_events_body: MAX_EVENTS_BODY.min(max_ingest_body),
            max_unverified_bytes: max_unverified_bytes.max(max_ingest_body),
            max_connections,
            max_streams_per_token,
            upkeep,
            log,
            warnings: Vec::new(),
        };
        // the stand-ins above never leave: where one was needed, something is wrong
        config.warnings = reader.finish()?;
        Ok(config)
    }
}

/// The environment of this process.
#[expect(clippy::disallowed_methods, reason = "the one place that hands out the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read_host(reader: &mut Reader<'_>) -> IpAddr {
    let allowed = "an IP address, such as 127.0.0.1, 0.0.0.0 or ::1, or localhost";
    reader.parse(&HOST, IpAddr::V4(Ipv4Addr::LOCALHOST), allowed, |text| {
        if text.eq_ignore_ascii_case("localhost") {
            return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    })
}

fn read_port(reader: &mut Reader<'_>) -> u16 {
    reader.parse(&PORT, 8080, "a number from 0 to 65535", |text| text.parse().ok())
}

fn read_base_path(reader: &mut Reader<'_>) -> BasePath {
    reader.parse(&BASE_PATH, BasePath::default(), base::BASE_ALLOWED, BasePath::parse)
}

fn read_log(reader: &mut Reader<'_>) -> String {
    reader.parse(&LOG, "info".to_owned(), "a filter such as info or vibetea_server=debug", |text| {
        tracing_subscriber::EnvFilter::try_new(text).is_ok().then(|| text.to_owned())
    })
}

fn default_file(lookup: Lookup<'_>) -> Option<PathBuf> {
    let directory = directory(lookup, "XDG_CONFIG_HOME", ".config")?;
    Some(directory.join("vibetea").join("server.toml")).filter(|path| path.is_file())
}

/// An XDG base directory; a relative one counts as not set, as the XDG rules have it.
fn directory(lookup: Lookup<'_>, variable: &str, in_home: &str) -> Option<PathBuf> {
    let named = lookup(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| {
        lookup("HOME").map(PathBuf::from).filter(|path| path.is_absolute()).map(|home| home.join(in_home))
    })
}
