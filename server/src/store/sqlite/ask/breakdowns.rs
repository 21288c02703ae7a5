//! The same events by tool, project, source and type: whole periods, days and quarters, then single events.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use vibetea_protocol::api::{ProjectCount, SourceCount, ToolBreakdown, TypeCount};
use vibetea_protocol::timestamp::InvalidTimestamp;
use vibetea_protocol::{EventType, Timestamp};

use super::Wanted;
use super::edges::{Part, Quarters};
use crate::store::kept::{Cell, DAYS_PER_PERIOD, DurationSums, Kind, QUARTERS_PER_DAY, Seen, kept};
use crate::store::sqlite::kept::find;
use crate::store::sqlite::pool::{Reader, invalid};
use crate::store::{BreakdownsAnswer, BreakdownsQuestion, Facts};

const DAILY: &str = "SELECT source, project, type, tool, events, started, completed, failed, durations
    FROM daily WHERE day >= ?1 AND day < ?2";
const PERIODIC: &str = "SELECT source, project, type, tool, events, started, completed, failed, durations
    FROM periodic WHERE period >= ?1 AND period < ?2";
const QUARTERLY: &str = "SELECT source, project, type, tool, events, started, completed, failed, durations
    FROM quarterly WHERE quarter >= ?1 AND quarter < ?2";
const EVENTS: &str = "SELECT ts, source, type, payload FROM event INDEXED BY event_ts_source
    WHERE ts >= ?1 AND ts < ?2 AND (?3 IS NULL OR source = ?3)";

/// Answers with the biggest first.
pub(in crate::store::sqlite) fn breakdowns(
    reader: &mut Reader,
    question: &BreakdownsQuestion,
) -> rusqlite::Result<BreakdownsAnswer> {
    reader.snapshot(|reader| {
        let Some(wanted) = Wanted::find(reader, &question.sources)? else {
            return Ok(BreakdownsAnswer::default());
        };
        let projects =
            question.project.as_deref().map(|name| projects(&reader.connection, name)).transpose()?;
        let mut sums = Sums { wanted, projects_wanted: projects, ..Sums::default() };
        let quarters = Quarters::of(&reader.connection, question.range)?;
        sums.add_whole(&reader.connection, quarters.whole)?;
        for part in &quarters.parts {
            sums.add_part(&reader.connection, part)?;
        }
        sums.answer(reader)
    })
}

/// Numbers of the projects of that name, one for each source that has it.
fn projects(connection: &Connection, name: &str) -> rusqlite::Result<HashSet<i64>> {
    let mut select = connection.prepare_cached("SELECT id FROM name WHERE text = ?1 AND kind = ?2")?;
    let rows = select.query_map((kept(name), Kind::Project as i64), |row| row.get(0))?;
    rows.collect()
}

#[derive(Default)]
struct Sums {
    wanted: Wanted,
    projects_wanted: Option<HashSet<i64>>,
    tools: HashMap<i64, ToolSum>,
    projects: HashMap<i64, i64>,
    sources: HashMap<i64, i64>,
    types: [i64; EventType::ALL.len()],
    /// Numbers of names, as they were found for single events.
    found: HashMap<(i64, Kind, String), i64>,
}

/// Sums of one tool.
#[derive(Default)]
struct ToolSum {
    events: i64,
    steps: [i64; 3],
    durations: DurationSums,
}

impl ToolSum {
    fn add(&mut self, cell: &Cell) {
        self.events += cell.events;
        self.add_steps(cell.steps);
        self.durations.add(&cell.durations);
    }

    fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.add_steps(other.steps);
        self.durations.merge(&other.durations);
    }

    fn add_steps(&mut self, steps: [i64; 3]) {
        self.steps.iter_mut().zip(steps).for_each(|(sum, more)| *sum += more);
    }
}

impl Sums {
    fn add_whole(&mut self, connection: &Connection, quarters: ops::Range<i64>) -> rusqlite::Result<()> {
        let (before, days, after) = parted(&quarters, QUARTERS_PER_DAY);
        self.add_rows(connection, QUARTERLY, before)?;
        self.add_rows(connection, QUARTERLY, after)?;
        let (before, periods, after) = parted(&days, DAYS_PER_PERIOD);
        self.add_rows(connection, DAILY, before)?;
        self.add_rows(connection, DAILY, after)?;
        self.add_rows(connection, PERIODIC, periods)
    }

    fn add_rows(
        &mut self,
        connection: &Connection,
        statement: &str,
        slots: ops::Range<i64>,
    ) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(statement)?;
        let mut rows = select.query((slots.start, slots.end))?;
        while let Some(row) = rows.next()? {
            self.add_row(row)?;
        }
        Ok(())
    }

    fn add_row(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let (source, project) = (row.get(0)?, row.get(1)?);
        if !self.wants(source, project) {
            return Ok(());
        }
        let (number, events): (u8, i64) = (row.get(2)?, row.get(4)?);
        self.add(source, project, number, events);
        if number == EventType::Tool.number() {
            let sum = self.tools.entry(row.get(3)?).or_default();
            sum.events += events;
            sum.add_steps([row.get(5)?, row.get(6)?, row.get(7)?]);
            if let ValueRef::Blob(durations) = row.get_ref(8)? {
                sum.durations.add_encoded(durations);
            }
        }
        Ok(())
    }

    fn wants(&self, source: i64, project: i64) -> bool {
        self.wanted.admits(source)
            && self.projects_wanted.as_ref().is_none_or(|wanted| wanted.contains(&project))
    }

    fn add(&mut self, source: i64, project: i64, number: u8, events: i64) {
        *self.projects.entry(project).or_default() += events;
        *self.sources.entry(source).or_default() += events;
        if let Some(sum) = self.types.get_mut(usize::from(number)) {
            *sum += events;
        }
    }

    fn add_part(&mut self, connection: &Connection, part: &Part) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(EVENTS)?;
        let mut rows = select.query((part.micros.start, part.micros.end, self.wanted.number()))?;
        while let Some(row) = rows.next()? {
            let number: u8 = row.get(2)?;
            let event_type = EventType::from_number(number)
                .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(2, number.into()))?;
            let facts = Facts::of(event_type, row.get_ref(3)?.as_bytes()?);
            let timestamp =
                Timestamp::from_micros(row.get(0)?).ok_or_else(|| invalid(0, InvalidTimestamp))?;
            let seen = Seen { source: row.get(1)?, timestamp, event_type, facts: &facts };
            let project = facts.project.as_deref().unwrap_or_default();
            let project = self.number(connection, seen.source, Kind::Project, project)?;
            if !self.wants(seen.source, project) {
                continue;
            }
            self.add(seen.source, project, number, part.times);
            if let Some(tool) = seen.tool() {
                let tool = self.number(connection, seen.source, Kind::Tool, tool)?;
                let mut cell = Cell::default();
                cell.add(&seen, part.times);
                self.tools.entry(tool).or_default().add(&cell);
            }
        }
        Ok(())
    }

    fn number(
        &mut self,
        connection: &Connection,
        source: i64,
        kind: Kind,
        name: &str,
    ) -> rusqlite::Result<i64> {
        let key = (source, kind, name.to_owned());
        if let Some(number) = self.found.get(&key) {
            return Ok(*number);
        }
        let number = find(connection, source, kind, name)?;
        self.found.insert(key, number);
        Ok(number)
    }

    fn answer(self, reader: &mut Reader) -> rusqlite::Result<BreakdownsAnswer> {
        let total = self.types.iter().sum::<i64>().unsigned_abs();
        let mut tools = HashMap::<String, ToolSum>::new();
        for (number, sum) in self.tools.into_iter().filter(|(_, sum)| sum.events > 0) {
            let name = reader.name(number)?.unwrap_or_default();
            tools.entry(name).or_default().merge(&sum);
        }
        let mut projects = HashMap::<Option<String>, i64>::new();
        for (number, events) in self.projects {
            *projects.entry(reader.name(number)?).or_default() += events;
        }
        let mut sources = Vec::new();
        for (number, events) in self.sources.into_iter().filter(|(_, events)| *events > 0) {
            let source = reader.source_name(number)?.as_str().to_owned();
            sources.push(SourceCount { source, event_count: events.unsigned_abs() });
        }
        let mut tools: Vec<_> = tools.into_iter().map(|(tool, sum)| tool_breakdown(tool, &sum)).collect();
        let mut projects: Vec<_> = projects
            .into_iter()
            .filter(|(_, events)| *events > 0)
            .map(|(project, events)| ProjectCount { project, event_count: events.unsigned_abs() })
            .collect();
        let mut types: Vec<_> = EventType::ALL
            .into_iter()
            .zip(self.types)
            .filter(|(_, events)| *events > 0)
            .map(|(event_type, events)| TypeCount { event_type, event_count: events.unsigned_abs() })
            .collect();
        tools.sort_by(|a, b| (Reverse(steps(a)), &a.tool).cmp(&(Reverse(steps(b)), &b.tool)));
        projects
            .sort_by(|a, b| (Reverse(a.event_count), &a.project).cmp(&(Reverse(b.event_count), &b.project)));
        sources.sort_by(|a, b| (Reverse(a.event_count), &a.source).cmp(&(Reverse(b.event_count), &b.source)));
        types.sort_by_key(|row| Reverse(row.event_count));
        Ok(BreakdownsAnswer { tools, projects, sources, types, total })
    }
}

/// Slots before the first whole longer slot, the longer slots, and slots after the last of them.
fn parted(slots: &ops::Range<i64>, times: i64) -> (ops::Range<i64>, ops::Range<i64>, ops::Range<i64>) {
    let (first, end) = ((slots.start + times - 1) / times, slots.end / times);
    if first >= end {
        return (slots.clone(), 0..0, 0..0);
    }
    (slots.start..first * times, first..end, end * times..slots.end)
}

fn steps(tool: &ToolBreakdown) -> u64 {
    tool.started + tool.completed + tool.failed
}

fn tool_breakdown(tool: String, sum: &ToolSum) -> ToolBreakdown {
    let [started, completed, failed] = sum.steps.map(i64::unsigned_abs);
    ToolBreakdown {
        tool,
        started,
        completed,
        failed,
        median_duration_ms: sum.durations.quantile(50),
        p95_duration_ms: sum.durations.quantile(95),
    }
}
