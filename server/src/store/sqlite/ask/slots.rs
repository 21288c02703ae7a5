//! In which quarters of an hour events that match a filter can be, from the kept counts.

use std::collections::HashSet;
use std::ops;

use rusqlite::Connection;
use vibetea_protocol::EventType;

use super::Wanted;
use super::scan::Direction;
use crate::store::EventFilter;
use crate::store::kept::{Kind, OTHER, kept};

const OLDER: &str = "SELECT quarter, source, project, type, tool FROM quarterly
    WHERE quarter >= ?1 AND quarter < ?2 ORDER BY quarter DESC";
const NEWER: &str = "SELECT quarter, source, project, type, tool FROM quarterly
    WHERE quarter >= ?1 AND quarter < ?2 ORDER BY quarter";
const OLDER_OF_SESSION: &str = "SELECT DISTINCT quarter FROM session_quarter
    WHERE session IN (SELECT id FROM session WHERE name = ?3 AND (?4 IS NULL OR source = ?4))
    AND quarter >= ?1 AND quarter < ?2 ORDER BY quarter DESC";
const NEWER_OF_SESSION: &str = "SELECT DISTINCT quarter FROM session_quarter
    WHERE session IN (SELECT id FROM session WHERE name = ?3 AND (?4 IS NULL OR source = ?4))
    AND quarter >= ?1 AND quarter < ?2 ORDER BY quarter";

/// What a row of the counts must have to be worth a look at its events.
struct Wish {
    wanted: Wanted,
    event_type: Option<u8>,
    projects: Option<HashSet<i64>>,
    tools: Option<HashSet<i64>>,
}

/// How a walk over quarters goes on after one of them.
pub(super) enum Go {
    On,
    Enough,
}

/// Calls `visit` with every quarter in which an event can match, in the direction of the search. Answers the last
/// quarter that was looked at when `rows` were not enough for all.
pub(super) fn walk(
    connection: &Connection,
    direction: Direction,
    (wanted, filter): (Wanted, &EventFilter),
    quarters: ops::Range<i64>,
    rows: usize,
    visit: impl FnMut(i64) -> rusqlite::Result<Go>,
) -> rusqlite::Result<Option<i64>> {
    match &filter.session {
        Some(session) => of_session(connection, direction, (wanted, session), quarters, visit).map(|()| None),
        None => {
            of_counts(connection, direction, &Wish::new(connection, wanted, filter)?, quarters, rows, visit)
        }
    }
}

fn of_session(
    connection: &Connection,
    direction: Direction,
    (wanted, session): (Wanted, &str),
    quarters: ops::Range<i64>,
    mut visit: impl FnMut(i64) -> rusqlite::Result<Go>,
) -> rusqlite::Result<()> {
    let statement = match direction {
        Direction::Older => OLDER_OF_SESSION,
        Direction::Newer => NEWER_OF_SESSION,
    };
    let mut select = connection.prepare_cached(statement)?;
    let mut found = select.query((quarters.start, quarters.end, session, wanted.number()))?;
    while let Some(row) = found.next()? {
        if let Go::Enough = visit(row.get(0)?)? {
            break;
        }
    }
    Ok(())
}

fn of_counts(
    connection: &Connection,
    direction: Direction,
    wish: &Wish,
    quarters: ops::Range<i64>,
    mut rows: usize,
    mut visit: impl FnMut(i64) -> rusqlite::Result<Go>,
) -> rusqlite::Result<Option<i64>> {
    let statement = match direction {
        Direction::Older => OLDER,
        Direction::Newer => NEWER,
    };
    let mut select = connection.prepare_cached(statement)?;
    let mut found = select.query((quarters.start, quarters.end))?;
    let (mut last, mut visited) = (None, None);
    while let Some(row) = found.next()? {
        let quarter = row.get(0)?;
        if rows == 0 && last.is_some_and(|last| last != quarter) {
            return Ok(last);
        }
        rows = rows.saturating_sub(1);
        last = Some(quarter);
        if visited != last && wish.admits(row)? {
            visited = last;
            if let Go::Enough = visit(quarter)? {
                return Ok(None);
            }
        }
    }
    Ok(None)
}

impl Wish {
    fn new(connection: &Connection, wanted: Wanted, filter: &EventFilter) -> rusqlite::Result<Self> {
        let numbers = |kind, name: &Option<String>| {
            name.as_deref().map(|name| numbers(connection, kind, name)).transpose()
        };
        let tools = numbers(Kind::Tool, &filter.tool)?;
        let event_type = filter.event_type.or(tools.as_ref().map(|_| EventType::Tool));
        Ok(Self {
            wanted,
            event_type: event_type.map(EventType::number),
            projects: numbers(Kind::Project, &filter.project)?,
            tools,
        })
    }

    fn admits(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
        let is_in = |set: &Option<HashSet<i64>>, column| match set {
            None => Ok(true),
            Some(set) => row.get(column).map(|number| set.contains(&number)),
        };
        Ok(self.wanted.admits(row.get(1)?)
            && is_in(&self.projects, 2)?
            && self.event_type.is_none_or(|wanted| row.get(3).is_ok_and(|kind: u8| kind == wanted))
            && is_in(&self.tools, 4)?)
    }
}

/// Numbers a name may have been counted under, over all sources.
fn numbers(connection: &Connection, kind: Kind, name: &str) -> rusqlite::Result<HashSet<i64>> {
    let mut select = connection.prepare_cached("SELECT id FROM name WHERE text IN (?1, ?2) AND kind = ?3")?;
    let rows = select.query_map((kept(name), OTHER, kind as i64), |row| row.get(0))?;
    rows.collect()
}
