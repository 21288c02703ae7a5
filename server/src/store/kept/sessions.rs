//! One row for each session of a source, and what happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vibetea_protocol::EventType;

use super::Seen;
use super::cells::place;

/// Longer ids are no sessions, in bytes; longer names of agents are none.
const LONGEST: usize = 128;
/// Agents of a session that are told apart; the rest is counted as one without id and type.
pub(in crate::store) const MOST_AGENTS: i64 = 500;

/// Sessions of one transaction.
#[derive(Default)]
pub(in crate::store) struct Sessions(pub(in crate::store) BTreeMap<(i64, Arc<str>), Session>);

/// What is added to a session.
pub(in crate::store) struct Session {
    pub(in crate::store) started: i64,
    pub(in crate::store) last: i64,
    pub(in crate::store) ended: i64,
    /// Time and name of the latest project; of several at that time the greatest.
    pub(in crate::store) project: (i64, Arc<str>),
    pub(in crate::store) events: i64,
    pub(in crate::store) activities: i64,
    pub(in crate::store) errors: i64,
    pub(in crate::store) quarters: BTreeSet<i64>,
    pub(in crate::store) tools: BTreeMap<i64, [i64; 3]>,
    pub(in crate::store) agents: BTreeMap<(Arc<str>, Arc<str>), Agent>,
}

/// What is added to a subagent of a session.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Agent {
    pub(in crate::store) first: i64,
    pub(in crate::store) steps: [i64; 3],
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
}
