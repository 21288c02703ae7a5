//! A look at a database by questions alone.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use vibetea_protocol::Timestamp;

use super::PostgresStore;
use super::connection::{Target, store_error};
use super::open::{newest_schema, schema};
use crate::store::{Examined, Integrity, OpenError, Registered, StoreError};

/// Counting the events of a large store takes its time.
const PATIENCE: Duration = Duration::from_mins(2);
const ABOUT: &str = "SELECT current_setting('data_checksums') = 'on',
    coalesce((SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()), 0),
    pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
const MAY_WRITE: &str = "SELECT has_table_privilege('public.events', 'INSERT, UPDATE, DELETE')
    AND has_table_privilege('vibetea.stream', 'UPDATE')";
const EVENTS: &str = "SELECT (SELECT count(*) FROM public.events),
    (SELECT coalesce(sum(count), 0)::bigint FROM vibetea.tally)";
const REGISTERED: &str = "SELECT
    (SELECT count(DISTINCT source) FROM vibetea.source_key
        WHERE coalesce(expires > extract(epoch FROM now()) * 1000000, true)),
    (SELECT count(*) FROM vibetea.viewer_token
        WHERE revoked IS NULL AND coalesce(expires > extract(epoch FROM now()) * 1000000, true))";

impl PostgresStore {
    /// Looks at the database at `url`.
    pub async fn examine(url: &str) -> Result<Examined, StoreError> {
        let target = Target::new(url, PATIENCE)
            .map_err(|error: OpenError| StoreError::Unavailable(error.to_string()))?;
        let looking = async {
            let mut connection = target.connect().await?;
            let examined = look(&mut connection).await;
            // the answer is there; how the connection ends says nothing
            let _ = connection.close().await;
            examined
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(examined) => examined.map_err(|error| store_error(&error)),
            Err(_) => Err(StoreError::Unavailable("the database is too slow".to_owned())),
        }
    }
}

async fn look(connection: &mut PgConnection) -> sqlx::Result<Examined> {
    let row = sqlx::query(ABOUT).fetch_one(&mut *connection).await?;
    let (has_checksums, failures): (bool, i64) = (row.try_get(0)?, row.try_get(1)?);
    let integrity = match failures {
        0 if has_checksums => {
            Integrity::Whole("the database has found no page with a wrong checksum".to_owned())
        }
        0 => Integrity::Unknown(
            "the database keeps no checksums of its pages (data_checksums is off)".to_owned(),
        ),
        failures => {
            Integrity::Damaged(format!("the database has found {failures} pages with a wrong checksum"))
        }
    };
    let is_read_only: bool = row.try_get(2)?;
    let mut examined = Examined {
        schema: schema(connection).await?,
        known_schema: newest_schema(),
        integrity,
        events: (0, 0),
        registered: None,
        read_only: is_read_only.then(|| "it is read-only".to_owned()),
        clock: Timestamp::from_micros(row.try_get(3)?),
    };
    if examined.schema > 0 {
        let may_write: bool = sqlx::query_scalar(MAY_WRITE).fetch_one(&mut *connection).await?;
        if !may_write {
            examined.read_only = Some("its user may not write into its tables".to_owned());
        }
        examined.events = pair(connection, EVENTS).await?;
    }
    if examined.schema == examined.known_schema {
        let (sources, tokens) = pair(connection, REGISTERED).await?;
        examined.registered = Some(Registered { sources, tokens });
    }
    Ok(examined)
}

async fn pair(connection: &mut PgConnection, question: &'static str) -> sqlx::Result<(u64, u64)> {
    let (one, other): (i64, i64) = sqlx::query_as(question).fetch_one(connection).await?;
    Ok((one.unsigned_abs(), other.unsigned_abs()))
}
