//! A group of batches in one transaction: the function that the hosted deployment calls as well stores them, then what
//! is new is counted.

use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use vibetea_protocol::event::write_event;
use vibetea_protocol::event_type::TypeField;

use super::count::{Counter, Own};
use crate::store::{NewBatch, NewEvent, Route};

const INSERT: &str = "SELECT bulk_insert_events($1::text::jsonb)";
const NEWEST: &str = "SELECT newest FROM stream";
/// With both ends of the range the plan uses the index whatever it knows of the table.
const STORED: &str = "SELECT seq FROM public.events WHERE seq > $1 AND seq <= $2 ORDER BY seq";
/// A text that is longer takes no further batch: numbers grow sixfold in the database's form of it, which is bounded.
const LONGEST_TEXT: usize = 4 * 1024 * 1024;
/// A write that changes nothing, and takes no room.
const CHECK: &str = "UPDATE stream SET newest = newest";
/// An event that no page has room for and nothing presses together, which is taken back.
const PROBE: &str = "INSERT INTO public.events (id, source, timestamp, event_type, payload, seq)
    SELECT 'probe', '', now(), 'session', to_jsonb(string_agg(md5(random()::text), '')), newest + 1
    FROM stream CROSS JOIN generate_series(1, 2048) GROUP BY newest";

/// Stores the batches, all or none; answers how many events of each were new. After an error the connection is of no
/// use, and the counter has to forget.
pub(super) async fn store(
    connection: &mut PgConnection,
    counter: &mut Counter,
    batches: impl Iterator<Item = &NewBatch> + Clone,
) -> sqlx::Result<Vec<u64>> {
    let own = Own::of(batches.clone());
    connection.execute("BEGIN").await?;
    let lengths = batches.clone().map(|batch| batch.events.len());
    let mut inserted: Vec<u64> = lengths.clone().map(|length| length as u64).collect();
    let mut new = 0;
    for text in texts(batches) {
        let of_text: i64 = sqlx::query_scalar(INSERT).bind(text).fetch_one(&mut *connection).await?;
        new += usize::try_from(of_text).unwrap_or_default();
    }
    if new < own.len() {
        inserted = new_of_each(connection, lengths, own.len()).await?;
    }
    counter.count(connection, &own, new).await?;
    connection.execute("COMMIT").await?;
    Ok(inserted)
}

/// Whether events could be stored. After a failure that is asked with one, for a lock on the events or a full disk is in
/// the way of no smaller write.
pub(super) async fn check(connection: &mut PgConnection, after_a_failure: bool) -> sqlx::Result<()> {
    let probe = if after_a_failure { &["BEGIN", CHECK, PROBE, "ROLLBACK"][..] } else { &[] };
    for statement in probe.iter().chain(&["BEGIN", CHECK, "COMMIT"]) {
        connection.execute(*statement).await?;
    }
    Ok(())
}

/// How many of each batch's events were new, by the places that they got.
async fn new_of_each(
    connection: &mut PgConnection,
    lengths: impl Iterator<Item = usize>,
    given: usize,
) -> sqlx::Result<Vec<u64>> {
    let number = |length| i64::try_from(length).unwrap_or(i64::MAX);
    let newest: i64 = sqlx::query_scalar(NEWEST).fetch_one(&mut *connection).await?;
    let first = newest - number(given);
    let places: Vec<i64> =
        sqlx::query_scalar(STORED).bind(first).bind(newest).fetch_all(&mut *connection).await?;
    let new = lengths.scan((first, 0), |(end, before), length| {
        *end += number(length);
        let until = places.partition_point(|place| place <= end);
        Some((until - std::mem::replace(before, until)) as u64)
    });
    Ok(new.collect())
}

/// The events of the batches as `bulk_insert_events` reads them, many in one text: it costs as much for a few as for one.
fn texts<'a>(batches: impl Iterator<Item = &'a NewBatch>) -> impl Iterator<Item = String> {
    let mut batches = batches.peekable();
    std::iter::from_fn(move || {
        let mut text = String::new();
        while let Some(batch) = batches.next_if(|_| text.len() < LONGEST_TEXT) {
            batch.events.iter().for_each(|event| push(&mut text, batch, event));
        }
        (!text.is_empty()).then(|| text + "]")
    })
}

fn push(text: &mut String, batch: &NewBatch, event: &NewEvent) {
    text.push(if text.is_empty() { '[' } else { ',' });
    // payloads are checked to be UTF-8 before they are built
    let payload = std::str::from_utf8(&event.payload).unwrap_or_default();
    let (id, source) = (&event.id, &batch.source);
    write_event(text, TypeField::EventType, id, source, event.timestamp, event.event_type, payload);
    if batch.route == Route::Live {
        text.pop();
        text.push_str(r#","live":true}"#);
    }
}
