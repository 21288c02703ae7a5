//! Events from the table of a hosted project, whose database may be far away and may hold what no event can be.

mod read;
mod source;

use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;
use vibetea_protocol::facts::Facts;
use vibetea_protocol::{Clock, EventId, EventType, SourceId, Timestamp};

pub use source::{HostedSource, InvalidUrl};

pub(super) use read::Place;
use read::{HostedRow, Rows};

use super::canonical::canonical;
use super::chunk::{Chunk, Tally};
use super::progress::Progress;
use super::refused::Refused;
use super::resume::{Resume, ResumeError, Stored};
use crate::store::{NewEvent, Sharing, Store, StoreError};

/// Why an import ended early. What was stored stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum HostedError {
    /// The database refuses, or is away.
    #[error("the hosted database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// Nothing comes from the database any more.
    #[error("the hosted database is silent")]
    Silent,
    /// There may be rows, and the role sees none.
    #[error(
        "row level security hides every row of public.events from this role: use one that may pass it over, such as \
         the service role's, or give the role a policy for SELECT"
    )]
    Hidden,
    /// The store did not take the events.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The place to go on from cannot be kept.
    #[error(transparent)]
    Resume(#[from] ResumeError),
}

impl HostedError {
    /// Whether trying again can help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Silent | Self::Database(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => true,
            // connection lost, shutting down, starting up, too many connections
            Self::Database(sqlx::Error::Database(error)) => error
                .code()
                .is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == "53300"),
            _ => false,
        }
    }
}

/// What an import did, earlier runs included that it went on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedImport {
    /// How many events.
    pub tally: Tally,
    /// What was not taken.
    pub refused: Refused,
    /// Events that earlier runs had read, where this one went on from them.
    pub resumed: Option<u64>,
    /// Whether row level security may have hidden rows.
    pub may_be_partial: bool,
}

/// Stores what the table `public.events` of `source` held when the import was first begun, and perhaps some of what
/// came since. Only reads there. A run that was cut off is gone on from: `folder` holds its place until the import
/// is whole, under the names of the source and of the target `into`, and never a password.
pub async fn import_hosted(
    store: &Store,
    source: &HostedSource,
    folder: &Path,
    into: &str,
    clock: &Clock,
) -> Result<HostedImport, HostedError> {
    let outline = read::outline(source).await?;
    let Some(newest) = outline.newest else {
        let outcome = HostedImport {
            tally: Tally::default(),
            refused: Refused::default(),
            resumed: None,
            may_be_partial: false,
        };
        return if outline.hidden { Err(HostedError::Hidden) } else { Ok(outcome) };
    };
    let mut resume = Resume::open(folder, &source.to_string(), into, store, &newest, clock.now()).await?;
    let earlier = resume.tally().read;
    let mut progress = Progress::of_events(outline.rows, earlier);
    // one chunk is stored, one waits and one is read
    let (chunks, mut ready) = mpsc::channel::<Part>(1);
    let rows = Rows::new(source.clone(), resume.at().cloned(), resume.end().clone());
    let kept = &mut resume;
    // whichever ends early ends the other: its half of the channel goes with it
    let storing = async move {
        while let Some(part) = ready.recv().await {
            let read = part.chunk.events() + part.refused.count();
            let new = part.chunk.store(store).await?;
            kept.advance(part.at, part.last, read, new, part.refused)?;
            progress.show(kept.tally().read, kept.tally().read);
        }
        Ok::<_, HostedError>(())
    };
    let (stored, read) = tokio::join!(storing, read_chunks(rows, chunks));
    stored?;
    read?;
    let (tally, refused) = resume.finish()?;
    let resumed = (earlier > 0).then_some(earlier);
    Ok(HostedImport { tally, refused, resumed, may_be_partial: outline.hidden })
}

struct Part {
    chunk: Chunk,
    refused: Refused,
    /// The last row of the chunk.
    at: Place,
    /// Its last event.
    last: Option<Stored>,
}

/// Gathers rows into chunks until there are no more, or nobody wants them any more.
async fn read_chunks(rows: Rows, chunks: mpsc::Sender<Part>) -> Result<(), HostedError> {
    let mut sharing = Sharing::default();
    let mut part: Option<Part> = None;
    let taken = rows
        .read(async |row: HostedRow| {
            let part_now = part.get_or_insert_with(|| Part {
                chunk: Chunk::default(),
                refused: Refused::default(),
                at: row.place.clone(),
                last: None,
            });
            match event(&row, &mut sharing) {
                Ok((source, event)) => {
                    part_now.last = Some(Stored { timestamp: event.timestamp, id: event.id });
                    part_now.chunk.push(source, event);
                }
                Err(what) => part_now.refused.add(&row.place.id, &what),
            }
            part_now.at = row.place;
            if !part_now.chunk.is_full() && part_now.refused.count() < MOST_REFUSED {
                return true;
            }
            match part.take() {
                Some(part) => chunks.send(part).await.is_ok(),
                None => true,
            }
        })
        .await;
    // what was read before a failure is stored all the same
    if let Some(part) = part {
        let _nobody_wants_it = chunks.send(part).await;
    }
    taken
}

/// Refused rows after which a chunk ends, so that a table full of them shows progress too.
const MOST_REFUSED: u64 = 10_000;

/// The row as an event, or what is wrong with it.
fn event(row: &HostedRow, sharing: &mut Sharing) -> Result<(SourceId, NewEvent), String> {
    let invalid =
        |field: &str, what: &dyn std::fmt::Display| format!("has an invalid field '{field}': {what}");
    let id = EventId::parse(&row.place.id, true).map_err(|error| invalid("id", &error))?;
    let source: SourceId = row.source.parse().map_err(|error| invalid("source", &error))?;
    let timestamp = row
        .micros
        .and_then(Timestamp::from_micros)
        .ok_or_else(|| invalid("timestamp", &"it is not between the years 1970 and 9999"))?;
    let event_type = EventType::from_name(&row.event_type)
        .ok_or_else(|| invalid("event_type", &"it is none of the known types"))?;
    // the database's own text is longer than what was sent
    let payload = canonical(&row.payload).map_err(|error| invalid("payload", &error))?;
    let facts = Facts::checked(&payload).map_err(|what| invalid("payload", &what))?;
    let facts = sharing.own(event_type, facts);
    Ok((source, NewEvent { id, timestamp, event_type, payload: Bytes::from(payload), facts }))
}
