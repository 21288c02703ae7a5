//! Counts what `counted` says is not in the kept counts yet, which after each insert is what it stored: events that
//! somebody else stored are caught up with in the same way.

mod cells;
mod names;
mod sessions;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, Row as _};
use vibetea_protocol::{EventType, Timestamp};

use crate::store::Facts;
use crate::store::kept::{Kept, Names, Seen};

/// Events of others that are counted in one transaction: a backlog must not make it long.
const PART: usize = 5_000;

const THROUGH: &str = "SELECT through FROM counted FOR UPDATE";
const UNCOUNTED: &str =
    "SELECT events.seq, source.id, micros(events.timestamp), type_number(events.event_type),
    events.payload::text
    FROM public.events JOIN source ON source.name = events.source
    WHERE events.seq > $1 ORDER BY events.seq LIMIT $2";
const COUNTED: &str = "UPDATE counted SET through = $1";

/// The writer's memory of what it counts by.
#[derive(Debug, Default)]
pub(super) struct Counter {
    names: Names,
}

/// An event that is not counted yet.
struct Uncounted {
    seq: i64,
    source: i64,
    /// None for what no server of ours would have taken.
    timestamp: Option<Timestamp>,
    event_type: EventType,
    facts: Facts,
}

impl Uncounted {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let number: i64 = row.try_get(3)?;
        let event_type = u8::try_from(number).ok().and_then(EventType::from_number).ok_or_else(|| {
            sqlx::Error::Decode(format!("{number} is the number of no type of event").into())
        })?;
        let facts = Facts::of(event_type, row.try_get::<&str, _>(4)?.as_bytes());
        let timestamp = Timestamp::from_micros(row.try_get(2)?);
        Ok(Self { seq: row.try_get(0)?, source: row.try_get(1)?, timestamp, event_type, facts })
    }

    fn seen(&self) -> Option<Seen<'_>> {
        let (source, event_type, facts) = (self.source, self.event_type, &self.facts);
        self.timestamp.map(|timestamp| Seen { source, timestamp, event_type, facts })
    }
}

impl Counter {
    /// Counts so many new events and a part of what others stored, within the transaction that is open; answers whether
    /// that was all.
    pub(super) async fn count(&mut self, connection: &mut PgConnection, new: usize) -> sqlx::Result<bool> {
        let most = new + PART;
        self.names.bound();
        let through: i64 = sqlx::query_scalar(THROUGH).fetch_one(&mut *connection).await?;
        let rows = sqlx::query(UNCOUNTED)
            .bind(through)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&mut *connection)
            .await?;
        let events = rows.iter().map(Uncounted::read).collect::<sqlx::Result<Vec<_>>>()?;
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
        let all = self.count(&mut transaction, 0).await?;
        transaction.commit().await?;
        Ok(all)
    }

    /// After a transaction that failed nobody knows which numbers were given out.
    pub(super) fn forget(&mut self) {
        self.names.forget();
    }
}
