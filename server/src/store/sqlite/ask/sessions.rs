//! Sessions, the one with the latest event first, and single ones.

use std::collections::HashSet;
use std::ops;

use rusqlite::{OptionalExtension as _, Row};
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::{AgentUse, Session, SessionState, ToolUse};
use vibetea_protocol::facts::Facts;
use vibetea_protocol::timestamp::{InvalidTimestamp, MICROS_PER_QUARTER};

use super::{Wanted, count};
use crate::store::sqlite::pool::{Reader, invalid};
use crate::store::{Range, SessionPosition, SessionsAnswer, SessionsQuestion, SourceFilter};

const MICROS_PER_MINUTE: i64 = 60_000_000;
/// A session without an event for so long is idle.
const IDLE_AFTER: i64 = 5 * MICROS_PER_MINUTE;
/// A session without an event for so long is over.
const ENDED_AFTER: i64 = 30 * MICROS_PER_MINUTE;
/// Sessions that are looked at for one page.
const MOST_LOOKED_AT: usize = 12_000;

const LIST: &str = "SELECT id, name, source, started, last, ended, project, events, activities, errors
    FROM session INDEXED BY session_last WHERE last >= ?1 AND last <= ?2 ORDER BY last DESC, id DESC";
const ONE: &str = "SELECT id, name, source, started, last, ended, project, events, activities, errors
    FROM session WHERE name = ?1 AND (?2 IS NULL OR source = ?2) LIMIT 2";
const TOOLS: &str = "SELECT tool, started, completed, failed FROM session_tool WHERE session = ?1";
const AGENTS: &str = "SELECT agent, type, started, completed, failed FROM session_agent WHERE session = ?1
    ORDER BY first, agent, type";
const PRESENT: &str =
    "SELECT 1 FROM session_quarter WHERE session = ?1 AND quarter >= ?2 AND quarter < ?3 LIMIT 1";
const EVENTS: &str =
    "SELECT source, payload FROM event INDEXED BY event_ts_source WHERE ts >= ?1 AND ts < ?2";

struct Found {
    number: i64,
    name: String,
    source: i64,
    started: i64,
    last: i64,
    ended: i64,
    project: String,
    /// Events, activities and errors.
    counts: [u64; 3],
}

impl Found {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            name: row.get(1)?,
            source: row.get(2)?,
            started: row.get(3)?,
            last: row.get(4)?,
            ended: row.get(5)?,
            project: row.get(6)?,
            counts: [count(row, 7)?, count(row, 8)?, count(row, 9)?],
        })
    }

    fn position(&self) -> SessionPosition {
        SessionPosition { last: self.last, number: self.number }
    }

    fn state(&self, now: Timestamp) -> SessionState {
        let silence = now.as_micros() - self.last;
        if self.ended >= self.last || silence >= ENDED_AFTER {
            SessionState::Ended
        } else if silence >= IDLE_AFTER {
            SessionState::Idle
        } else {
            SessionState::Active
        }
    }

    fn session(self, reader: &mut Reader, now: Timestamp) -> rusqlite::Result<Session> {
        let state = self.state(now);
        let (tools, agents) = (tools(reader, self.number)?, agents(reader, self.number)?);
        let [event_count, activity_count, error_count] = self.counts;
        let moment = |micros| Timestamp::from_micros(micros).ok_or_else(|| invalid(3, InvalidTimestamp));
        Ok(Session {
            session_id: self.name,
            source: reader.source_name(self.source)?.as_str().to_owned(),
            project: given(self.project),
            started_at: moment(self.started)?,
            last_event_at: moment(self.last)?,
            state,
            event_count,
            activity_count,
            error_count,
            tools,
            agents,
        })
    }
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn tools(reader: &mut Reader, session: i64) -> rusqlite::Result<Vec<ToolUse>> {
    let counts: Vec<(i64, [u64; 3])> = {
        let mut select = reader.connection.prepare_cached(TOOLS)?;
        let rows = select.query_map([session], |row| {
            Ok((row.get(0)?, [count(row, 1)?, count(row, 2)?, count(row, 3)?]))
        })?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut tools = Vec::with_capacity(counts.len());
    for (number, [started, completed, failed]) in counts {
        tools.push(ToolUse { tool: reader.name(number)?.unwrap_or_default(), started, completed, failed });
    }
    let uses = |tool: &ToolUse| tool.started + tool.completed + tool.failed;
    tools.sort_by(|a, b| uses(b).cmp(&uses(a)).then_with(|| a.tool.cmp(&b.tool)));
    Ok(tools)
}

fn agents(reader: &Reader, session: i64) -> rusqlite::Result<Vec<AgentUse>> {
    let mut select = reader.connection.prepare_cached(AGENTS)?;
    let rows = select.query_map([session], |row| {
        Ok(AgentUse {
            agent_id: given(row.get(0)?),
            agent_type: given(row.get(1)?),
            started: count(row, 2)?,
            completed: count(row, 3)?,
            failed: count(row, 4)?,
        })
    })?;
    rows.collect()
}

/// The page. Sessions that do not match count towards its cost, so it may end early.
pub(in crate::store::sqlite) fn sessions(
    reader: &mut Reader,
    question: &SessionsQuestion,
) -> rusqlite::Result<SessionsAnswer> {
    reader.snapshot(|reader| {
        let (found, older) = match Wanted::find(reader, &question.sources)? {
            None => (Vec::new(), None),
            Some(wanted) => list(reader, question, wanted)?,
        };
        let sessions = found
            .into_iter()
            .map(|found| found.session(reader, question.now))
            .collect::<rusqlite::Result<_>>()?;
        Ok(SessionsAnswer { sessions, older })
    })
}

fn list(
    reader: &Reader,
    question: &SessionsQuestion,
    wanted: Wanted,
) -> rusqlite::Result<(Vec<Found>, Option<SessionPosition>)> {
    let latest = latest(question);
    let mut presence = Presence { reader, range: question.range, cut: [None, None] };
    let mut select = reader.connection.prepare_cached(LIST)?;
    let mut rows = select.query((latest.start, latest.end - 1))?;
    let mut found = Vec::new();
    let mut left = MOST_LOOKED_AT;
    while let Some(row) = rows.next()? {
        let session = Found::read(row)?;
        if question.before.is_some_and(|before| session.position() >= before) {
            continue;
        }
        let here = session.position();
        let matches = wanted.admits(session.source)
            && question.project.as_ref().is_none_or(|project| *project == session.project)
            && question.state.is_none_or(|state| state == session.state(question.now))
            && presence.holds(&session)?;
        if matches {
            if found.len() == question.limit {
                let older = found.last().map(Found::position);
                return Ok((found, older));
            }
            found.push(session);
        }
        left -= 1;
        if left == 0 {
            return Ok((found, Some(here)));
        }
    }
    Ok((found, None))
}

/// Between which moments the latest event of a session of the page can lie.
fn latest(question: &SessionsQuestion) -> ops::Range<i64> {
    let now = question.now.as_micros();
    let mut latest = question.range.from_micros()..i64::MAX;
    match question.state {
        Some(SessionState::Active) => latest.start = latest.start.max(now - IDLE_AFTER),
        Some(SessionState::Idle) => {
            latest.start = latest.start.max(now - ENDED_AFTER);
            latest.end = now;
        }
        Some(SessionState::Ended) | None => {}
    }
    if let Some(before) = question.before {
        latest.end = latest.end.min(before.last + 1);
    }
    latest
}

/// Whether sessions had an event in a range.
struct Presence<'a> {
    reader: &'a Reader,
    range: Range,
    /// Sessions with an event in the part of the first and of the last quarter that is in the range.
    cut: [Option<HashSet<(i64, String)>>; 2],
}

impl Presence<'_> {
    fn holds(&mut self, session: &Found) -> rusqlite::Result<bool> {
        if self.range.contains(session.started) || self.range.contains(session.last) {
            return Ok(true);
        }
        let (from, to) = (self.range.from_micros(), self.range.to_micros());
        if session.started >= to || session.last < from {
            return Ok(false);
        }
        let first = from / MICROS_PER_QUARTER + i64::from(from % MICROS_PER_QUARTER != 0);
        let end = to / MICROS_PER_QUARTER;
        if first < end && self.present(session.number, first..end)? {
            return Ok(true);
        }
        let parts = if first > end {
            [from..to, to..to]
        } else {
            [from..first * MICROS_PER_QUARTER, end * MICROS_PER_QUARTER..to]
        };
        for (at, part) in parts.into_iter().enumerate() {
            let quarter = part.start / MICROS_PER_QUARTER;
            if !part.is_empty()
                && self.present(session.number, quarter..quarter + 1)?
                && self.seen(at, &part)?.contains(&(session.source, session.name.clone()))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn present(&self, session: i64, quarters: ops::Range<i64>) -> rusqlite::Result<bool> {
        let mut select = self.reader.connection.prepare_cached(PRESENT)?;
        let found = select.query_row((session, quarters.start, quarters.end), |_| Ok(())).optional()?;
        Ok(found.is_some())
    }

    /// Reads the events of a cut quarter once for all sessions.
    fn seen(&mut self, at: usize, part: &ops::Range<i64>) -> rusqlite::Result<&HashSet<(i64, String)>> {
        let slot = &mut self.cut[at];
        if slot.is_none() {
            let mut select = self.reader.connection.prepare_cached(EVENTS)?;
            let rows = select.query_map((part.start, part.end), |row| {
                let facts = Facts::of(row.get_ref(1)?.as_str()?);
                Ok((row.get(0)?, facts.session.unwrap_or_default().into_owned()))
            })?;
            *slot = Some(rows.collect::<rusqlite::Result<_>>()?);
        }
        Ok(slot.get_or_insert_default())
    }
}

/// What there is of one id.
pub(in crate::store::sqlite) fn session(
    reader: &mut Reader,
    name: &str,
    sources: &SourceFilter,
    now: Timestamp,
) -> rusqlite::Result<Vec<Session>> {
    reader.snapshot(|reader| {
        let Some(wanted) = Wanted::find(reader, sources)? else { return Ok(Vec::new()) };
        let found: Vec<Found> = {
            let mut select = reader.connection.prepare_cached(ONE)?;
            let rows = select.query_map((name, wanted.number()), Found::read)?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        found.into_iter().map(|found| found.session(reader, now)).collect()
    })
}
