//! Forgetting in steps, each in a transaction of its own that holds the row of `stream` as those do that store events.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use super::count::{Counter, Own};
use crate::store::Forgotten;
use crate::store::forget::Cut;

const HOLD: &str = "UPDATE stream SET newest = newest";
const MARK: &str = "UPDATE forgotten SET through = greatest(through, $1), counts = greatest(counts, $2)
    WHERE through < $1 OR counts < $2";
/// What is not counted yet stays until it is: its counts are kept.
const EVENTS: &str = "WITH gone AS (
        DELETE FROM public.events WHERE seq IN (
            SELECT seq FROM public.events
            WHERE timestamp < moment($1) AND seq <= (SELECT through FROM counted)
            ORDER BY timestamp LIMIT $2)
        RETURNING source, event_type
    ), sums AS (
        SELECT source.id AS source, type_number(gone.event_type) AS type, count(*) AS events
        FROM gone JOIN source ON source.name = gone.source GROUP BY 1, 2
    ), taken AS (
        UPDATE tally SET count = tally.count - sums.events FROM sums
        WHERE tally.source = sums.source AND tally.type = sums.type
    )
    SELECT count(*) FROM gone";
const SESSIONS: &str = "WITH old AS (
        SELECT id FROM session WHERE last < $1 ORDER BY last, id LIMIT $2
    ), quarters AS (
        DELETE FROM session_quarter USING old WHERE session_quarter.session = old.id
    ), tools AS (
        DELETE FROM session_tool USING old WHERE session_tool.session = old.id
    ), agents AS (
        DELETE FROM session_agent USING old WHERE session_agent.session = old.id
    ), gone AS (
        DELETE FROM session USING old WHERE session.id = old.id RETURNING session.id
    )
    SELECT count(*) FROM gone";
/// A session has a row for each quarter of an hour, tool and agent: fewer of them make a step of the same length.
const ROWS_PER_SESSION: i64 = 20;

/// Takes one step. After an error the connection is of no use, and the counter has to forget.
pub(super) async fn forget(
    connection: &mut PgConnection,
    counter: &mut Counter,
    cut: Cut,
) -> sqlx::Result<Forgotten> {
    connection.execute("BEGIN").await?;
    connection.execute(HOLD).await?;
    counter.count(connection, &Own::default(), 0).await?;
    sqlx::query(MARK).bind(cut.events).bind(cut.counts).execute(&mut *connection).await?;
    let mut done =
        Forgotten { events: delete(connection, EVENTS, cut.events, cut.most).await?, ..Forgotten::default() };
    let most = cut.most.unsigned_abs();
    let most_sessions = (cut.most / ROWS_PER_SESSION).max(1);
    if done.events > 0 {
        connection.execute("DELETE FROM tally WHERE count <= 0").await?;
    }
    if done.events < most {
        done.sessions = delete(connection, SESSIONS, cut.events, most_sessions).await?;
        done.counts = counts(connection, cut).await?;
    }
    done.has_more =
        done.events >= most || done.sessions >= most_sessions.unsigned_abs() || done.counts >= most;
    connection.execute("COMMIT").await?;
    Ok(done)
}

async fn delete(
    connection: &mut PgConnection,
    text: &'static str,
    before: i64,
    most: i64,
) -> sqlx::Result<u64> {
    let deleted: i64 = sqlx::query_scalar(text).bind(before).bind(most).fetch_one(connection).await?;
    Ok(deleted.unsigned_abs())
}

/// Of one table in a step.
async fn counts(connection: &mut PgConnection, cut: Cut) -> sqlx::Result<u64> {
    if cut.counts == 0 {
        return Ok(0);
    }
    for (table, slot) in cut.count_tables() {
        let text = table.delete(["$1", "$2"]);
        let done =
            sqlx::query(AssertSqlSafe(text)).bind(slot).bind(cut.most).execute(&mut *connection).await?;
        if done.rows_affected() > 0 {
            return Ok(done.rows_affected());
        }
    }
    Ok(0)
}
