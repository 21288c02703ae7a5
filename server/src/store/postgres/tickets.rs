//! Tickets that any server on the database takes.

use std::time::Duration;

use sqlx::Executor as _;
use sqlx::postgres::PgConnection;

/// Most tickets that wait at a time; beyond that the oldest go.
const MOST: i64 = 4096;

/// The connections of readers do not write unless they say so.
const BEGIN: &str = "BEGIN READ WRITE";
const CLEAR: &str = "DELETE FROM ticket WHERE expires <= now() OR digest IN (
    SELECT digest FROM ticket ORDER BY expires DESC OFFSET $1)";
const KEEP: &str = "INSERT INTO ticket (digest, expires) VALUES ($1, now() + $2 * interval '1 millisecond')
    ON CONFLICT DO NOTHING";
const TAKE: &str = "DELETE FROM ticket WHERE digest = $1 RETURNING expires > now()";

pub(super) async fn keep(
    connection: &mut PgConnection,
    digest: [u8; 32],
    lifetime: Duration,
) -> sqlx::Result<()> {
    let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    connection.execute(BEGIN).await?;
    sqlx::query(CLEAR).bind(MOST - 1).execute(&mut *connection).await?;
    sqlx::query(KEEP).bind(&digest[..]).bind(millis).execute(&mut *connection).await?;
    connection.execute("COMMIT").await?;
    Ok(())
}

/// Whether the ticket was waiting; it no longer is.
pub(super) async fn take(connection: &mut PgConnection, digest: [u8; 32]) -> sqlx::Result<bool> {
    connection.execute(BEGIN).await?;
    let waiting: Option<bool> =
        sqlx::query_scalar(TAKE).bind(&digest[..]).fetch_optional(&mut *connection).await?;
    connection.execute("COMMIT").await?;
    Ok(waiting.unwrap_or(false))
}
