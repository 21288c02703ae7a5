//! Reading the live stream.

use bytes::Bytes;
use rusqlite::{OptionalExtension as _, Row};
use vibetea_protocol::timestamp::InvalidTimestamp;
use vibetea_protocol::{EventId, EventType, Timestamp, event::InvalidId};

use super::ids::{self, RecentIds};
use super::reader::{Reader, invalid};
use crate::store::tables::ReadError;
use crate::store::{LiveEvent, NewEvent};

const AFTER: &str = "SELECT ts, type, payload, seq, id, source FROM event INDEXED BY event_live
    WHERE live AND seq > ?1 ORDER BY seq LIMIT ?2";

/// Place of an event in the live stream; none if it is not in it.
pub(super) fn position_of(reader: &Reader, ids: &RecentIds, id: &EventId) -> Result<Option<u64>, ReadError> {
    let Some(place) = ids.place(&reader.connection, id)? else { return Ok(None) };
    let mut select =
        reader.connection.prepare_cached("SELECT seq FROM event WHERE seq = ?1 AND id = ?2 AND live")?;
    Ok(select.query_row((place, id.key()), |row| natural(row, 0)).optional()?)
}

/// The live stream after a place, oldest first.
pub(super) fn live_events_after(
    reader: &Reader,
    seq: u64,
    limit: usize,
) -> Result<Vec<LiveEvent>, ReadError> {
    let rows: Vec<(u64, i64, NewEvent)> = {
        let mut select = reader.connection.prepare_cached(AFTER)?;
        let place = i64::try_from(seq).unwrap_or(i64::MAX);
        let rows = select.query_map((place, i64::try_from(limit).unwrap_or(i64::MAX)), |row| {
            let key = row.get_ref(4)?.as_str()?;
            let id = EventId::from_key(key).ok_or_else(|| invalid(4, InvalidId))?;
            Ok((natural(row, 3)?, row.get(5)?, event(row, id, 0)?))
        })?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    rows.into_iter()
        .map(|(seq, source, event)| {
            Ok(LiveEvent { seq, source: reader.tables().source_name(source)?, event })
        })
        .collect()
}

/// The newest place that was given to an event of either route; 0 in a store that never held one.
pub(super) fn newest_seq(reader: &Reader) -> Result<u64, ReadError> {
    let mut select = reader.connection.prepare_cached(ids::NEWEST)?;
    Ok(select.query_row([], |row| natural(row, 0))?)
}

/// A count or a place: never negative in the database.
fn natural(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

/// An event whose `ts`, `type` and `payload` stand in the columns from `first` on.
pub(super) fn event(row: &Row<'_>, id: EventId, first: usize) -> rusqlite::Result<NewEvent> {
    let timestamp =
        Timestamp::from_micros(row.get(first)?).ok_or_else(|| invalid(first, InvalidTimestamp))?;
    let number: u8 = row.get(first + 1)?;
    let event_type = EventType::from_number(number)
        .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(first + 1, number.into()))?;
    let payload = Bytes::copy_from_slice(row.get_ref(first + 2)?.as_bytes()?);
    Ok(NewEvent::new(id, timestamp, event_type, payload))
}
