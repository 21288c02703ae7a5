//! Counts what `counted` says is not in the kept counts yet. After an insert that is mostly what it stored, which is in
//! memory; events that somebody else stored are caught up with in the same way, but have to be read.

mod cells;
mod names;
mod own;
mod sessions;

use std::borrow::Cow;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, Row as _};
use vibetea_protocol::{EventType, Timestamp};

pub(super) use self::own::Own;
use self::own::SourceNumbers;
use crate::store::Facts;
use crate::store::kept::{Kept, Names, Seen};

/// Events of others that are counted in one transaction: a backlog must not make it long.
const PART: usize = 5_000;

const THROUGH: &str = "SELECT through, newest FROM counted CROSS JOIN stream FOR UPDATE OF counted";
/// Of the events from behind the third place up to the fourth the payload is known.
const UNCOUNTED: &str =
    "SELECT events.seq, source.id, micros(events.timestamp), type_number(events.event_type),
    CASE WHEN events.seq > $3 AND events.seq <= $4 THEN NULL ELSE events.payload::text END
    FROM public.events JOIN source ON source.name = events.source
    WHERE events.seq > $1 ORDER BY events.seq LIMIT $2";
const COUNTED: &str = "UPDATE counted SET through = $1";
/// The writer's memory of what it counts by.
#[derive(Debug, Default)]
pub(super) struct Counter {
    names: Names,
    sources: SourceNumbers,
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
    fn read(row: &PgRow, own: &Own<'a>, before: i64) -> sqlx::Result<Self> {
        let seq: i64 = row.try_get(0)?;
        let number: i64 = row.try_get(3)?;
        let event_type = u8::try_from(number).ok().and_then(EventType::from_number).ok_or_else(|| {
            sqlx::Error::Decode(format!("{number} is the number of no type of event").into())
        })?;
        let facts = match row.try_get::<Option<&str>, _>(4)? {
            Some(payload) => Cow::Owned(Facts::of(event_type, payload.as_bytes())),
            None => Cow::Borrowed(own.facts(seq - before).ok_or_else(not_own)?),
        };
        let timestamp = Timestamp::from_micros(row.try_get(2)?);
        Ok(Self { seq, source: row.try_get(1)?, timestamp, event_type, facts })
    }

    fn seen(&self) -> Option<Seen<'_>> {
        let (source, event_type, facts) = (self.source, self.event_type, &*self.facts);
        self.timestamp.map(|timestamp| Seen { source, timestamp, event_type, facts })
    }
}

fn not_own() -> sqlx::Error {
    sqlx::Error::Decode("an event of this transaction is not one that it stored".into())
}

impl Counter {
    /// Counts the own events of the transaction that is open, `inserted` of which were new, and a part of what others
    /// stored, within it; answers whether that was all.
    pub(super) async fn count(
        &mut self,
        connection: &mut PgConnection,
        own: &Own<'_>,
        inserted: usize,
    ) -> sqlx::Result<bool> {
        self.names.bound();
        // where all were new no id was given twice
        if own.len() > 0 && inserted == own.len() && own.take_places(connection).await? {
            let seen = own.seen(connection, &mut self.sources).await?;
            self.keep(connection, &seen).await?;
            return Ok(true);
        }
        let (through, newest): (i64, i64) = sqlx::query_as(THROUGH).fetch_one(&mut *connection).await?;
        let before = own.before(newest);
        let most = own.len() + PART;
        let rows = sqlx::query(UNCOUNTED)
            .bind(through)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(before)
            .bind(newest)
            .fetch_all(&mut *connection)
            .await?;
        let read = |row: &PgRow| Uncounted::read(row, own, before);
        let events = rows.iter().map(read).collect::<sqlx::Result<Vec<_>>>()?;
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(true) };
        let all = events.len() < most;
        let seen: Vec<Seen<'_>> = events.iter().filter_map(Uncounted::seen).collect();
        // who holds the stream knows that nothing more comes up to its newest place
        let counted = if all && own.len() > 0 { last.max(newest) } else { last };
        self.keep(connection, &seen).await?;
        sqlx::query(COUNTED).bind(counted).execute(connection).await?;
        Ok(all)
    }

    /// Adds these events to all that is kept of events.
    async fn keep(&mut self, connection: &mut PgConnection, seen: &[Seen<'_>]) -> sqlx::Result<()> {
        names::learn(connection, &mut self.names, seen).await?;
        let mut kept = Kept::default();
        for seen in seen {
            kept.add(|source, kind, text| names::number(&self.names, source, kind, text), seen)?;
        }
        let (tables, sessions) = kept.into_tables();
        cells::write(connection, tables).await?;
        sessions::write(connection, sessions).await
    }

    /// Counts a part of what others stored, in a transaction of its own; answers whether that was all.
    pub(super) async fn catch_up(&mut self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let mut transaction = connection.begin().await?;
        let all = self.count(&mut transaction, &Own::default(), 0).await?;
        transaction.commit().await?;
        Ok(all)
    }

    /// After a transaction that failed nobody knows which numbers were given out.
    pub(super) fn forget(&mut self) {
        self.names.forget();
        self.sources.forget();
    }
}
