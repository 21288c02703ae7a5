//! Connections to PostgreSQL and what their failures mean.

use std::borrow::Cow;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _};

use super::preconditions::check_version;
use super::tls;
use crate::store::{OpenError, StoreError};

/// Short of this a statement is ended by the database, with some time left to hear of it.
const STATEMENT_SHARE: f64 = 0.8;
/// A lock is waited for a little less, so that its holder is not taken for slowness.
const LOCK_SHARE: f64 = 0.7;

/// Which database, and how long to wait for it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    options: PgConnectOptions,
    /// The URL without its password.
    pub(super) name: String,
    timeout: Duration,
}

impl Target {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Failed {
            database: "postgres://…".to_owned(),
            detail: error.to_string(),
        })?;
        let options = options.application_name("vibetea-server").disable_statement_logging();
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let name = format!("postgres://{}@{host}/{database}", options.get_username());
        if let Some(detail) = tls::unusable_file(url) {
            return Err(OpenError::Failed { database: name, detail });
        }
        Ok(Self { options, name, timeout })
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// A connection that waits for nothing without end and whose commits are on the disk when they return.
    pub(super) async fn connect(&self) -> sqlx::Result<PgConnection> {
        self.within(async {
            let mut connection = self.options.connect().await?;
            // an older one may not know the settings
            check_version(connection.server_version_num())
                .map_err(|error| sqlx::Error::Configuration(error.into()))?;
            connection.execute(sqlx::AssertSqlSafe(self.settings())).await?;
            Ok(connection)
        })
        .await
    }

    fn settings(&self) -> String {
        let wait = self.timeout.mul_f64(STATEMENT_SHARE).as_millis();
        let lock_wait = self.timeout.mul_f64(LOCK_SHARE).as_millis();
        let silence = self.timeout.as_millis();
        // a server that vanished in the middle of a transaction must not keep the others waiting
        format!(
            "SET search_path = vibetea, public; SET timezone = 'UTC'; SET jit = off;
             SET statement_timeout = {wait}; SET lock_timeout = {lock_wait};
             SET default_transaction_isolation = 'read committed';
             SET idle_in_transaction_session_timeout = {silence}; SET tcp_user_timeout = {silence};
             SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    }

    /// Gives up after the time that anything may take. The connection is of no use then.
    pub(super) async fn within<T>(&self, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }
}

/// Whether the database refused the values themselves, or their form in it as too large, so that trying again cannot
/// help.
pub(super) fn is_about_values(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("22") || code.starts_with("23") || code.starts_with("54"))
}

/// Whether it may have been too much at once for the database's memory, or for the time it has.
pub(super) fn is_about_size(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::TimedOut,
        error => code(error).is_some_and(|code| matches!(&*code, "53200" | "57014" | "25P04")),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(DatabaseError::code).map(Cow::into_owned)
}

/// What a failure of PostgreSQL means to the caller. What it says of values is left out: they are the events'.
pub(in crate::store) fn store_error(error: &sqlx::Error) -> StoreError {
    let Some(code) = code(error) else {
        if let Some(refusal) = tls::refusal(error) {
            return StoreError::Unavailable(format!("the database cannot be reached: {refusal}"));
        }
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut => {
                StoreError::Unavailable("the database cannot be reached".to_owned())
            }
            other => StoreError::Internal(other.to_string()),
        };
    };
    let reason = match (&code[..2], code.as_str()) {
        (_, "53100") => "the disk of the database is full",
        (_, "25006") => "the database is read-only",
        // a limit on whole transactions, or on the time between two of their steps, is met where the server is held up
        (_, "25P03" | "25P04") => "the database gave up a transaction that took too long",
        (_, "57014" | "55P03") => "the database is too slow or held by another program",
        ("08" | "28" | "3D" | "57", _) => "the database cannot be reached",
        ("40" | "53" | "58", _) => "the database is overloaded or in trouble",
        ("22" | "23" | "54", _) => {
            return StoreError::Internal(format!("the database refused a value ({code})"));
        }
        _ => return StoreError::Internal(error.to_string()),
    };
    StoreError::Unavailable(reason.to_owned())
}
