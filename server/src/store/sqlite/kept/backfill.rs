//! Counts what an earlier release stored without counting it here, once, in parts that survive a crash.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use vibetea_protocol::timestamp::InvalidTimestamp;
use vibetea_protocol::{EventType, Timestamp};

use super::{add, write};
use crate::store::Facts;
use crate::store::kept::{Kept, Names, Seen};
use crate::store::sqlite::reader::invalid;

/// Events per transaction: what is held in memory is bounded by it.
const PART: i64 = 10_000;
/// Parts between two words in the log.
const PARTS_PER_WORD: u64 = 50;

const UNCOUNTED: &str = "SELECT next, last FROM uncounted";
const EVENTS: &str = "SELECT ts, source, type, payload FROM event WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq";

/// Counts events that were stored before there was anything to count them in. Nothing else may write meanwhile.
pub(in crate::store::sqlite) fn count_uncounted(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut names = Names::default();
    let mut parts = 0_u64;
    let mut events = 0;
    while let Some((next, last)) = uncounted(connection)? {
        if parts == 0 {
            tracing::info!("counting the stored events once for sessions and breakdowns");
        }
        let (counted, end) = count_part(connection, &mut names, next, last)?;
        events += counted;
        parts += 1;
        if parts.is_multiple_of(PARTS_PER_WORD) {
            tracing::info!(events, "counting the stored events");
        }
        tracing::debug!(next, end, "counted a part");
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    }
    if parts > 0 {
        tracing::info!(events, "the stored events are counted");
    }
    Ok(())
}

fn uncounted(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    connection.query_row(UNCOUNTED, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Counts the events of the next places and moves on, in one transaction.
fn count_part(
    connection: &mut Connection,
    names: &mut Names,
    next: i64,
    last: i64,
) -> rusqlite::Result<(u64, i64)> {
    names.bound();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // places have gaps: the part ends at a place that holds an event
    let end: i64 = transaction.query_row(
        "SELECT coalesce(max(seq), ?2) FROM (SELECT seq FROM event WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3)",
        (next, last, PART),
        |row| row.get(0),
    )?;
    let mut kept = Kept::default();
    let mut counted = 0;
    {
        let mut select = transaction.prepare_cached(EVENTS)?;
        let mut rows = select.query((next, end))?;
        while let Some(row) = rows.next()? {
            let number: u8 = row.get(2)?;
            let event_type = EventType::from_number(number)
                .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(2, number.into()))?;
            let facts = Facts::of(event_type, row.get_ref(3)?.as_bytes()?);
            let timestamp =
                Timestamp::from_micros(row.get(0)?).ok_or_else(|| invalid(0, InvalidTimestamp))?;
            let seen = Seen { source: row.get(1)?, timestamp, event_type, facts: &facts };
            add(&transaction, names, &mut kept, &seen)?;
            counted += 1;
        }
    }
    write(&transaction, kept)?;
    if end >= last {
        transaction.execute("DELETE FROM uncounted", [])?;
    } else {
        transaction.execute("UPDATE uncounted SET next = ?1", [end + 1])?;
    }
    transaction.commit()?;
    Ok((counted, end))
}
