//! Sessions, the one with the latest event first, and single ones.

use std::collections::HashSet;
use std::ops::{self, ControlFlow};

use vibetea_protocol::Timestamp;
use vibetea_protocol::api::{AgentUse, Session, SessionState, ToolUse};
use vibetea_protocol::facts::Facts;
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;

use super::Wanted;
use crate::store::tables::{ReadError, Row, Statement, Tables, moment};
use crate::store::{Range, SessionPosition, SessionsAnswer, SessionsQuestion, SourceFilter};

const MICROS_PER_MINUTE: i64 = 60_000_000;
/// A session without an event for so long is idle.
const IDLE_AFTER: i64 = 5 * MICROS_PER_MINUTE;
/// A session without an event for so long is over.
const ENDED_AFTER: i64 = 30 * MICROS_PER_MINUTE;
/// Sessions that are looked at for one page.
const MOST_LOOKED_AT: usize = 12_000;

const LIST: Statement = Statement::per_database(
    "SELECT id, name, source, started, last, ended, project, events, activities, errors
    FROM session INDEXED BY session_last WHERE last >= ?1 AND last <= ?2 ORDER BY last DESC, id DESC",
    "SELECT id, name, source, started, last, ended, project, events, activities, errors
    FROM session WHERE last >= ?1 AND last <= ?2 ORDER BY last DESC, id DESC",
);
const ONE: Statement = Statement::per_database(
    "SELECT id, name, source, started, last, ended, project, events, activities, errors
    FROM session WHERE name = ?1 AND (?2 IS NULL OR source = ?2)
    AND (?3 IS NULL OR source IN (SELECT value FROM json_each(?3))) ORDER BY source LIMIT 2",
    "SELECT id, name, source, started, last, ended, project, events, activities, errors
    FROM session WHERE name = ?1 AND (?2 IS NULL OR source = ?2)
    AND (?3 IS NULL OR source = ANY (?3)) ORDER BY source LIMIT 2",
);
const TOOLS: Statement =
    Statement::both("SELECT tool, started, completed, failed FROM session_tool WHERE session = ?1");
const AGENTS: Statement = Statement::both(
    "SELECT agent, type, started, completed, failed FROM session_agent WHERE session = ?1
    ORDER BY first, agent, type",
);
const PRESENT: Statement = Statement::both(
    "SELECT 1 FROM session_quarter WHERE session = ?1 AND quarter >= ?2 AND quarter < ?3 LIMIT 1",
);
const EVENTS: Statement = Statement::per_database(
    "SELECT source, payload FROM event INDEXED BY event_ts_source WHERE ts >= ?1 AND ts < ?2",
    "SELECT source.id, payload::text FROM events JOIN source ON source.name = events.source
    WHERE timestamp >= moment(?1) AND timestamp < moment(?2)",
);

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
    fn read(row: Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            number: row.integer(0)?,
            name: row.text(1)?.to_owned(),
            source: row.integer(2)?,
            started: row.integer(3)?,
            last: row.integer(4)?,
            ended: row.integer(5)?,
            project: row.text(6)?.to_owned(),
            counts: [row.natural(7)?, row.natural(8)?, row.natural(9)?],
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

    fn session(self, tables: Tables<'_>, now: Timestamp) -> Result<Session, ReadError> {
        let state = self.state(now);
        let (tools, agents) = (tools(tables, self.number)?, agents(tables, self.number)?);
        let [event_count, activity_count, error_count] = self.counts;
        Ok(Session {
            session_id: self.name,
            source: tables.source_name(self.source)?.as_str().to_owned(),
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

fn tools(tables: Tables<'_>, session: i64) -> Result<Vec<ToolUse>, ReadError> {
    let mut tools = Vec::new();
    tables.each(&TOOLS, &[session.into()], |row| {
        let tool = tables.name(row.integer(0)?)?.unwrap_or_default();
        let (started, completed, failed) = (row.natural(1)?, row.natural(2)?, row.natural(3)?);
        tools.push(ToolUse { tool, started, completed, failed });
        Ok(())
    })?;
    let uses = |tool: &ToolUse| tool.started + tool.completed + tool.failed;
    tools.sort_by(|a, b| uses(b).cmp(&uses(a)).then_with(|| a.tool.cmp(&b.tool)));
    Ok(tools)
}

fn agents(tables: Tables<'_>, session: i64) -> Result<Vec<AgentUse>, ReadError> {
    let mut agents = Vec::new();
    tables.each(&AGENTS, &[session.into()], |row| {
        agents.push(AgentUse {
            agent_id: given(row.text(0)?.to_owned()),
            agent_type: given(row.text(1)?.to_owned()),
            started: row.natural(2)?,
            completed: row.natural(3)?,
            failed: row.natural(4)?,
        });
        Ok(())
    })?;
    Ok(agents)
}

/// The page. Sessions that do not match count towards its cost, so it may end early.
pub(in crate::store) fn sessions(
    tables: Tables<'_>,
    question: &SessionsQuestion,
) -> Result<SessionsAnswer, ReadError> {
    tables.snapshot(|| {
        let (found, older) = match Wanted::find(tables, &question.sources)? {
            None => (Vec::new(), None),
            Some(wanted) => list(tables, question, &wanted)?,
        };
        let sessions =
            found.into_iter().map(|found| found.session(tables, question.now)).collect::<Result<_, _>>()?;
        Ok(SessionsAnswer { sessions, older })
    })
}

fn list(
    tables: Tables<'_>,
    question: &SessionsQuestion,
    wanted: &Wanted,
) -> Result<(Vec<Found>, Option<SessionPosition>), ReadError> {
    let latest = latest(question);
    let mut presence = Presence { tables, range: question.range, cut: [None, None] };
    let (mut found, mut older) = (Vec::new(), None);
    let mut left = MOST_LOOKED_AT;
    tables.walk(&LIST, &[latest.start.into(), (latest.end - 1).into()], |row| {
        let session = Found::read(row)?;
        if question.before.is_some_and(|before| session.position() >= before) {
            return Ok(ControlFlow::Continue(()));
        }
        let here = session.position();
        let matches = wanted.admits(session.source)
            && question.project.as_ref().is_none_or(|project| *project == session.project)
            && question.state.is_none_or(|state| state == session.state(question.now))
            && presence.holds(&session)?;
        if matches {
            if found.len() == question.limit {
                older = found.last().map(Found::position);
                return Ok(ControlFlow::Break(()));
            }
            found.push(session);
        }
        left -= 1;
        if left == 0 {
            older = Some(here);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((found, older))
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
    tables: Tables<'a>,
    range: Range,
    /// Sessions with an event in the part of the first and of the last quarter that is in the range.
    cut: [Option<HashSet<(i64, String)>>; 2],
}

impl Presence<'_> {
    fn holds(&mut self, session: &Found) -> Result<bool, ReadError> {
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

    fn present(&self, session: i64, quarters: ops::Range<i64>) -> Result<bool, ReadError> {
        self.tables.exists(&PRESENT, &[session.into(), quarters.start.into(), quarters.end.into()])
    }

    /// Reads the events of a cut quarter once for all sessions.
    fn seen(&mut self, at: usize, part: &ops::Range<i64>) -> Result<&HashSet<(i64, String)>, ReadError> {
        let slot = &mut self.cut[at];
        if slot.is_none() {
            let mut sessions = HashSet::new();
            self.tables.each(&EVENTS, &[part.start.into(), part.end.into()], |row| {
                let facts = Facts::of(row.text(1)?);
                sessions.insert((row.integer(0)?, facts.session.unwrap_or_default().into_owned()));
                Ok(())
            })?;
            *slot = Some(sessions);
        }
        Ok(slot.get_or_insert_default())
    }
}

/// What there is of one id.
pub(in crate::store) fn session(
    tables: Tables<'_>,
    name: &str,
    sources: &SourceFilter,
    now: Timestamp,
) -> Result<Vec<Session>, ReadError> {
    tables.snapshot(|| {
        let Some(wanted) = Wanted::find(tables, sources)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let params = [name.into(), wanted.number().into(), wanted.several().into()];
        tables.each(&ONE, &params, |row| {
            found.push(Found::read(row)?.session(tables, now)?);
            Ok(())
        })?;
        Ok(found)
    })
}
