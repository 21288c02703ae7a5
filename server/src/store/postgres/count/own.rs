//! What a transaction gave to the store itself, and so need not read back.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use vibetea_protocol::SourceId;

use crate::store::kept::Seen;
use crate::store::{Facts, NewBatch, NewEvent};

const SOURCES: &str = "SELECT name, id FROM source WHERE name = ANY ($1)";
/// Takes the newest places, so many of them, as counted where all before them are.
const TAKE_PLACES: &str = "UPDATE counted SET through = stream.newest FROM stream
    WHERE counted.through = stream.newest - $1";
/// Sources whose numbers are remembered; without authentication anybody may invent some.
const REMEMBERED: usize = 4096;

/// The events that the open transaction gave to the store, in the order of their places.
#[derive(Default)]
pub(in crate::store::postgres) struct Own<'a>(Vec<(&'a SourceId, &'a NewEvent)>);

impl<'a> Own<'a> {
    /// Those of all batches.
    pub(in crate::store::postgres) fn of(batches: impl Iterator<Item = &'a NewBatch>) -> Self {
        Self(batches.flat_map(|batch| batch.events.iter().map(|event| (&*batch.source, event))).collect())
    }

    /// How many were given.
    pub(in crate::store::postgres) fn len(&self) -> usize {
        self.0.len()
    }

    fn places(&self) -> i64 {
        i64::try_from(self.len()).unwrap_or(i64::MAX)
    }

    /// The place before its own: it holds the stream until its end, so those that were given out last are its own.
    pub(super) fn before(&self, newest: i64) -> i64 {
        newest - self.places()
    }

    /// Marks the places that the transaction was given as counted, if all before them are; whether that is so. Its row
    /// stays locked until the transaction's end.
    pub(super) async fn take_places(&self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let done = sqlx::query(TAKE_PLACES).bind(self.places()).execute(connection).await?;
        Ok(done.rows_affected() > 0)
    }

    /// What the event tells that was given at so many places behind [`Self::before`], from 1 on.
    pub(super) fn facts(&self, place: i64) -> Option<&'a Facts> {
        let index = usize::try_from(place.checked_sub(1)?).ok()?;
        self.0.get(index).map(|(_, event)| &event.facts)
    }

    /// All of them, of a transaction that found every one new.
    pub(super) async fn seen(
        &self,
        connection: &mut PgConnection,
        sources: &mut SourceNumbers,
    ) -> sqlx::Result<Vec<Seen<'a>>> {
        sources.learn(connection, self.0.iter().map(|(source, _)| *source)).await?;
        let seen = |(source, event): &(&SourceId, &'a NewEvent)| {
            Ok(Seen {
                source: sources.of(source)?,
                timestamp: event.timestamp,
                event_type: event.event_type,
                facts: &event.facts,
            })
        };
        self.0.iter().map(seen).collect()
    }
}

/// The writer's memory of the numbers of sources.
#[derive(Debug, Default)]
pub(super) struct SourceNumbers(HashMap<SourceId, i64>);

impl SourceNumbers {
    async fn learn<'s>(
        &mut self,
        connection: &mut PgConnection,
        sources: impl Iterator<Item = &'s SourceId> + Clone,
    ) -> sqlx::Result<()> {
        if self.0.len() > REMEMBERED {
            self.forget();
        }
        let mut missing: Vec<&SourceId> = sources.filter(|source| !self.0.contains_key(source)).collect();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = missing.iter().map(|source| source.as_str()).collect();
        let rows: Vec<(String, i64)> =
            sqlx::query_as(SOURCES).bind(names).fetch_all(&mut *connection).await?;
        let numbers: HashMap<String, i64> = rows.into_iter().collect();
        self.0.extend(
            missing.into_iter().filter_map(|source| Some((source.clone(), *numbers.get(source.as_str())?))),
        );
        Ok(())
    }

    fn of(&self, source: &SourceId) -> sqlx::Result<i64> {
        let number = self.0.get(source).copied();
        number.ok_or_else(|| sqlx::Error::Decode("a source that has events has no number".into()))
    }

    /// A number given out in a transaction that was rolled back is nobody's.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
