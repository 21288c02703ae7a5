//! One row for each session of a source, and what happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use vibetea_protocol::EventType;

use super::Seen;
use super::cells::place;

/// Longer ids are no sessions, in bytes; longer names of agents are none.
const LONGEST: usize = 128;
/// Agents of a session that are told apart; the rest is counted as one without id and type.
const MOST_AGENTS: i64 = 500;

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

/// Sessions of one transaction.
#[derive(Default)]
pub(super) struct Sessions(BTreeMap<(i64, Arc<str>), Session>);

struct Session {
    started: i64,
    last: i64,
    ended: i64,
    /// Time and name of the latest project; of several at that time the greatest.
    project: (i64, Arc<str>),
    events: i64,
    activities: i64,
    errors: i64,
    quarters: BTreeSet<i64>,
    tools: BTreeMap<i64, [i64; 3]>,
    agents: BTreeMap<(Arc<str>, Arc<str>), Agent>,
}

struct Agent {
    first: i64,
    steps: [i64; 3],
}

impl Sessions {
    pub(super) fn add(&mut self, tool: i64, seen: &Seen<'_>) {
        let Some(name) = seen.facts.session.as_ref().filter(|name| (1..=LONGEST).contains(&name.len()))
        else {
            return;
        };
        let session = self.0.entry((seen.source, Arc::clone(name))).or_insert_with(|| Session::new(seen));
        session.add(tool, seen);
    }

    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        for ((source, name), session) in self.0 {
            session.write(connection, source, &name)?;
        }
        Ok(())
    }
}

impl Session {
    fn new(seen: &Seen<'_>) -> Self {
        Self {
            started: seen.micros(),
            last: seen.micros(),
            ended: -1,
            project: (-1, "".into()),
            events: 0,
            activities: 0,
            errors: 0,
            quarters: BTreeSet::new(),
            tools: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }

    fn add(&mut self, tool: i64, seen: &Seen<'_>) {
        let micros = seen.micros();
        self.started = self.started.min(micros);
        self.last = self.last.max(micros);
        self.events += 1;
        self.quarters.insert(seen.quarter());
        if seen.facts.is_end {
            self.ended = self.ended.max(micros);
        }
        if let Some(project) = seen.facts.project.as_ref().filter(|project| !project.is_empty()) {
            let (at, last) = &self.project;
            if micros > *at || (micros == *at && **project > **last) {
                self.project = (micros, Arc::clone(project));
            }
        }
        match seen.event_type {
            EventType::Activity => self.activities += 1,
            EventType::Error => self.errors += 1,
            EventType::Tool => {
                if let Some(step) = place(seen.facts.step) {
                    self.tools.entry(tool).or_default()[step] += 1;
                }
            }
            EventType::Agent => self.add_agent(seen),
            EventType::Session | EventType::Summary => {}
        }
    }

    fn add_agent(&mut self, seen: &Seen<'_>) {
        let Some(step) = place(seen.facts.step) else { return };
        let name = |name: &Option<Arc<str>>| match name {
            Some(name) if name.len() <= LONGEST => Arc::clone(name),
            _ => "".into(),
        };
        let key = (name(&seen.facts.agent_id), name(&seen.facts.agent_type));
        let agent = self.agents.entry(key).or_insert(Agent { first: seen.micros(), steps: [0; 3] });
        agent.first = agent.first.min(seen.micros());
        agent.steps[step] += 1;
    }

    fn write(self, connection: &Connection, source: i64, name: &str) -> rusqlite::Result<()> {
        let (project_at, project) = self.project;
        let project = super::kept(&project);
        let number: i64 = connection.prepare_cached(SESSION)?.query_row(
            (
                name,
                source,
                self.started,
                self.last,
                self.ended,
                project,
                project_at,
                self.events,
                self.activities,
                self.errors,
            ),
            |row| row.get(0),
        )?;
        let mut insert = connection.prepare_cached(QUARTER)?;
        for quarter in self.quarters {
            insert.execute((number, quarter))?;
        }
        let mut upsert = connection.prepare_cached(TOOL)?;
        for (tool, [started, completed, failed]) in self.tools {
            upsert.execute((number, tool, started, completed, failed))?;
        }
        for ((agent, kind), counts) in self.agents {
            write_agent(connection, number, (&agent, &kind), &counts)?;
        }
        Ok(())
    }
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
