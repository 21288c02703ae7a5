//! What a payload tells, as the store keeps it beside the event until it is written.

use std::borrow::Cow;
use std::sync::Arc;

use vibetea_protocol::EventType;
use vibetea_protocol::facts::{Facts as Borrowed, Step};

/// What the payload of an event tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The session.
    pub session: Option<Arc<str>>,
    /// The project.
    pub project: Option<Arc<str>>,
    /// The tool.
    pub tool: Option<Arc<str>>,
    /// The subagent.
    pub agent_id: Option<Arc<str>>,
    /// The subagent's kind.
    pub agent_type: Option<Arc<str>>,
    /// Where the tool call or the subagent stands, whichever the event is about.
    pub step: Option<Step>,
    /// Whether the session ended.
    pub is_end: bool,
    /// How long the tool call took.
    pub duration_ms: Option<u64>,
}

impl Facts {
    /// Of a payload that was checked.
    pub fn of(event_type: EventType, payload: &[u8]) -> Self {
        let payload = std::str::from_utf8(payload).unwrap_or_default();
        Sharing::default().own(event_type, Borrowed::of(payload))
    }
}

/// Turns facts into owned ones; neighbours that name the same share one copy of the name.
#[derive(Debug, Default)]
pub struct Sharing {
    session: Option<Arc<str>>,
    project: Option<Arc<str>>,
    tool: Option<Arc<str>>,
    agent_id: Option<Arc<str>>,
    agent_type: Option<Arc<str>>,
}

impl Sharing {
    /// The same facts, owned.
    pub fn own(&mut self, event_type: EventType, facts: Borrowed<'_>) -> Facts {
        let (step, is_end) = match event_type {
            EventType::Session => (None, facts.is_end()),
            EventType::Tool => (facts.tool_step(), false),
            EventType::Agent => (facts.agent_step(), false),
            EventType::Activity | EventType::Summary | EventType::Error => (None, false),
        };
        Facts {
            session: shared(&mut self.session, facts.session),
            project: shared(&mut self.project, facts.project),
            tool: shared(&mut self.tool, facts.tool),
            agent_id: shared(&mut self.agent_id, facts.agent_id),
            agent_type: shared(&mut self.agent_type, facts.agent_type),
            step,
            is_end,
            duration_ms: facts.duration_ms,
        }
    }
}

fn shared(last: &mut Option<Arc<str>>, text: Option<Cow<'_, str>>) -> Option<Arc<str>> {
    let text = text?;
    if let Some(last) = last.as_ref().filter(|last| ***last == *text) {
        return Some(Arc::clone(last));
    }
    let own: Arc<str> = text.into();
    *last = Some(Arc::clone(&own));
    Some(own)
}
