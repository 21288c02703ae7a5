//! The side of the store that the senders use.

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use vibetea_protocol::{EventId, EventType, Timestamp};

use super::seal::seal_numbers;
use super::{Change, Destination, ENVELOPE_BYTES, Needs, Outbox, OutboxError, Queued, SetAside};

impl Outbox {
    /// The events that wait longest for the destination: at most `limit` of them and at most `max_bytes`
    /// (payloads and [`ENVELOPE_BYTES`] each), but at least one if any waits.
    pub fn pending(
        &self,
        destination: Destination,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Queued>, OutboxError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(match destination {
            Destination::Live => {
                "SELECT seq, id, timestamp, type, payload FROM outbox WHERE live = 1 ORDER BY seq LIMIT ?1"
            }
            Destination::Batch => {
                "SELECT seq, id, timestamp, type, payload FROM outbox WHERE batch = 1 ORDER BY seq LIMIT ?1"
            }
        })?;
        let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut events = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let event = queued(row)?;
            bytes += event.payload.len() + ENVELOPE_BYTES;
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            events.push(event);
        }
        Ok(events)
    }

    /// The destination has these events now; `also_batch` clears the batch need as well, where a live
    /// acknowledgement came from the server that the batches go to.
    pub fn acknowledge(
        &self,
        destination: Destination,
        seqs: &[i64],
        also_batch: bool,
    ) -> Result<(), OutboxError> {
        self.change(|transaction, change| {
            for seq in seqs {
                satisfy(transaction, *seq, destination, change)?;
                if also_batch && destination == Destination::Live {
                    satisfy(transaction, *seq, Destination::Batch, change)?;
                }
            }
            Ok(())
        })
    }

    /// Sets an event aside that the destination refuses for what it is; `reason` is a code.
    pub fn quarantine(&self, destination: Destination, seq: i64, reason: &str) -> Result<(), OutboxError> {
        self.change(|transaction, change| {
            let waiting = transaction
                .prepare_cached("SELECT seq, id, timestamp, type, payload FROM outbox WHERE seq = ?1")?
                .query_and_then([seq], queued)?
                .next()
                .transpose()?;
            if let Some(Queued { id, timestamp, event_type, payload, .. }) = waiting {
                let reason = reason.to_owned();
                SetAside { id, destination, timestamp, event_type, payload, reason }.keep(transaction)?;
            }
            count_up(transaction, &format!("quarantined_{}", destination.as_str()), 1)?;
            satisfy(transaction, seq, destination, change)
        })
    }

    /// Gives up every event that waits for the destination, and says how many; `reason` becomes part of a
    /// counter's name.
    pub fn drop_all(&self, destination: Destination, reason: &str) -> Result<u64, OutboxError> {
        self.change(|transaction, change| {
            let waiting = match destination {
                Destination::Live => "SELECT seq FROM outbox WHERE live = 1",
                Destination::Batch => "SELECT seq FROM outbox WHERE batch = 1",
            };
            let seqs: Vec<i64> = transaction
                .prepare_cached(waiting)?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for seq in &seqs {
                satisfy(transaction, *seq, destination, change)?;
            }
            let dropped = seqs.len() as u64;
            count_up(transaction, &format!("dropped_{}_{reason}", destination.as_str()), dropped)?;
            Ok(dropped)
        })
    }

    /// Runs one transaction of its own; what it did to the counts takes effect with the commit.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Connection, &mut Change) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        let mut connection = self.connection();
        let mut change = Change::default();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction, &mut change)?;
        transaction.commit()?;
        self.apply(&change);
        Ok(answer)
    }
}

/// From the columns seq, id, timestamp, type and payload.
pub(super) fn queued(row: &Row<'_>) -> Result<Queued, OutboxError> {
    let damaged = || OutboxError::Broken("an event in it cannot be read".to_owned());
    Ok(Queued {
        seq: row.get(0)?,
        id: EventId::from_key(row.get_ref(1)?.as_str().map_err(|_| damaged())?).ok_or_else(damaged)?,
        timestamp: Timestamp::from_micros(row.get(2)?).ok_or_else(damaged)?,
        event_type: EventType::from_number(row.get(3)?).ok_or_else(damaged)?,
        payload: row.get(4)?,
    })
}

/// Clears one need of one row, and removes the row with its last need; a row that is gone is no error.
fn satisfy(
    transaction: &Connection,
    seq: i64,
    destination: Destination,
    change: &mut Change,
) -> Result<(), OutboxError> {
    let cleared = transaction
        .prepare_cached(match destination {
            Destination::Live => "UPDATE outbox SET live = 0, seal = seal - ?2 WHERE seq = ?1 AND live = 1",
            Destination::Batch => {
                "UPDATE outbox SET batch = 0, seal = seal - ?2 WHERE seq = ?1 AND batch = 1"
            }
        })?
        .execute([seq, destination.weight()])?;
    if cleared == 0 {
        return Ok(());
    }
    change.satisfy(destination);
    let payload: Option<usize> = transaction
        .prepare_cached(
            "DELETE FROM outbox WHERE seq = ?1 AND live = 0 AND batch = 0 RETURNING octet_length(payload)",
        )?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    if let Some(payload) = payload {
        change.remove(payload);
    }
    Ok(())
}

/// Puts an event in the queue, or adds these needs to the one with its id that waits there; whether none was there.
pub(super) fn insert(
    transaction: &Connection,
    (id, timestamp, event_type): (EventId, Timestamp, EventType),
    payload: &str,
    needs: Needs,
    change: &mut Change,
) -> Result<bool, OutboxError> {
    let seal = seal_event(id.key(), payload, timestamp.as_micros(), i64::from(event_type.number()));
    let needed = Destination::ALL.map(|destination| i64::from(needs.wants(destination)));
    let weight: i64 =
        Destination::ALL.iter().zip(needed).map(|(destination, needed)| needed * destination.weight()).sum();
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO outbox (id, timestamp, type, payload, live, batch, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            id.key(),
            timestamp.as_micros(),
            event_type.number(),
            payload,
            needed[0],
            needed[1],
            seal + weight
        ])?;
    if inserted == 1 {
        change.add(needs, payload.len());
        return Ok(true);
    }
    for destination in Destination::ALL.into_iter().filter(|destination| needs.wants(*destination)) {
        need(transaction, id, destination, change)?;
    }
    Ok(false)
}

/// Lets an event that waits wait for this destination too.
fn need(
    transaction: &Connection,
    id: EventId,
    destination: Destination,
    change: &mut Change,
) -> Result<(), OutboxError> {
    let added = transaction
        .prepare_cached(match destination {
            Destination::Live => "UPDATE outbox SET live = 1, seal = seal + ?2 WHERE id = ?1 AND live = 0",
            Destination::Batch => "UPDATE outbox SET batch = 1, seal = seal + ?2 WHERE id = ?1 AND batch = 0",
        })?
        .execute(params![id.key(), destination.weight()])?;
    if added == 1 {
        change.need(destination);
    }
    Ok(())
}

pub(super) fn count_up(transaction: &Connection, name: &str, by: u64) -> Result<(), OutboxError> {
    if by > 0 {
        transaction
            .prepare_cached(
                "INSERT INTO counter (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            )?
            .execute(params![name, i64::try_from(by).unwrap_or(i64::MAX)])?;
    }
    Ok(())
}

fn seal_event(key: &str, payload: &str, timestamp: i64, event_type: i64) -> i64 {
    seal_numbers(&[key, payload], &[timestamp, event_type])
}

/// Whether every waiting event is what was put there.
pub(super) fn seals_hold(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare("SELECT id, payload, timestamp, type, live, batch, seal FROM outbox")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, payload) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        let (live, batch): (i64, i64) = (row.get(4)?, row.get(5)?);
        let expected = seal_event(id, payload, row.get(2)?, row.get(3)?) + live + 2 * batch;
        if expected != row.get::<_, i64>(6)? || live + batch == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Depths of both destinations and bytes, counted anew.
pub(super) fn count(connection: &Connection) -> Result<([u64; 2], u64), OutboxError> {
    let (live, batch, rows, payload): (u64, u64, u64, u64) = connection.query_row(
        "SELECT coalesce(sum(live), 0), coalesce(sum(batch), 0), count(*),
                coalesce(sum(octet_length(payload)), 0) FROM outbox",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    Ok(([live, batch], payload + rows * ENVELOPE_BYTES as u64))
}
