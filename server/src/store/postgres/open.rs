//! From a URL to a database with the newest schema.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};

use super::connection::Target;
use super::preconditions::{TooOld, check_rows};
use super::tls;
use crate::store::OpenError;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

const SCHEMA: &str = "vibetea";
const RECORD: &str = "vibetea._sqlx_migrations";
/// Between two attempts to reach a database that is not up yet.
const RETRY: Duration = Duration::from_millis(250);

/// Tables that are in the way of the first migration: a table `events` that lacks a column of the hosted deployment's,
/// or something in our schema that no migration made. Another server may be making its record just now.
const IN_THE_WAY: &str = "
    SELECT 'the table public.events has other columns' WHERE to_regclass('public.events') IS NOT NULL AND 6 <> (
        SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('public.events') AND NOT attisdropped
        AND (attname, format_type(atttypid, NULL)) IN (
            ('id', 'text'), ('source', 'text'), ('timestamp', 'timestamp with time zone'), ('event_type', 'text'),
            ('payload', 'jsonb'), ('created_at', 'timestamp with time zone')))
    UNION ALL
    SELECT 'the schema vibetea has tables that no VibeTea server made' WHERE to_regclass('vibetea.stream') IS NULL
        AND EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('vibetea')
            AND relname NOT LIKE '\\_sqlx\\_migrations%')";

/// How many migrations were run by whatever tool, as the hosted platform's keeps a record of its own. Since the eighth
/// the schema says it itself.
const RUN: &str = "SELECT vibetea.schema_version()";
const SAYS_ITSELF: &str = "SELECT to_regproc('vibetea.schema_version') IS NOT NULL";
/// The same of the first seven, told by what they made.
const FIRST_RUN: &str = "SELECT CASE WHEN to_regproc('vibetea.hour_counts') IS NOT NULL THEN 7::bigint
    WHEN to_regproc('vibetea.hours_since') IS NOT NULL THEN 6
    WHEN to_regclass('vibetea.asked') IS NOT NULL THEN 5
    WHEN to_regclass('vibetea.access_version') IS NOT NULL THEN 4
    WHEN to_regclass('vibetea.ticket') IS NOT NULL THEN 3
    WHEN to_regclass('vibetea.counted') IS NOT NULL THEN 2 WHEN to_regclass('vibetea.stream') IS NOT NULL THEN 1 ELSE 0 END";

/// Brings the schema up to date. Several servers may do so at once: one migrates, the others wait.
pub(super) async fn migrate(target: &Target, wait: Duration) -> Result<(), OpenError> {
    let mut connection = reach(target, wait).await?;
    let outcome = async {
        run(target, &mut connection, None).await?;
        check_reach(target, &mut connection).await
    }
    .await;
    // the lock on migrations goes with the session, whatever happened
    let _ = connection.close().await;
    outcome
}

/// The newest migration that this release knows.
pub(super) fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Makes the schema as it was after that migration, in a database that holds nothing newer.
pub(super) async fn migrate_to(
    target: &Target,
    connection: &mut PgConnection,
    version: i64,
) -> Result<(), OpenError> {
    let found = schema(connection).await.map_err(|error| failed(target, &error))?;
    if found > version {
        return Err(OpenError::Failed {
            database: target.name.clone(),
            detail: format!(
                "its schema has version {found}, the copy's has {version}: use a database without tables of VibeTea"
            ),
        });
    }
    run(target, connection, Some(version)).await
}

/// The newest migration that was run, by whatever tool; 0 where there is no store.
pub(super) async fn schema(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let recorded: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(RECORD)
        .fetch_one(&mut *connection)
        .await?;
    let mut newest = run_by_any(connection).await?;
    if recorded {
        let ours: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(version), 0) FROM vibetea._sqlx_migrations WHERE success",
        )
        .fetch_one(connection)
        .await?;
        newest = newest.max(ours);
    }
    Ok(newest)
}

async fn run_by_any(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let says_itself: bool = sqlx::query_scalar(SAYS_ITSELF).fetch_one(&mut *connection).await?;
    sqlx::query_scalar(if says_itself { RUN } else { FIRST_RUN }).fetch_one(connection).await
}

/// Waits for a database that is not up yet.
async fn reach(target: &Target, wait: Duration) -> Result<PgConnection, OpenError> {
    let begin = Instant::now();
    let mut told = false;
    loop {
        let error = match target.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if let sqlx::Error::Configuration(cause) = &error
            && let Some(too_old) = cause.downcast_ref::<TooOld>()
        {
            return Err(failed(target, too_old));
        }
        if let Some(detail) = tls::refusal(&error) {
            return Err(OpenError::Unreachable { database: target.name.clone(), detail });
        }
        let is_final = error.as_database_error().is_some_and(|error| {
            // starting up or shutting down; too many connections
            !matches!(error.code().as_deref(), Some("57P03" | "57P01" | "53300"))
        });
        if is_final || matches!(error, sqlx::Error::Configuration(_)) || begin.elapsed() >= wait {
            return Err(OpenError::Unreachable { database: target.name.clone(), detail: error.to_string() });
        }
        if !told {
            tracing::warn!(database = target.name, %error, "waiting for the database");
            told = true;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Runs what is missing, up to a migration where one is named.
async fn run(target: &Target, connection: &mut PgConnection, up_to: Option<i64>) -> Result<(), OpenError> {
    // a migration of a large table takes its time, and so does waiting for another server's
    connection
        .execute("SET statement_timeout = 0; SET lock_timeout = 0; SET search_path = public; SET client_min_messages = warning")
        .await
        .map_err(|error| failed(target, &error))?;
    let run = look(target, connection).await?;
    let migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATIONS.migrations),
        table_name: Cow::Borrowed(RECORD),
        create_schemas: Cow::Borrowed(&[Cow::Borrowed(SCHEMA)]),
        ..Migrator::DEFAULT
    };
    let outcome = async {
        if run > 0 {
            // what another tool ran has no record of ours
            migrator.run_direct(Some(run), connection, true).await?;
        }
        migrator.run_direct(up_to, connection, false).await
    };
    outcome.await.map_err(|error| {
        let database = target.name.clone();
        match error {
            MigrateError::VersionMissing(version) => OpenError::NewerSchema { database, version },
            MigrateError::VersionMismatch(version) => OpenError::EditedMigration { database, version },
            other => failed(target, &other),
        }
    })
}

/// Refuses a database that is not ours or too new; answers how many migrations were run by whatever tool.
async fn look(target: &Target, connection: &mut PgConnection) -> Result<i64, OpenError> {
    let failed = |error: sqlx::Error| failed(target, &error);
    let recorded: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(RECORD)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !recorded {
        let in_the_way: Option<String> =
            sqlx::query_scalar(IN_THE_WAY).fetch_optional(&mut *connection).await.map_err(failed)?;
        if let Some(detail) = in_the_way {
            return Err(OpenError::Foreign { database: target.name.clone(), detail });
        }
    }
    let run = run_by_any(connection).await.map_err(failed)?;
    if run > newest_schema() {
        return Err(OpenError::NewerSchema { database: target.name.clone(), version: run });
    }
    if run == 0 {
        check_rows(target, connection).await?;
    }
    Ok(run)
}

/// Refuses a role whom row level security keeps from the events: it would find none and store none. Where the roles of
/// the hosted platform exist, that is every role that may not pass it by, the owner as well.
async fn check_reach(target: &Target, connection: &mut PgConnection) -> Result<(), OpenError> {
    let is_bound: bool = sqlx::query_scalar("SELECT row_security_active('public.events')")
        .fetch_one(connection)
        .await
        .map_err(|error| failed(target, &error))?;
    if is_bound {
        return Err(OpenError::Failed {
            database: target.name.clone(),
            detail: "row level security keeps this role from public.events: use a role with BYPASSRLS"
                .to_owned(),
        });
    }
    Ok(())
}

fn failed(target: &Target, error: &dyn std::error::Error) -> OpenError {
    OpenError::Failed { database: target.name.clone(), detail: error.to_string() }
}
