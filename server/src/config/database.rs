//! Where events are kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::args::DATABASE_FLAG;
use super::reader::Reader;
use super::{DATA_DIR, DATABASE_URL, Lookup, Wrong, directory};

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

const DATABASE_ALLOWED: &str =
    "sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, or none to pass events on without keeping them";

/// Where database and state are kept; none where there is neither a setting nor a home.
pub(super) fn read_data_dir(reader: &mut Reader<'_>, lookup: Lookup<'_>) -> Option<PathBuf> {
    let named = reader.find(&DATA_DIR).map(|found| PathBuf::from(found.value));
    named.or_else(|| directory(lookup, "XDG_DATA_HOME", ".local/share").map(|path| path.join("vibetea")))
}

/// Whether a URL has a password in it, before the host or among the parameters.
pub(crate) fn holds_password(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        url.password().is_some() || url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("password"))
    })
}

pub(super) fn read_database(reader: &mut Reader<'_>, lookup: Lookup<'_>) -> Option<Database> {
    let Some(found) = reader.find(&DATABASE_URL) else {
        let directory = read_data_dir(reader, lookup);
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
    if found.origin == DATABASE_FLAG && holds_password(text) {
        reader.wrong.push(Wrong::new(
            found.origin,
            "holds a password, and everybody on this machine can read a command line",
            format!(
                "the URL without it; with it in {0}, in a file that {0}_FILE names, or as '{1}' in the configuration file",
                DATABASE_URL.name, DATABASE_URL.key
            ),
        ));
        return None;
    }
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
