//! The server's settings: flag over environment over file over default, each read through a lookup function.

mod args;
mod base;
mod hosts;
mod reader;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use vibetea_protocol::limits::{MAX_EVENTS_BODY, MAX_INGEST_BODY};

pub use args::Args;
pub use base::BasePath;
pub use hosts::{AllowedHost, CorsOrigins};
use reader::{Reader, Setting};
pub use store::{StoreArgs, StoreConfig};

use crate::auth::{Keys, Token};

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
    /// Tokens a source's bucket gains per second.
    pub rate_per_sec: u32,
    /// Tokens a source's bucket holds at most.
    pub rate_burst: u32,
    /// `Host` names this server answers to; `None` for any.
    pub allowed_hosts: Option<Vec<AllowedHost>>,
    /// The path below which everything is served.
    pub base_path: BasePath,
    /// Whose pages may call this server.
    pub cors: CorsOrigins,
    /// Largest body of the batch route, in bytes.
    pub max_ingest_body: usize,
    /// Largest body of the live route, in bytes.
    pub max_events_body: usize,
    /// Most connections at a time.
    pub max_connections: usize,
    /// What is logged, in the words of `RUST_LOG`.
    pub log: String,
    /// Sentences for the operator about settings that were understood but should change.
    pub warnings: Vec<String>,
}

/// Where events are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A `SQLite` file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
    /// Nowhere: what comes in live is passed on.
    Relay,
}

/// The URL of a PostgreSQL database; may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// The whole URL.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresUrl(…)")
    }
}

/// Who may send and who may watch.
#[derive(Debug, Clone)]
pub enum Access {
    /// Senders sign, watchers show a token.
    Guarded {
        /// The senders' keys.
        keys: Keys,
        /// The watchers' token.
        token: Token,
    },
    /// Everybody on this machine may do both.
    Open,
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
const UNSAFE_NO_AUTH: Setting = Setting::new("VIBETEA_UNSAFE_NO_AUTH", "unsafe_no_auth");
const RATE_PER_SEC: Setting = Setting::new("VIBETEA_RATE_LIMIT_PER_SEC", "rate_limit_per_sec");
const RATE_BURST: Setting = Setting::new("VIBETEA_RATE_LIMIT_BURST", "rate_limit_burst");
const ALLOWED_HOSTS: Setting = Setting::new("VIBETEA_ALLOWED_HOSTS", "allowed_hosts");
const BASE_PATH: Setting = Setting::new("VIBETEA_BASE_PATH", "base_path");
const CORS_ORIGINS: Setting = Setting::new("VIBETEA_CORS_ORIGINS", "cors_origins");
const MAX_BODY: Setting = Setting::new("VIBETEA_MAX_BODY_BYTES", "max_body_bytes");
const MAX_CONNECTIONS: Setting = Setting::new("VIBETEA_MAX_CONNECTIONS", "max_connections");
const LOG: Setting = Setting::new("RUST_LOG", "log");

const ALL: &[&Setting] = &[
    &PORT,
    &HOST,
    &DATABASE_URL,
    &DATA_DIR,
    &PUBLIC_KEYS,
    &TOKEN,
    &UNSAFE_NO_AUTH,
    &RATE_PER_SEC,
    &RATE_BURST,
    &ALLOWED_HOSTS,
    &BASE_PATH,
    &CORS_ORIGINS,
    &MAX_BODY,
    &MAX_CONNECTIONS,
    &LOG,
];

const MAX_BODY_CEILING: usize = 256 * 1024 * 1024;
const MAX_RATE: u32 = 1_000_000;

impl Config {
    /// The settings of this process.
    pub fn from_process(args: &Args) -> Result<Self, ConfigError> {
        Self::load(args, &environment)
    }

    /// The settings, or all that is wrong with them.
    pub fn load(args: &Args, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(args, lookup);
        if let Some(path) = args.config.clone().or_else(|| default_file(lookup)) {
            reader.use_file(&path, ALL);
        }
        let host = reader.parse(
            &HOST,
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            "an IP address, such as 127.0.0.1, 0.0.0.0 or ::1, or localhost",
            read_host,
        );
        let port = reader.parse(&PORT, 8080, "a number from 0 to 65535", |text| text.parse().ok());
        let database = read_database(&mut reader, lookup);
        let access = read_access(&mut reader, host);
        let rate_allowed = format!("a whole number from 1 to {MAX_RATE}");
        let rate = |text: &str| text.parse().ok().filter(|rate| (1..=MAX_RATE).contains(rate));
        let rate_per_sec = reader.parse(&RATE_PER_SEC, 100, &rate_allowed, rate);
        let rate_burst = reader.parse(&RATE_BURST, 100, &rate_allowed, rate);
        let allowed_hosts = reader
            .parse(&ALLOWED_HOSTS, None, hosts::HOSTS_ALLOWED, |text| hosts::read_hosts(text).map(Some));
        let base_path = reader.parse(&BASE_PATH, BasePath::default(), base::BASE_ALLOWED, BasePath::parse);
        let cors = reader.parse(
            &CORS_ORIGINS,
            CorsOrigins::HostedRoutes,
            hosts::ORIGINS_ALLOWED,
            hosts::read_origins,
        );
        let max_ingest_body = reader.parse(
            &MAX_BODY,
            MAX_INGEST_BODY,
            format!("a number of bytes from 1024 to {MAX_BODY_CEILING}"),
            |text| text.parse().ok().filter(|bytes| (1024..=MAX_BODY_CEILING).contains(bytes)),
        );
        let max_connections =
            reader.parse(&MAX_CONNECTIONS, 1024, "a whole number from 1 to 1000000", |text| {
                text.parse().ok().filter(|count| (1..=1_000_000).contains(count))
            });
        let log = read_log(&mut reader);
        let mut config = Self {
            host,
            port,
            database: database.unwrap_or(Database::Relay),
            access: access.unwrap_or(Access::Open),
            rate_per_sec,
            rate_burst,
            allowed_hosts,
            base_path,
            cors,
            max_ingest_body,
            max_events_body: MAX_EVENTS_BODY.min(max_ingest_body),
            max_connections,
            log,
            warnings: Vec::new(),
        };
        // the two stand-ins above never leave: where one was needed, something is wrong
        config.warnings = reader.finish()?;
        Ok(config)
    }
}

/// The environment of this process.
#[expect(clippy::disallowed_methods, reason = "the one place that hands out the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
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

fn read_host(text: &str) -> Option<IpAddr> {
    if text.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

const DATABASE_ALLOWED: &str =
    "sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, or none to pass events on without keeping them";

fn read_database(reader: &mut Reader<'_>, lookup: Lookup<'_>) -> Option<Database> {
    let data_dir = reader.find(&DATA_DIR).map(|found| PathBuf::from(found.value));
    let Some(found) = reader.find(&DATABASE_URL) else {
        let directory = data_dir
            .or_else(|| directory(lookup, "XDG_DATA_HOME", ".local/share").map(|path| path.join("vibetea")));
        if directory.is_none() {
            reader.wrong.push(Wrong::new(
                DATA_DIR.name,
                "is not set, and neither is HOME",
                "the directory for the database",
            ));
        }
        return directory.map(|path| Database::Sqlite(path.join("vibetea.db")));
    };
    let text = found.value.trim();
    if text == "none" {
        return Some(Database::Relay);
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        if PgConnectOptions::from_str(text).is_ok() {
            return Some(Database::Postgres(PostgresUrl(text.to_owned())));
        }
        reader.wrong.push(Wrong::new(
            found.origin,
            "holds a PostgreSQL URL that cannot be read",
            DATABASE_ALLOWED,
        ));
        return None;
    }
    // a URL with a password in it must not be shown; everything else may be
    let path = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match path {
        Some(path) if !path.is_empty() && !path.contains(['?', '\0']) && path != ":memory:" => {
            Some(Database::Sqlite(Path::new(path).to_path_buf()))
        }
        Some(path) => {
            reader.wrong.push(Wrong::new(found.origin, format!("names the file {path:?}"), DATABASE_ALLOWED));
            None
        }
        None => {
            let scheme: String = text.chars().take_while(char::is_ascii_alphanumeric).take(20).collect();
            reader.wrong.push(Wrong::new(
                found.origin,
                format!("holds {scheme:?}…, a kind of database this server does not know"),
                DATABASE_ALLOWED,
            ));
            None
        }
    }
}

fn read_access(reader: &mut Reader<'_>, host: IpAddr) -> Option<Access> {
    let open = reader.parse(&UNSAFE_NO_AUTH, false, "true or false", |text| {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    });
    if open {
        if !host.is_loopback() {
            reader.wrong.push(Wrong::new(
                UNSAFE_NO_AUTH.name,
                format!("is true while {} is {host}", HOST.name),
                "false, or a loopback address such as 127.0.0.1",
            ));
            return None;
        }
        return Some(Access::Open);
    }
    let keys = read_keys(reader);
    let token = read_token(reader);
    Some(Access::Guarded { keys: keys?, token: token? })
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Keys> {
    const ALLOWED: &str = "source:base64key, several separated by commas; a source may be named twice";
    let Some(found) = reader.find(&PUBLIC_KEYS) else {
        reader.wrong.push(Wrong::new(PUBLIC_KEYS.name, "is not set", ALLOWED));
        return None;
    };
    match Keys::parse(&found.value) {
        Ok(keys) => Some(keys),
        Err(error) => {
            reader.wrong.push(Wrong::new(found.origin, format!("cannot be used: {error}"), ALLOWED));
            None
        }
    }
}

fn read_token(reader: &mut Reader<'_>) -> Option<Token> {
    const ALLOWED: &str = "printable ASCII without spaces, best 32 random characters or more";
    let Some(found) = reader.find(&TOKEN) else {
        reader.wrong.push(Wrong::new(TOKEN.name, "is not set", ALLOWED));
        return None;
    };
    let text = found.value.trim();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        reader.reject(&TOKEN, &found, ALLOWED);
        return None;
    }
    if text.len() < 16 {
        reader.warnings.push(format!(
            "{} is only {} characters long and might be guessed: 32 random characters are better",
            found.origin,
            text.len()
        ));
    }
    Some(Token::new(text))
}
