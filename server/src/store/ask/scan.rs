//! One search through events in order of time and id, in either direction, within a bounded number of rows.

use std::ops::{self, ControlFlow};

use memchr::memchr;
use memchr::memmem::Finder;
use serde_json::value::RawValue;
use vibetea_protocol::api::StoredEvent;
use vibetea_protocol::event::InvalidId;
use vibetea_protocol::facts::Facts;
use vibetea_protocol::{EventId, EventType};

use super::Wanted;
use crate::store::tables::{ReadError, Row, Statement, Tables, invalid, moment};
use crate::store::{EventFilter, Position};

const OLDER: Statement = Statement::per_database(
    "SELECT ts, source, type, id, payload FROM event INDEXED BY event_ts_source
    WHERE ts >= ?1 AND ts <= ?2 AND (?3 IS NULL OR source = ?3)
    AND (?4 IS NULL OR source IN (SELECT value FROM json_each(?4))) ORDER BY ts DESC",
    "SELECT micros(timestamp), source.id, type_number(event_type),
        substr(events.id, 5), payload::text
    FROM events JOIN source ON source.name = events.source
    WHERE timestamp >= moment(?1) AND timestamp <= moment(?2) AND (?3 IS NULL OR source.id = ?3)
    AND (?4 IS NULL OR source.id = ANY (?4)) ORDER BY timestamp DESC, events.id DESC",
);
const NEWER: Statement = Statement::per_database(
    "SELECT ts, source, type, id, payload FROM event INDEXED BY event_ts_source
    WHERE ts >= ?1 AND ts <= ?2 AND (?3 IS NULL OR source = ?3)
    AND (?4 IS NULL OR source IN (SELECT value FROM json_each(?4))) ORDER BY ts",
    "SELECT micros(timestamp), source.id, type_number(event_type),
        substr(events.id, 5), payload::text
    FROM events JOIN source ON source.name = events.source
    WHERE timestamp >= moment(?1) AND timestamp <= moment(?2) AND (?3 IS NULL OR source.id = ?3)
    AND (?4 IS NULL OR source.id = ANY (?4)) ORDER BY timestamp, events.id",
);

/// Which way a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Older,
    Newer,
}

/// An event that was found.
#[derive(Debug)]
pub(super) struct Found {
    micros: i64,
    key: String,
    source: i64,
    event_type: EventType,
    payload: String,
}

impl Found {
    pub(super) fn position(&self) -> Position {
        Position { micros: self.micros, key: self.key.clone() }
    }

    pub(super) fn stored(self, tables: Tables<'_>) -> Result<StoredEvent, ReadError> {
        Ok(StoredEvent {
            id: EventId::from_key(&self.key).ok_or_else(|| invalid("id", &InvalidId))?,
            source: tables.source_name(self.source)?.as_str().to_owned(),
            timestamp: moment(self.micros)?,
            event_type: self.event_type,
            payload: RawValue::from_string(self.payload).map_err(|error| invalid("payload", &error))?,
        })
    }
}

/// Looks at payloads without reading those that cannot match.
struct Matcher {
    event_type: Option<EventType>,
    session: Option<Needle>,
    project: Option<Needle>,
    tool: Option<Needle>,
}

struct Needle {
    text: String,
    finder: Finder<'static>,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), finder: Finder::new(text.as_bytes()).into_owned() }
    }

    /// Without an escape a name stands in the JSON text as it is.
    fn may_be_in(&self, payload: &[u8], has_escapes: bool) -> bool {
        has_escapes || self.finder.find(payload).is_some()
    }

    fn is(&self, field: Option<&str>) -> bool {
        field == Some(self.text.as_str())
    }
}

impl Matcher {
    fn new(filter: &EventFilter) -> Self {
        let needle = |text: &Option<String>| text.as_deref().map(Needle::new);
        Self {
            event_type: filter.event_type,
            session: needle(&filter.session),
            project: needle(&filter.project),
            tool: needle(&filter.tool),
        }
    }

    fn matches(&self, event_type: EventType, payload: &[u8]) -> bool {
        if self.event_type.is_some_and(|wanted| wanted != event_type)
            || self.tool.is_some() && event_type != EventType::Tool
        {
            return false;
        }
        let mut needles = [&self.session, &self.project, &self.tool].into_iter().flatten().peekable();
        if needles.peek().is_none() {
            return true;
        }
        let has_escapes = memchr(b'\\', payload).is_some();
        if !needles.all(|needle| needle.may_be_in(payload, has_escapes)) {
            return false;
        }
        let facts = Facts::of(std::str::from_utf8(payload).unwrap_or_default());
        let is = |needle: &Option<Needle>, field: Option<&str>| {
            needle.as_ref().is_none_or(|needle| needle.is(field))
        };
        is(&self.session, facts.session.as_deref())
            && is(&self.project, facts.project.as_deref())
            && is(&self.tool, facts.tool.as_deref())
    }
}

/// A search under way.
pub(super) struct Scan {
    direction: Direction,
    wanted: Wanted,
    matcher: Matcher,
    limit: usize,
    rows_left: usize,
    /// In the order of the search; one more than the limit where there are more.
    found: Vec<Found>,
    /// Matches of one moment, not yet in order.
    moment: Vec<Found>,
    /// Where a search that found its budget used up goes on.
    stopped: Option<Position>,
}

impl Scan {
    pub(super) fn new(
        direction: Direction,
        wanted: Wanted,
        filter: &EventFilter,
        limit: usize,
        rows: usize,
    ) -> Self {
        let (found, moment) = (Vec::new(), Vec::new());
        let matcher = Matcher::new(filter);
        Self { direction, wanted, matcher, limit, rows_left: rows, found, moment, stopped: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.stopped.is_some() || self.found.len() > self.limit
    }

    /// Ends the search with the slots up to and with this range of microseconds behind it.
    pub(super) fn stop_behind(&mut self, micros: &ops::Range<i64>) {
        let micros = match self.direction {
            Direction::Older => micros.start,
            Direction::Newer => micros.end,
        };
        self.stopped = Some(Position { micros, key: String::new() });
    }

    /// Searches between two positions.
    pub(super) fn search(
        &mut self,
        tables: Tables<'_>,
        between: &ops::Range<Position>,
    ) -> Result<(), ReadError> {
        let statement = match self.direction {
            Direction::Older => &OLDER,
            Direction::Newer => &NEWER,
        };
        let last = between.end.micros - i64::from(between.end.key.is_empty());
        let wanted = self.wanted.clone();
        let params =
            [between.start.micros.into(), last.into(), wanted.number().into(), wanted.several().into()];
        let mut before = None;
        tables.walk(statement, &params, |row| {
            let micros = row.integer(0)?;
            if let Some(before) = before.filter(|before| *before != micros) {
                self.end_moment();
                if self.is_done() {
                    return Ok(ControlFlow::Break(()));
                }
                if self.rows_left == 0 {
                    self.stop_behind(&(before..before + 1));
                    return Ok(ControlFlow::Break(()));
                }
            }
            before = Some(micros);
            self.rows_left = self.rows_left.saturating_sub(1);
            self.look_at(row, micros, between)?;
            Ok(ControlFlow::Continue(()))
        })?;
        self.end_moment();
        Ok(())
    }

    fn look_at(
        &mut self,
        row: Row<'_>,
        micros: i64,
        between: &ops::Range<Position>,
    ) -> Result<(), ReadError> {
        let (event_type, payload) = (row.event_type(2)?, row.text(4)?);
        if !self.matcher.matches(event_type, payload.as_bytes()) {
            return Ok(());
        }
        let position = Position { micros, key: row.text(3)?.to_owned() };
        // a position between events lies before all events of its moment
        if position > between.start && position < between.end {
            let (source, payload) = (row.integer(1)?, payload.to_owned());
            self.moment.push(Found { micros, key: position.key, source, event_type, payload });
        }
        Ok(())
    }

    fn end_moment(&mut self) {
        self.moment.sort_by(|a, b| match self.direction {
            Direction::Older => b.key.cmp(&a.key),
            Direction::Newer => a.key.cmp(&b.key),
        });
        let room = (self.limit + 1).saturating_sub(self.found.len());
        self.moment.truncate(room);
        self.found.append(&mut self.moment);
    }

    /// What was found, in the order of the search, and where to go on; nowhere when nothing is left.
    pub(super) fn end(mut self) -> (Vec<Found>, Option<Position>) {
        let has_more = self.found.len() > self.limit;
        self.found.truncate(self.limit);
        let next = match self.found.last() {
            Some(last) if has_more => Some(last.position()),
            _ => self.stopped,
        };
        (self.found, next)
    }
}
