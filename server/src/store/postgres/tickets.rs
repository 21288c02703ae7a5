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
const KEEP: &str = "INSERT INTO ticket (digest, expires, viewer)
    VALUES ($1, now() + $2 * interval '1 millisecond', $3) ON CONFLICT DO NOTHING";
const TAKE: &str = "DELETE FROM ticket WHERE digest = $1 RETURNING expires > now(), viewer";

/// A ticket as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTicket {
    /// The ticket's SHA-256.
    pub digest: [u8; 32],
    /// The SHA-256 of the token it was given out for; none for that of the configuration.
    pub viewer: Option<[u8; 32]>,
}

pub(super) async fn keep(
    connection: &mut PgConnection,
    ticket: &StoredTicket,
    lifetime: Duration,
) -> sqlx::Result<()> {
    let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    connection.execute(BEGIN).await?;
    sqlx::query(CLEAR).bind(MOST - 1).execute(&mut *connection).await?;
    let viewer = ticket.viewer.as_ref().map(|viewer| &viewer[..]);
    sqlx::query(KEEP).bind(&ticket.digest[..]).bind(millis).bind(viewer).execute(&mut *connection).await?;
    connection.execute("COMMIT").await?;
    Ok(())
}

/// The ticket, if it was waiting; it no longer is.
pub(super) async fn take(
    connection: &mut PgConnection,
    digest: [u8; 32],
) -> sqlx::Result<Option<StoredTicket>> {
    connection.execute(BEGIN).await?;
    let waiting: Option<(bool, Option<Vec<u8>>)> =
        sqlx::query_as(TAKE).bind(&digest[..]).fetch_optional(&mut *connection).await?;
    connection.execute("COMMIT").await?;
    let Some((true, viewer)) = waiting else { return Ok(None) };
    // a viewer that cannot be read is nobody, and not the one that NULL stands for
    let viewer = viewer.map(|viewer| <[u8; 32]>::try_from(viewer).unwrap_or_default());
    Ok(Some(StoredTicket { digest, viewer }))
}
