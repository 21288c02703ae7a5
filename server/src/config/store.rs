//! The settings of commands that use the store alone: no address, no keys, no token.

#![expect(clippy::doc_markdown, reason = "the comments on the fields are the text of --help")]

use std::path::PathBuf;

use super::access::read_keys;
use super::database::{read_data_dir, read_database};
use super::reader::Reader;
use super::{Args, ConfigError, Database, Lookup, read_log};
use crate::auth::Keys;

/// Flags of the commands that use the store alone.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StoreArgs {
    /// TOML file with settings; without it vibetea/server.toml in the configuration directory, if it is there
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The server's database, sqlite:PATH or postgres://… without a password; one may stand in
    /// [env: VIBETEA_DATABASE_URL] and its file
    #[arg(long, value_name = "URL", global = true)]
    pub database_url: Option<String>,
    /// Directory of the database [env: VIBETEA_DATA_DIR]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<String>,
    /// What is logged, such as info or vibetea_server=debug [env: RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER", global = true)]
    pub log: Option<String>,
}

impl From<&StoreArgs> for Args {
    /// These flags and no others.
    fn from(flags: &StoreArgs) -> Self {
        let StoreArgs { config, database_url, data_dir, log } = flags.clone();
        Self { config, database_url, data_dir, log, ..Self::default() }
    }
}

/// What such a command is told.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Where events are kept.
    pub database: Database,
    /// Where state is kept; none where there is neither a setting nor a home.
    pub data_dir: Option<PathBuf>,
    /// The sources that stand in the configuration, as far as this process is told.
    pub configured: Keys,
    /// What is logged, in the words of `RUST_LOG`.
    pub log: String,
    /// Sentences for the operator about settings that were understood but should change.
    pub warnings: Vec<String>,
}

impl StoreConfig {
    /// The settings, or all that is wrong with them; those of the rest of the server are not looked at.
    pub fn load(args: &StoreArgs, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        Self::read(args, lookup, false)
    }

    /// The same for a command that has to know the configured sources.
    pub fn load_with_sources(args: &StoreArgs, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        Self::read(args, lookup, true)
    }

    fn read(args: &StoreArgs, lookup: Lookup<'_>, with_sources: bool) -> Result<Self, ConfigError> {
        let args = Args::from(args);
        let mut reader = Reader::open(&args, lookup);
        let database = read_database(&mut reader, lookup);
        let data_dir = read_data_dir(&mut reader, lookup);
        let configured = if with_sources { read_keys(&mut reader, false) } else { None };
        let log = read_log(&mut reader);
        let mut config = Self {
            database: database.unwrap_or(Database::Relay),
            data_dir,
            configured: configured.unwrap_or_default(),
            log,
            warnings: Vec::new(),
        };
        // the stand-in above never leaves: where it was needed, something is wrong
        config.warnings = reader.finish()?;
        Ok(config)
    }
}
