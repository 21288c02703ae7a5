//! Single questions to PostgreSQL.

use bytes::Bytes;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use std::sync::Arc;
use vibetea_protocol::history::HourlyAggregate;
use vibetea_protocol::{EventId, EventType, SourceId, Timestamp};

use crate::store::hours::{self, HourCount};
use crate::store::{LiveEvent, NewEvent};

const AFTER: &str = "SELECT live, source, id, micros(timestamp), type_number(event_type), payload::text
    FROM public.events WHERE live > $1 ORDER BY live LIMIT $2";
/// As arrays in one row, since rows cost more than numbers; a source is never deleted, so each that was counted has its
/// name.
const HOURLY: &str = "SELECT hours, sources, events,
    (SELECT array_agg(id ORDER BY id) FROM source WHERE $2 IS NULL OR name = $2),
    (SELECT array_agg(name ORDER BY id) FROM source WHERE $2 IS NULL OR name = $2)
    FROM hour_counts(moment($1), $2)";

/// The live stream after a place, oldest first.
pub(super) async fn live_events_after(
    connection: &mut PgConnection,
    place: i64,
    limit: i64,
) -> sqlx::Result<Vec<LiveEvent>> {
    let rows = sqlx::query(AFTER).bind(place).bind(limit).fetch_all(connection).await?;
    rows.iter().map(live).collect()
}

fn live(row: &PgRow) -> sqlx::Result<LiveEvent> {
    let source: SourceId = row.try_get::<&str, _>(1)?.parse().map_err(decode)?;
    let id: EventId = row.try_get::<&str, _>(2)?.parse().map_err(decode)?;
    let timestamp =
        Timestamp::from_micros(row.try_get(3)?).ok_or_else(|| decode("a time that no event can have"))?;
    let event_type = u8::try_from(row.try_get::<i64, _>(4)?)
        .ok()
        .and_then(EventType::from_number)
        .ok_or_else(|| decode("a type that no event can have"))?;
    let payload = Bytes::copy_from_slice(row.try_get::<&str, _>(5)?.as_bytes());
    let event = NewEvent::new(id, timestamp, event_type, payload);
    Ok(LiveEvent { seq: natural(row, 0)?, source: Arc::new(source), event })
}

/// Place of an event in the live stream; none if it is not in it.
pub(super) async fn position_of(connection: &mut PgConnection, id: EventId) -> sqlx::Result<Option<u64>> {
    let place: Option<Option<i64>> = sqlx::query_scalar("SELECT live FROM public.events WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(place.flatten().map(i64::unsigned_abs))
}

/// The newest place that is taken: every event that is committed later has a larger one.
pub(super) async fn newest_seq(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let newest: i64 = sqlx::query_scalar("SELECT newest FROM stream").fetch_one(connection).await?;
    Ok(newest.unsigned_abs())
}

/// A column as one value; none of no rows.
type Column<T> = Option<Vec<T>>;
/// The columns of [`HOURLY`].
type Hourly = (Column<i64>, Column<i64>, Column<i64>, Column<i64>, Column<String>);

/// Events per UTC hour and source from a moment on, without an end.
pub(super) async fn hourly_aggregates(
    connection: &mut PgConnection,
    from: Timestamp,
    source: Option<&str>,
) -> sqlx::Result<Vec<HourlyAggregate>> {
    // the database holds no NUL and takes none
    if source.is_some_and(|source| source.contains('\0')) {
        return Ok(Vec::new());
    }
    let (hours, sources, events, ids, names): Hourly =
        sqlx::query_as(HOURLY).bind(from.as_micros()).bind(source).fetch_one(connection).await?;
    let counts = all(hours).zip(all(sources)).zip(all(events));
    let counts = counts.map(|((hour, source), events)| HourCount { hour, source, events }).collect();
    Ok(hours::named(counts, all(names).zip(all(ids)).collect()))
}

fn all<T>(column: Column<T>) -> impl Iterator<Item = T> {
    column.unwrap_or_default().into_iter()
}

/// A count or a place: never negative in the database.
fn natural(row: &PgRow, column: usize) -> sqlx::Result<u64> {
    row.try_get::<i64, _>(column).map(i64::unsigned_abs)
}

fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
