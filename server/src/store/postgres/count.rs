//! Counts what `counted` says is not in the kept counts yet, which after each insert is what it stored: events that
//! somebody else stored are caught up with in the same way, but their payloads have to be read.

mod cells;
mod names;
mod sessions;

use std::borrow::Cow;
use std::collections::HashMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, Row as _};
use vibetea_protocol::{EventId, EventType, Timestamp};

use crate::store::kept::{Kept, Names, Seen};
use crate::store::{Facts, NewBatch};

/// Events of others that are counted in one transaction: a backlog must not make it long.
const PART: usize = 5_000;

const THROUGH: &str = "SELECT through, newest FROM counted CROSS JOIN stream FOR UPDATE OF counted";
/// Of the events behind the third place the payload is known.
const UNCOUNTED: &str =
    "SELECT events.seq, source.id, micros(events.timestamp), type_number(events.event_type),
    CASE WHEN events.seq > $3 THEN NULL ELSE events.payload::text END,
    CASE WHEN events.seq > $3 THEN events.id END
    FROM public.events JOIN source ON source.name = events.source
    WHERE events.seq > $1 ORDER BY events.seq LIMIT $2";
const COUNTED: &str = "UPDATE counted SET through = $1";

/// The writer's memory of what it counts by.
#[derive(Debug, Default)]
pub(super) struct Counter {
    names: Names,
}

/// The events that the open transaction has stored, as far as they were new.
#[derive(Default)]
pub(super) struct Own<'a> {
    facts: HashMap<EventId, &'a Facts>,
    places: i64,
}

impl<'a> Own<'a> {
    /// Those of all batches that the transaction has stored. Of an id given twice the first event is the stored one.
    pub(super) fn of(batches: impl Iterator<Item = &'a NewBatch> + Clone) -> Self {
        let events = batches.clone().map(|batch| batch.events.len()).sum();
        let mut facts = HashMap::with_capacity(events);
        for event in batches.flat_map(|batch| &batch.events) {
            facts.entry(event.id).or_insert(&event.facts);
        }
        Self { facts, places: i64::try_from(events).unwrap_or(i64::MAX) }
    }

    /// The place behind which all are this transaction's: it holds the stream until its end, so those that were given
    /// out last are its own. Without any it holds nothing, and others store beside it.
    fn places_behind(&self, newest: i64) -> i64 {
        if self.places == 0 { i64::MAX } else { newest - self.places }
    }
}

/// An event that is not counted yet.
struct Uncounted<'a> {
    seq: i64,
    source: i64,
    /// None for what no server of ours would have taken.
    timestamp: Option<Timestamp>,
    event_type: EventType,
    facts: Cow<'a, Facts>,
}

impl<'a> Uncounted<'a> {
    fn read(row: &PgRow, own: &Own<'a>) -> sqlx::Result<Self> {
        let number: i64 = row.try_get(3)?;
        let event_type = u8::try_from(number).ok().and_then(EventType::from_number).ok_or_else(|| {
            sqlx::Error::Decode(format!("{number} is the number of no type of event").into())
        })?;
        let facts = match row.try_get::<Option<&str>, _>(4)? {
            Some(payload) => Cow::Owned(Facts::of(event_type, payload.as_bytes())),
            None => Cow::Borrowed(own_facts(row.try_get(5)?, own)?),
        };
        let timestamp = Timestamp::from_micros(row.try_get(2)?);
        Ok(Self { seq: row.try_get(0)?, source: row.try_get(1)?, timestamp, event_type, facts })
    }

    fn seen(&self) -> Option<Seen<'_>> {
        let (source, event_type, facts) = (self.source, self.event_type, &*self.facts);
        self.timestamp.map(|timestamp| Seen { source, timestamp, event_type, facts })
    }
}

fn own_facts<'a>(id: &str, own: &Own<'a>) -> sqlx::Result<&'a Facts> {
    let known = id.parse().ok().and_then(|id: EventId| own.facts.get(&id).copied());
    known.ok_or_else(|| sqlx::Error::Decode("an event of this transaction is not one that it stored".into()))
}

impl Counter {
    /// Counts the own events of the transaction that is open and a part of what others stored, within it; answers
    /// whether that was all.
    pub(super) async fn count(&mut self, connection: &mut PgConnection, own: &Own<'_>) -> sqlx::Result<bool> {
        let most = own.facts.len() + PART;
        self.names.bound();
        let (through, newest): (i64, i64) = sqlx::query_as(THROUGH).fetch_one(&mut *connection).await?;
        let rows = sqlx::query(UNCOUNTED)
            .bind(through)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(own.places_behind(newest))
            .fetch_all(&mut *connection)
            .await?;
        let events = rows.iter().map(|row| Uncounted::read(row, own)).collect::<sqlx::Result<Vec<_>>>()?;
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(true) };
        let seen: Vec<Seen<'_>> = events.iter().filter_map(Uncounted::seen).collect();
        names::learn(connection, &mut self.names, &seen).await?;
        let mut kept = Kept::default();
        for seen in &seen {
            kept.add(|source, kind, text| names::number(&self.names, source, kind, text), seen)?;
        }
        let (tables, sessions) = kept.into_tables();
        cells::write(connection, tables).await?;
        sessions::write(connection, sessions).await?;
        sqlx::query(COUNTED).bind(last).execute(&mut *connection).await?;
        Ok(events.len() < most)
    }

    /// Counts a part of what others stored, in a transaction of its own; answers whether that was all.
    pub(super) async fn catch_up(&mut self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let mut transaction = connection.begin().await?;
        let all = self.count(&mut transaction, &Own::default()).await?;
        transaction.commit().await?;
        Ok(all)
    }

    /// After a transaction that failed nobody knows which numbers were given out.
    pub(super) fn forget(&mut self) {
        self.names.forget();
    }
}
