//! Where an import of a hosted project stands, kept beside the database so that a later run goes on from there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vibetea_protocol::{EventId, Timestamp};

use super::chunk::Tally;
use super::hosted::Place;
use super::refused::Refused;
use crate::store::{EventFilter, EventsQuestion, Position, Range, Side, Store, StoreError};

const VERSION: u32 = 1;
/// Events of one moment that are looked at in one go.
const PAGE: usize = 1000;

/// Why the place cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The file cannot be read or written.
    #[error("the place to go on from cannot be kept in {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An event that an import has stored.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) timestamp: Timestamp,
    pub(super) id: EventId,
}

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// Host, port, database and user.
    source: String,
    into: String,
    begun: Timestamp,
    /// The last row that belongs to the import.
    end: Place,
    /// The last row that is dealt with.
    at: Option<Place>,
    /// The last event that was stored.
    last: Option<Stored>,
    tally: Tally,
    refused: Refused,
}

/// An import under way.
#[derive(Debug)]
pub(super) struct Resume {
    path: PathBuf,
    kept: Kept,
}

impl Resume {
    /// Goes on from what the folder holds, or begins. A place is gone on from only while the store still holds the
    /// last event that was stored before it: another database, or one from a backup, gets everything again.
    pub(super) async fn open(
        folder: &Path,
        source: &str,
        into: &str,
        store: &Store,
        newest: &Place,
        now: Timestamp,
    ) -> Result<Self, ResumeError> {
        let path = folder.join(file_name(source, into));
        if let Some(kept) = read(&path)?.filter(|kept| kept.source == source && kept.into == into)
            && let Some(last) = kept.last
            && holds(store, last).await?
        {
            tracing::info!(begun = %kept.begun, read = kept.tally.read, "going on with an import that was cut off");
            return Ok(Self { path, kept });
        }
        let kept = Kept {
            version: VERSION,
            source: source.to_owned(),
            into: into.to_owned(),
            begun: now,
            end: newest.clone(),
            at: None,
            last: None,
            tally: Tally::default(),
            refused: Refused::default(),
        };
        Ok(Self { path, kept })
    }

    pub(super) fn at(&self) -> Option<&Place> {
        self.kept.at.as_ref()
    }

    pub(super) fn end(&self) -> &Place {
        &self.kept.end
    }

    pub(super) fn tally(&self) -> Tally {
        self.kept.tally
    }

    /// Notes that every row up to `at` is dealt with; its events are durable.
    pub(super) fn advance(
        &mut self,
        at: Place,
        last: Option<Stored>,
        read: u64,
        new: u64,
        refused: Refused,
    ) -> Result<(), ResumeError> {
        let kept = &mut self.kept;
        kept.at = Some(at);
        kept.last = last.or(kept.last);
        kept.tally.read += read;
        kept.tally.new += new;
        kept.tally.refused += refused.count();
        kept.refused.append(refused);
        self.write().map_err(|error| ResumeError::File { path: self.path.clone(), error })
    }

    /// The import is whole: the next one begins anew.
    pub(super) fn finish(self) -> Result<(Tally, Refused), ResumeError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ResumeError::File { path: self.path, error })
            }
            _ => Ok((self.kept.tally, self.kept.refused)),
        }
    }

    /// A reader finds the old file or the new one, whatever dies in between.
    fn write(&self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        serde_json::to_writer(&mut file, &self.kept)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)
    }
}

fn file_name(source: &str, into: &str) -> String {
    let hash = Sha256::digest(format!("{source}\n{into}"));
    let number = hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("import-{number:016x}.json")
}

/// What the file holds; nothing where it is missing, is of another release or was written half.
fn read(path: &Path) -> Result<Option<Kept>, ResumeError> {
    match fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok().filter(|kept: &Kept| kept.version == VERSION)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ResumeError::File { path: path.to_owned(), error }),
    }
}

/// Whether the store holds the event at its time.
async fn holds(store: &Store, event: Stored) -> Result<bool, StoreError> {
    let next = Timestamp::from_micros(event.timestamp.as_micros() + 1);
    let range = Range::new(Some(event.timestamp), next);
    let mut after = Position::start_of(range);
    loop {
        let question =
            EventsQuestion { filter: EventFilter::default(), range, side: Side::After(after), limit: PAGE };
        let page = store.events(question).await?;
        if page.events.iter().any(|stored| stored.id == event.id) {
            return Ok(true);
        }
        match page.newer {
            Some(newer) => after = newer,
            None => return Ok(false),
        }
    }
}
