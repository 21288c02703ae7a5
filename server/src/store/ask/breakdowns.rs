//! The same events by tool, project, source and type: whole periods, days and quarters, then single events.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops;

use vibetea_protocol::EventType;
use vibetea_protocol::api::{ProjectCount, SourceCount, ToolBreakdown, TypeCount};

use super::Wanted;
use super::edges::{Part, Quarters};
use crate::store::kept::{Cell, DAYS_PER_PERIOD, DurationSums, Kind, OTHER, QUARTERS_PER_DAY, Seen, kept};
use crate::store::tables::{ReadError, Row, Statement, Tables, moment};
use crate::store::{BreakdownsAnswer, BreakdownsQuestion, Facts};

const DAILY: Statement = Statement::both(
    "SELECT source, project, type, tool, events, started, completed, failed, durations
    FROM daily WHERE day >= ?1 AND day < ?2",
);
const PERIODIC: Statement = Statement::both(
    "SELECT source, project, type, tool, events, started, completed, failed, durations
    FROM periodic WHERE period >= ?1 AND period < ?2",
);
const QUARTERLY: Statement = Statement::both(
    "SELECT source, project, type, tool, events, started, completed, failed, durations
    FROM quarterly WHERE quarter >= ?1 AND quarter < ?2",
);
const EVENTS: Statement = Statement::per_database(
    "SELECT ts, source, type, payload FROM event INDEXED BY event_ts_source
    WHERE ts >= ?1 AND ts < ?2 AND (?3 IS NULL OR source = ?3)",
    "SELECT micros(timestamp), source.id, type_number(event_type), payload::text
    FROM events JOIN source ON source.name = events.source
    WHERE timestamp >= moment(?1) AND timestamp < moment(?2) AND (?3 IS NULL OR source.id = ?3)",
);
const PROJECTS: Statement = Statement::both("SELECT id FROM name WHERE text = ?1 AND kind = ?2");
const NUMBER: Statement =
    Statement::both("SELECT id FROM name WHERE source = ?1 AND kind = ?2 AND text = ?3");

/// Answers with the biggest first.
pub(in crate::store) fn breakdowns(
    tables: Tables<'_>,
    question: &BreakdownsQuestion,
) -> Result<BreakdownsAnswer, ReadError> {
    tables.snapshot(|| {
        let Some(wanted) = Wanted::find(tables, &question.sources)? else {
            return Ok(BreakdownsAnswer::default());
        };
        let projects = question.project.as_deref().map(|name| projects(tables, name)).transpose()?;
        let mut sums = Sums { wanted, projects_wanted: projects, ..Sums::default() };
        let quarters = Quarters::of(tables, question.range)?;
        sums.add_whole(tables, &quarters.whole)?;
        for part in &quarters.parts {
            sums.add_part(tables, part)?;
        }
        sums.answer(tables)
    })
}

/// Numbers of the projects of that name, one for each source that has it.
fn projects(tables: Tables<'_>, name: &str) -> Result<HashSet<i64>, ReadError> {
    let mut numbers = HashSet::new();
    tables.each(&PROJECTS, &[kept(name).into(), (Kind::Project as i64).into()], |row| {
        numbers.insert(row.integer(0)?);
        Ok(())
    })?;
    Ok(numbers)
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
    fn add_whole(&mut self, tables: Tables<'_>, quarters: &ops::Range<i64>) -> Result<(), ReadError> {
        let (before, days, after) = parted(quarters, QUARTERS_PER_DAY);
        self.add_rows(tables, &QUARTERLY, before)?;
        self.add_rows(tables, &QUARTERLY, after)?;
        let (before, periods, after) = parted(&days, DAYS_PER_PERIOD);
        self.add_rows(tables, &DAILY, before)?;
        self.add_rows(tables, &DAILY, after)?;
        self.add_rows(tables, &PERIODIC, periods)
    }

    fn add_rows(
        &mut self,
        tables: Tables<'_>,
        statement: &Statement,
        slots: ops::Range<i64>,
    ) -> Result<(), ReadError> {
        if slots.is_empty() {
            return Ok(());
        }
        tables.each(statement, &[slots.start.into(), slots.end.into()], |row| self.add_row(row))
    }

    fn add_row(&mut self, row: Row<'_>) -> Result<(), ReadError> {
        let (source, project) = (row.integer(0)?, row.integer(1)?);
        if !self.wants(source, project) {
            return Ok(());
        }
        let (event_type, events) = (row.event_type(2)?, row.integer(4)?);
        self.add(source, project, event_type, events);
        if event_type == EventType::Tool {
            let sum = self.tools.entry(row.integer(3)?).or_default();
            sum.events += events;
            sum.add_steps([row.integer(5)?, row.integer(6)?, row.integer(7)?]);
            if let Some(durations) = row.bytes(8)? {
                sum.durations.add_encoded(durations);
            }
        }
        Ok(())
    }

    fn wants(&self, source: i64, project: i64) -> bool {
        self.wanted.admits(source)
            && self.projects_wanted.as_ref().is_none_or(|wanted| wanted.contains(&project))
    }

    fn add(&mut self, source: i64, project: i64, event_type: EventType, events: i64) {
        *self.projects.entry(project).or_default() += events;
        *self.sources.entry(source).or_default() += events;
        self.types[usize::from(event_type.number())] += events;
    }

    fn add_part(&mut self, tables: Tables<'_>, part: &Part) -> Result<(), ReadError> {
        let params = [part.micros.start.into(), part.micros.end.into(), self.wanted.number().into()];
        tables.each(&EVENTS, &params, |row| self.add_event(tables, row, part.times))
    }

    fn add_event(&mut self, tables: Tables<'_>, row: Row<'_>, times: i64) -> Result<(), ReadError> {
        let (timestamp, source, event_type) = (moment(row.integer(0)?)?, row.integer(1)?, row.event_type(2)?);
        let facts = Facts::of(event_type, row.text(3)?.as_bytes());
        let seen = Seen { source, timestamp, event_type, facts: &facts };
        let project = facts.project.as_deref().unwrap_or_default();
        let project = self.number(tables, source, Kind::Project, project)?;
        if !self.wants(source, project) {
            return Ok(());
        }
        self.add(source, project, event_type, times);
        if let Some(tool) = seen.tool() {
            let tool = self.number(tables, source, Kind::Tool, tool)?;
            let mut cell = Cell::default();
            cell.add(&seen, times);
            self.tools.entry(tool).or_default().add(&cell);
        }
        Ok(())
    }

    fn number(&mut self, tables: Tables<'_>, source: i64, kind: Kind, name: &str) -> Result<i64, ReadError> {
        let key = (source, kind, name.to_owned());
        if let Some(number) = self.found.get(&key) {
            return Ok(*number);
        }
        let number = find(tables, source, kind, name)?;
        self.found.insert(key, number);
        Ok(number)
    }

    fn answer(self, tables: Tables<'_>) -> Result<BreakdownsAnswer, ReadError> {
        let total = self.types.iter().sum::<i64>().unsigned_abs();
        let mut tools = HashMap::<String, ToolSum>::new();
        for (number, sum) in self.tools.into_iter().filter(|(_, sum)| sum.events > 0) {
            let name = tables.name(number)?.unwrap_or_default();
            tools.entry(name).or_default().merge(&sum);
        }
        let mut projects = HashMap::<Option<String>, i64>::new();
        for (number, events) in self.projects {
            *projects.entry(tables.name(number)?).or_default() += events;
        }
        let mut sources = Vec::new();
        for (number, events) in self.sources.into_iter().filter(|(_, events)| *events > 0) {
            let source = tables.source_name(number)?.as_str().to_owned();
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

/// The number a name was counted under; 0 where it was never counted.
fn find(tables: Tables<'_>, source: i64, kind: Kind, name: &str) -> Result<i64, ReadError> {
    if name.is_empty() {
        return Ok(0);
    }
    for name in [kept(name), OTHER] {
        let params = [source.into(), (kind as i64).into(), name.into()];
        if let Some(number) = tables.one(&NUMBER, &params, |row| row.integer(0))? {
            return Ok(number);
        }
    }
    Ok(0)
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
