//! Writes sessions and what happened in them.

use rusqlite::{Connection, OptionalExtension as _};

use crate::store::kept::{Agent, MOST_AGENTS, Session, Sessions, kept};

const SESSION: &str = "INSERT INTO session
    (name, source, started, last, ended, project, project_at, events, activities, errors)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    ON CONFLICT (name, source) DO UPDATE SET
    started = min(started, excluded.started), last = max(last, excluded.last), ended = max(ended, excluded.ended),
    project = CASE WHEN (excluded.project_at, excluded.project) > (project_at, project)
        THEN excluded.project ELSE project END,
    project_at = max(project_at, excluded.project_at), events = events + excluded.events,
    activities = activities + excluded.activities, errors = errors + excluded.errors
    RETURNING id";
const QUARTER: &str = "INSERT INTO session_quarter (session, quarter) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
const TOOL: &str =
    "INSERT INTO session_tool (session, tool, started, completed, failed) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (session, tool) DO UPDATE SET started = started + excluded.started,
    completed = completed + excluded.completed, failed = failed + excluded.failed";
const AGENT: &str = "INSERT INTO session_agent (session, agent, type, first, started, completed, failed)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (session, agent, type) DO UPDATE SET first = min(first, excluded.first),
    started = started + excluded.started, completed = completed + excluded.completed,
    failed = failed + excluded.failed";
const HAS_AGENT: &str = "SELECT 1 FROM session_agent WHERE session = ?1 AND agent = ?2 AND type = ?3";
const AGENTS: &str = "SELECT count(*) FROM session_agent WHERE session = ?1";

pub(super) fn write_sessions(connection: &Connection, sessions: Sessions) -> rusqlite::Result<()> {
    for ((source, name), session) in sessions.0 {
        write(connection, source, &name, session)?;
    }
    Ok(())
}

fn write(connection: &Connection, source: i64, name: &str, session: Session) -> rusqlite::Result<()> {
    let (project_at, project) = session.project;
    let project = kept(&project);
    let number: i64 = connection.prepare_cached(SESSION)?.query_row(
        (
            name,
            source,
            session.started,
            session.last,
            session.ended,
            project,
            project_at,
            session.events,
            session.activities,
            session.errors,
        ),
        |row| row.get(0),
    )?;
    let mut insert = connection.prepare_cached(QUARTER)?;
    for quarter in session.quarters {
        insert.execute((number, quarter))?;
    }
    let mut upsert = connection.prepare_cached(TOOL)?;
    for (tool, [started, completed, failed]) in session.tools {
        upsert.execute((number, tool, started, completed, failed))?;
    }
    for ((agent, kind), counts) in session.agents {
        write_agent(connection, number, (&agent, &kind), &counts)?;
    }
    Ok(())
}

fn write_agent(
    connection: &Connection,
    session: i64,
    (agent, kind): (&str, &str),
    counts: &Agent,
) -> rusqlite::Result<()> {
    let mut find = connection.prepare_cached(HAS_AGENT)?;
    let is_known = find.query_row((session, agent, kind), |_| Ok(())).optional()?.is_some();
    let has_room = is_known || {
        let mut count = connection.prepare_cached(AGENTS)?;
        count.query_row([session], |row| row.get::<_, i64>(0))? < MOST_AGENTS
    };
    let (agent, kind) = if has_room { (agent, kind) } else { ("", "") };
    let [started, completed, failed] = counts.steps;
    let mut upsert = connection.prepare_cached(AGENT)?;
    upsert.execute((session, agent, kind, counts.first, started, completed, failed))?;
    Ok(())
}
