//! A group of batches in one transaction: the function that the hosted deployment calls as well stores them, then what
//! is new is counted.

use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;

use super::count::{Counter, Own};
use crate::store::{NewBatch, NewEvent, Route};

const INSERT: &str = "SELECT bulk_insert_events(batch::jsonb) FROM unnest($1::text[]) AS given (batch)";
/// A write that changes nothing.
const CHECK: &str = "UPDATE stream SET newest = newest";

/// An event as `bulk_insert_events` reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Given<'a> {
    id: vibetea_protocol::EventId,
    source: &'a str,
    timestamp: vibetea_protocol::Timestamp,
    event_type: vibetea_protocol::EventType,
    payload: &'a RawValue,
    live: bool,
}

/// Stores the batches, all or none; answers how many events of each were new. After an error the connection is of no
/// use, and the counter has to forget.
pub(super) async fn store(
    connection: &mut PgConnection,
    counter: &mut Counter,
    batches: impl Iterator<Item = &NewBatch> + Clone,
) -> sqlx::Result<Vec<u64>> {
    let own = Own::of(batches.clone());
    let batches = batches.map(json).collect::<Result<Vec<String>, _>>().map_err(encode)?;
    connection.execute("BEGIN").await?;
    let inserted: Vec<i64> = if batches.is_empty() {
        connection.execute(CHECK).await?;
        Vec::new()
    } else {
        let inserted = sqlx::query_scalar(INSERT).bind(&batches).fetch_all(&mut *connection).await?;
        counter.count(connection, &own).await?;
        inserted
    };
    connection.execute("COMMIT").await?;
    Ok(inserted.into_iter().map(i64::unsigned_abs).collect())
}

fn json(batch: &NewBatch) -> serde_json::Result<String> {
    let given = |event: &NewEvent| {
        // payloads are checked to be UTF-8 before they are built
        let payload = std::str::from_utf8(&event.payload).unwrap_or_default();
        serde_json::to_string(&Given {
            id: event.id,
            source: batch.source.as_str(),
            timestamp: event.timestamp,
            event_type: event.event_type,
            payload: serde_json::from_str(payload)?,
            live: batch.route == Route::Live,
        })
    };
    let events = batch.events.iter().map(given).collect::<serde_json::Result<Vec<_>>>()?;
    Ok(format!("[{}]", events.join(",")))
}

fn encode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(Box::new(error))
}
