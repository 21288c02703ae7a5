//! The live stream: a ring of the newest events as shared frames, and cursors that follow it. Knows no store:
//! a cursor that the ring has left behind asks its [`Pages`].

#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;
use vibetea_protocol::stream::event_frame;
use vibetea_protocol::{EventId, EventType, SourceId, Timestamp};

/// Most frames the ring holds.
const RING_FRAMES: usize = 16_384;
/// Most bytes of text the ring holds.
const RING_BYTES: usize = 16 * 1024 * 1024;
/// Most frames a cursor takes at once.
const TAKE_FRAMES: usize = 256;
/// A cursor stops taking once it has this many bytes.
const TAKE_BYTES: usize = 256 * 1024;

/// An event of the stream, encoded once for all who watch.
#[derive(Debug)]
pub struct Frame {
    /// Place in the stream: grows, with gaps.
    pub seq: u64,
    /// The event's id.
    pub id: EventId,
    /// Who sent it.
    pub source: Arc<SourceId>,
    /// What happened.
    pub event_type: EventType,
    /// The payload's project.
    pub project: Option<Box<str>>,
    /// The event as a text frame.
    pub text: Utf8Bytes,
}

impl Frame {
    /// Encodes an event; `payload` is the JSON text of an object.
    pub fn new(
        seq: u64,
        id: EventId,
        source: Arc<SourceId>,
        timestamp: Timestamp,
        event_type: EventType,
        payload: &str,
        project: Option<Box<str>>,
    ) -> Self {
        let text = event_frame(&id, &source, timestamp, event_type, payload).into();
        Self { seq, id, source, event_type, project, text }
    }
}

/// Spreads frames to all cursors.
#[derive(Debug)]
pub struct Hub {
    ring: RwLock<Ring>,
    newest: watch::Sender<u64>,
    most_frames: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Ring {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    /// Every frame behind this place is in the ring.
    floor: u64,
}

impl Default for Hub {
    fn default() -> Self {
        Self::with_bounds(RING_FRAMES, RING_BYTES)
    }
}

impl Hub {
    fn with_bounds(most_frames: usize, most_bytes: usize) -> Self {
        Self { ring: RwLock::default(), newest: watch::Sender::new(0), most_frames, most_bytes }
    }

    /// Tells the hub where the stream stood before it began. What another server stored meanwhile may have been
    /// published already.
    pub fn start_behind(&self, seq: u64) {
        self.ring.write().unwrap_or_else(PoisonError::into_inner).floor = seq;
        self.newest.send_modify(|newest| *newest = seq.max(*newest));
    }

    /// Spreads frames; their places follow each other and all earlier ones.
    pub fn publish(&self, frames: Vec<Frame>) {
        let Some(newest) = frames.last().map(|frame| frame.seq) else { return };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        for frame in frames {
            ring.bytes += frame.text.len();
            ring.frames.push_back(Arc::new(frame));
        }
        while ring.frames.len() > self.most_frames || ring.bytes > self.most_bytes {
            let Some(oldest) = ring.frames.pop_front() else { break };
            ring.bytes -= oldest.text.len();
            ring.floor = oldest.seq;
        }
        drop(ring);
        self.newest.send_replace(newest);
    }

    /// The place of the newest frame, and word of every newer one.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The place of the newest frame.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// The place of an event that is still in the ring.
    pub fn place_of(&self, id: &EventId) -> Option<u64> {
        self.read().frames.iter().rev().find(|frame| frame.id == *id).map(|frame| frame.seq)
    }

    /// The next frames behind a place, or the floor where the ring does not reach back that far.
    fn after(&self, seq: u64) -> Result<Vec<Arc<Frame>>, u64> {
        let ring = self.read();
        if seq < ring.floor {
            return Err(ring.floor);
        }
        let start = ring.frames.partition_point(|frame| frame.seq <= seq);
        let mut bytes = 0;
        let taken = ring.frames.range(start..).take(TAKE_FRAMES).take_while(|frame| {
            let room = bytes < TAKE_BYTES;
            bytes += frame.text.len();
            room
        });
        Ok(taken.cloned().collect())
    }

    fn read(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where frames are that the ring no longer holds.
pub trait Pages {
    /// Why a page could not be read.
    type Error;

    /// Up to `limit` frames behind a place in order; `None` where nothing is kept.
    fn after(
        &self,
        seq: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Option<Vec<Frame>>, Self::Error>> + Send;
}

/// What a cursor took.
#[derive(Debug)]
pub enum Taken {
    /// The frames that follow what was taken before; none where nothing is new.
    Frames(Vec<Arc<Frame>>),
    /// Frames are gone for good; the cursor stands behind the gap.
    Gap,
}

/// A subscriber's place in the stream.
#[derive(Debug)]
pub struct Cursor {
    seq: u64,
    page: usize,
}

/// Rows of a first page; later ones follow the size of what came.
const FIRST_PAGE: usize = 64;

impl Cursor {
    /// A cursor that takes what comes behind a place.
    pub fn behind(seq: u64) -> Self {
        Self { seq, page: FIRST_PAGE }
    }

    /// The place of what was taken last.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Takes the frames that come next, from the ring or, where it does not reach back that far, from a page.
    pub async fn take<P: Pages>(&mut self, hub: &Hub, pages: &P) -> Result<Taken, P::Error> {
        let floor = match hub.after(self.seq) {
            Ok(frames) => return Ok(Taken::Frames(self.advance(frames))),
            Err(floor) => floor,
        };
        let Some(frames) = pages.after(self.seq, self.page).await? else {
            self.seq = floor;
            return Ok(Taken::Gap);
        };
        if frames.is_empty() {
            // nothing is left of what the ring has let go
            self.seq = floor;
        } else {
            let bytes: usize = frames.iter().map(|frame| frame.text.len()).sum();
            self.page = (TAKE_BYTES * frames.len() / bytes.max(1)).clamp(16, 4 * TAKE_FRAMES);
        }
        Ok(Taken::Frames(self.advance(frames.into_iter().map(Arc::new).collect())))
    }

    fn advance(&mut self, frames: Vec<Arc<Frame>>) -> Vec<Arc<Frame>> {
        if let Some(last) = frames.last() {
            self.seq = last.seq;
        }
        frames
    }
}
