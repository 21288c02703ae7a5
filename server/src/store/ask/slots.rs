//! In which quarters of an hour events that match a filter can be, from the kept counts.

use std::collections::HashSet;
use std::ops::{self, ControlFlow};

use vibetea_protocol::EventType;

use super::Wanted;
use super::scan::Direction;
use crate::store::EventFilter;
use crate::store::kept::{Kind, OTHER, kept};
use crate::store::tables::{ReadError, Row, Statement, Tables};

const OLDER: Statement = Statement::both(
    "SELECT quarter, source, project, type, tool FROM quarterly
    WHERE quarter >= ?1 AND quarter < ?2
    ORDER BY quarter DESC, source DESC, project DESC, type DESC, tool DESC",
);
const NEWER: Statement = Statement::both(
    "SELECT quarter, source, project, type, tool FROM quarterly
    WHERE quarter >= ?1 AND quarter < ?2
    ORDER BY quarter, source, project, type, tool",
);
const OLDER_OF_SESSION: Statement = Statement::per_database(
    "SELECT DISTINCT quarter FROM session_quarter
    WHERE session IN (SELECT id FROM session WHERE name = ?3 AND (?4 IS NULL OR source = ?4)
        AND (?5 IS NULL OR source IN (SELECT value FROM json_each(?5))))
    AND quarter >= ?1 AND quarter < ?2 ORDER BY quarter DESC",
    "SELECT DISTINCT quarter FROM session_quarter
    WHERE session IN (SELECT id FROM session WHERE name = ?3 AND (?4 IS NULL OR source = ?4)
        AND (?5 IS NULL OR source = ANY (?5)))
    AND quarter >= ?1 AND quarter < ?2 ORDER BY quarter DESC",
);
const NEWER_OF_SESSION: Statement = Statement::per_database(
    "SELECT DISTINCT quarter FROM session_quarter
    WHERE session IN (SELECT id FROM session WHERE name = ?3 AND (?4 IS NULL OR source = ?4)
        AND (?5 IS NULL OR source IN (SELECT value FROM json_each(?5))))
    AND quarter >= ?1 AND quarter < ?2 ORDER BY quarter",
    "SELECT DISTINCT quarter FROM session_quarter
    WHERE session IN (SELECT id FROM session WHERE name = ?3 AND (?4 IS NULL OR source = ?4)
        AND (?5 IS NULL OR source = ANY (?5)))
    AND quarter >= ?1 AND quarter < ?2 ORDER BY quarter",
);
const NAMED: Statement = Statement::both("SELECT id FROM name WHERE text IN (?1, ?2) AND kind = ?3");

/// What a row of the counts must have to be worth a look at its events.
struct Wish {
    wanted: Wanted,
    event_type: Option<i64>,
    projects: Option<HashSet<i64>>,
    tools: Option<HashSet<i64>>,
}

/// Calls `visit` with every quarter in which an event can match, in the direction of the search. Answers the last
/// quarter that was looked at when `rows` were not enough for all.
pub(super) fn walk(
    tables: Tables<'_>,
    direction: Direction,
    (wanted, filter): (&Wanted, &EventFilter),
    quarters: ops::Range<i64>,
    rows: usize,
    visit: impl FnMut(i64) -> Result<ControlFlow<()>, ReadError>,
) -> Result<Option<i64>, ReadError> {
    match &filter.session {
        Some(session) => of_session(tables, direction, (wanted, session), quarters, visit).map(|()| None),
        None => of_counts(tables, direction, &Wish::new(tables, wanted, filter)?, quarters, rows, visit),
    }
}

fn of_session(
    tables: Tables<'_>,
    direction: Direction,
    (wanted, session): (&Wanted, &str),
    quarters: ops::Range<i64>,
    mut visit: impl FnMut(i64) -> Result<ControlFlow<()>, ReadError>,
) -> Result<(), ReadError> {
    let statement = match direction {
        Direction::Older => &OLDER_OF_SESSION,
        Direction::Newer => &NEWER_OF_SESSION,
    };
    let params = [
        quarters.start.into(),
        quarters.end.into(),
        session.into(),
        wanted.number().into(),
        wanted.several().into(),
    ];
    tables.walk(statement, &params, |row| visit(row.integer(0)?))
}

fn of_counts(
    tables: Tables<'_>,
    direction: Direction,
    wish: &Wish,
    quarters: ops::Range<i64>,
    mut rows: usize,
    mut visit: impl FnMut(i64) -> Result<ControlFlow<()>, ReadError>,
) -> Result<Option<i64>, ReadError> {
    let statement = match direction {
        Direction::Older => &OLDER,
        Direction::Newer => &NEWER,
    };
    let (mut last, mut visited, mut stopped) = (None, None, None);
    tables.walk(statement, &[quarters.start.into(), quarters.end.into()], |row| {
        let quarter = row.integer(0)?;
        if rows == 0 && last.is_some_and(|last| last != quarter) {
            stopped = last;
            return Ok(ControlFlow::Break(()));
        }
        rows = rows.saturating_sub(1);
        last = Some(quarter);
        if visited != last && wish.admits(row)? {
            visited = last;
            return visit(quarter);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(stopped)
}

impl Wish {
    fn new(tables: Tables<'_>, wanted: &Wanted, filter: &EventFilter) -> Result<Self, ReadError> {
        let numbers =
            |kind, name: &Option<String>| name.as_deref().map(|name| numbers(tables, kind, name)).transpose();
        let tools = numbers(Kind::Tool, &filter.tool)?;
        let event_type = filter.event_type.or(tools.as_ref().map(|_| EventType::Tool));
        Ok(Self {
            wanted: wanted.clone(),
            event_type: event_type.map(|event_type| event_type.number().into()),
            projects: numbers(Kind::Project, &filter.project)?,
            tools,
        })
    }

    fn admits(&self, row: Row<'_>) -> Result<bool, ReadError> {
        let is_in = |set: &Option<HashSet<i64>>, column| match set {
            None => Ok(true),
            Some(set) => row.integer(column).map(|number| set.contains(&number)),
        };
        let event_type = row.integer(3)?;
        Ok(self.wanted.admits(row.integer(1)?)
            && is_in(&self.projects, 2)?
            && self.event_type.is_none_or(|wanted| wanted == event_type)
            && is_in(&self.tools, 4)?)
    }
}

/// Numbers a name may have been counted under, over all sources.
fn numbers(tables: Tables<'_>, kind: Kind, name: &str) -> Result<HashSet<i64>, ReadError> {
    let mut numbers = HashSet::new();
    tables.each(&NAMED, &[kept(name).into(), OTHER.into(), (kind as i64).into()], |row| {
        numbers.insert(row.integer(0)?);
        Ok(())
    })?;
    Ok(numbers)
}
