//! Events of a range as lines, and the digest of such lines.

use std::fmt;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};
use vibetea_protocol::api::StoredEvent;
use vibetea_protocol::event::write_event;
use vibetea_protocol::{SourceId, Timestamp, TypeField};

use super::canonical::{CanonicalError, canonical};
use crate::hex::hex;
use crate::store::{
    AskCopy, EventFilter, EventsAnswer, EventsQuestion, Position, Range, Side, SourceFilter, Store,
    StoreError,
};

/// Events that are read at a time.
const PAGE: usize = 2000;

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The earliest moment.
    pub from: Option<Timestamp>,
    /// The first moment that is too late.
    pub to: Option<Timestamp>,
    /// Whose; everybody's without it.
    pub source: Option<SourceId>,
}

/// Why not all of the events were written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lines could not be written.
    #[error("the events cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The store holds what no event can have.
    #[error("the stored event {id} cannot be written: its {what}")]
    Damaged {
        /// The event.
        id: String,
        /// The field and what is wrong with it.
        what: String,
    },
}

/// Writes the selected events by time, then id, each as one line that ends with a line feed: an object with `id`,
/// `source`, `timestamp`, `type` and `payload`, in this order, the payload in its canonical text. Answers their
/// number. What is stored meanwhile is there or not.
pub async fn export(store: &Store, selection: &Selection, mut out: impl Write) -> Result<u64, ExportError> {
    let mut question = first_question(selection);
    let mut written = 0;
    loop {
        let page = store.events(question.clone()).await?;
        written += write_page(&page, &mut out)?;
        match page.newer {
            Some(newer) => question.side = Side::After(newer),
            None => break,
        }
    }
    out.flush()?;
    Ok(written)
}

fn first_question(selection: &Selection) -> EventsQuestion {
    let range = Range::new(selection.from, selection.to);
    EventsQuestion {
        filter: EventFilter {
            sources: selection
                .source
                .as_ref()
                .map_or(SourceFilter::All, |source| SourceFilter::One(source.as_str().to_owned())),
            ..EventFilter::default()
        },
        range,
        side: Side::After(Position::start_of(range)),
        limit: PAGE,
    }
}

fn write_page(page: &EventsAnswer, out: &mut impl Write) -> Result<u64, ExportError> {
    let mut line = String::new();
    for event in page.events.iter().rev() {
        line.clear();
        write_line(&mut line, event)?;
        out.write_all(line.as_bytes())?;
    }
    Ok(page.events.len() as u64)
}

fn write_line(line: &mut String, event: &StoredEvent) -> Result<(), ExportError> {
    let damaged = |what: String| ExportError::Damaged { id: event.id.to_string(), what };
    let source: SourceId =
        event.source.parse().map_err(|error| damaged(format!("source is none: {error}")))?;
    let payload = canonical(event.payload.get())
        .map_err(|error: CanonicalError| damaged(format!("payload is none: {error}")))?;
    write_event(line, TypeField::Type, &event.id, &source, event.timestamp, event.event_type, &payload);
    line.push('\n');
    Ok(())
}

/// What stands for the contents of a store: SHA-256 over the lines of an export, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Over every line with its line feed.
    pub sha256: [u8; 32],
    /// Number of lines.
    pub events: u64,
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{} events:{}", hex(&self.sha256), self.events)
    }
}

/// The digest of what [`export`] would write.
pub async fn digest(store: &Store, selection: &Selection) -> Result<Digest, ExportError> {
    let mut hash = Sha256::new();
    let events = export(store, selection, &mut hash).await?;
    Ok(Digest { sha256: hash.finalize().into(), events })
}

/// The digest of everything that is in a copy.
pub fn digest_copy(ask: AskCopy<'_>) -> Result<Digest, ExportError> {
    let mut hash = Sha256::new();
    let mut question = first_question(&Selection::default());
    let mut events = 0;
    loop {
        let page = ask(&question)?;
        events += write_page(&page, &mut hash)?;
        match page.newer {
            Some(newer) => question.side = Side::After(newer),
            None => return Ok(Digest { sha256: hash.finalize().into(), events }),
        }
    }
}
