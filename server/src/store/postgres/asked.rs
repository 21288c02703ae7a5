//! The table of those who were asked for their history.

use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use vibetea_protocol::{SourceId, Timestamp};

use crate::store::Asked;
use crate::store::asked::MOST;

/// The connections of readers do not write unless they say so.
const BEGIN: &str = "BEGIN READ WRITE";
const NEXT: &str = "SELECT greatest($1, coalesce(max(number), 0) + 1) FROM asked";
const ASK: &str =
    "INSERT INTO asked (source, number) SELECT source, $2 FROM unnest($1::text[]) AS given (source)
    ON CONFLICT (source) DO UPDATE SET number = excluded.number";

/// Who was asked.
pub(super) async fn read(connection: &mut PgConnection) -> sqlx::Result<Asked> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT source, number FROM asked LIMIT $1")
        .bind(most + 1)
        .fetch_all(connection)
        .await?;
    Ok(Asked::of_rows(rows))
}

/// Asks these sources, or all where none is named; answers the number, or none where too many would be asked by name.
pub(super) async fn ask(
    connection: &mut PgConnection,
    sources: &[SourceId],
    now: Timestamp,
) -> sqlx::Result<Option<i64>> {
    connection.execute(BEGIN).await?;
    connection.execute("LOCK TABLE asked IN EXCLUSIVE MODE").await?;
    let number: i64 = sqlx::query_scalar(NEXT).bind(now.as_micros()).fetch_one(&mut *connection).await?;
    let names: Vec<&str> = if sources.is_empty() {
        connection.execute("DELETE FROM asked").await?;
        vec![""]
    } else {
        // one statement cannot change a row twice
        sources.iter().map(SourceId::as_str).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    sqlx::query(ASK).bind(names).bind(number).execute(&mut *connection).await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM asked").fetch_one(&mut *connection).await?;
    if usize::try_from(rows).is_ok_and(|rows| rows <= MOST) {
        connection.execute("COMMIT").await?;
        return Ok(Some(number));
    }
    connection.execute("ROLLBACK").await?;
    Ok(None)
}
