//! Events from lines of JSON, as an export writes them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;
use vibetea_protocol::batch::{IdRule, parse_event};
use vibetea_protocol::limits::MAX_EVENTS_BODY;

use super::chunk::{Chunk, Tally};
use super::progress::Progress;
use crate::store::{NewEvent, Sharing, Store, StoreError};

/// Longest line, in bytes: fields that nobody knows may stand in it too.
const MAX_LINE: usize = MAX_EVENTS_BODY;
const BUFFER: usize = 256 * 1024;

/// Why an import of lines ended early. What was stored before stays, and a second run passes over it.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The file cannot be read.
    #[error("{name} cannot be read: {error}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        error: io::Error,
    },
    /// A line is no event.
    #[error("line {line} of {name} {what}; what stands before it is stored ({stored})")]
    Broken {
        /// Its number, from 1.
        line: u64,
        /// The file.
        name: String,
        /// The field and what is wrong with it.
        what: String,
        /// What became of the lines before it.
        stored: Tally,
    },
    /// The store did not take the events.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where lines come from.
pub struct LinesSource {
    input: Box<dyn BufRead + Send>,
    name: String,
    bytes: Option<u64>,
}

impl LinesSource {
    /// Standard input.
    pub fn stdin() -> Self {
        let input = Box::new(BufReader::with_capacity(BUFFER, io::stdin()));
        Self { input, name: "standard input".to_owned(), bytes: None }
    }

    /// A file.
    pub fn open(path: &Path) -> Result<Self, LinesError> {
        let name = path.display().to_string();
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((metadata.is_file().then_some(metadata.len()), file))
        };
        match open() {
            Ok((bytes, file)) => {
                Ok(Self { input: Box::new(BufReader::with_capacity(BUFFER, file)), name, bytes })
            }
            Err(error) => Err(LinesError::Read { name, error }),
        }
    }

    /// Its size, where it has one.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }
}

/// Stores the events of the lines, in chunks, while the next lines are read. Empty lines are passed over.
pub async fn import_lines(
    store: &Store,
    source: LinesSource,
    progress: &mut Progress,
) -> Result<Tally, LinesError> {
    // one chunk is stored, one waits and one is read: memory is bounded whatever the size of the file
    let (parts, mut ready) = mpsc::channel(1);
    let name = source.name.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mut lines = Lines { source, line: 0, bytes: 0, sharing: Sharing::default(), buffer: Vec::new() };
        loop {
            let part = lines.part();
            let is_last = !matches!(part.then, Then::More);
            if parts.blocking_send(part).is_err() || is_last {
                return;
            }
        }
    });
    let mut tally = Tally::default();
    while let Some(part) = ready.recv().await {
        tally.read += part.chunk.events();
        tally.new += part.chunk.store(store).await?;
        progress.show(part.bytes, tally.read);
        match part.then {
            Then::More => {}
            Then::End => break,
            Then::Unreadable(error) => return Err(LinesError::Read { name, error }),
            Then::Broken(line, what) => {
                return Err(LinesError::Broken { line, name, what, stored: tally });
            }
        }
    }
    // a reader that panicked must not look like the end of the file
    reading.await.map_err(|error| LinesError::Read { name, error: io::Error::other(error) })?;
    Ok(tally)
}

struct Part {
    chunk: Chunk,
    /// Bytes read since the start.
    bytes: u64,
    then: Then,
}

enum Then {
    More,
    End,
    Unreadable(io::Error),
    Broken(u64, String),
}

struct Lines {
    source: LinesSource,
    line: u64,
    bytes: u64,
    sharing: Sharing,
    buffer: Vec<u8>,
}

impl Lines {
    fn part(&mut self) -> Part {
        let mut chunk = Chunk::default();
        let then = loop {
            if chunk.is_full() {
                break Then::More;
            }
            match self.read_line() {
                Ok(false) => break Then::End,
                Ok(true) => {}
                Err(error) => break Then::Unreadable(error),
            }
            if let Err(what) = self.check_line(&mut chunk) {
                break Then::Broken(self.line, what);
            }
        };
        Part { chunk, bytes: self.bytes, then }
    }

    /// Whether there was another line.
    fn read_line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let read = (&mut self.source.input).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.buffer)?;
        self.line += 1;
        self.bytes += read as u64;
        Ok(read > 0)
    }

    fn check_line(&mut self, chunk: &mut Chunk) -> Result<(), String> {
        if self.buffer.len() > MAX_LINE {
            return Err(format!("is longer than {MAX_LINE} bytes"));
        }
        let line = self.buffer.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let (source, event) = parse_event(line, IdRule::AnyCase)?;
        let facts = self.sharing.own(event.event_type, event.facts);
        chunk.push(
            source,
            NewEvent {
                id: event.id,
                timestamp: event.timestamp,
                event_type: event.event_type,
                payload: Bytes::copy_from_slice(event.payload.as_bytes()),
                facts,
            },
        );
        Ok(())
    }
}
