//! One record's way through the file's state and the memory to its events.

use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{AgentId, BaseName, SessionId, ToolName};
use vibetea_protocol::payload::{
    ActivityPayload, AgentPayload, AgentState, ErrorPayload, FixedSummary, Payload, SessionAction,
    SessionPayload, SummaryPayload, ToolPayload, ToolStatus,
};

use super::{Call, Interpreter, Memory, WaitingResult};
use crate::identity::{CallKey, EventKind, RecordKey};
use crate::privacy::{self, RedactedEvent};
use crate::transcript::{self, FileContext, FileKind, FileState, Header, Observation, RawCall, Record};

/// What a record needs on its way.
pub(super) struct Step<'s, 'f, M> {
    pub(super) with: &'s Interpreter,
    pub(super) file: &'s FileContext<'f>,
    pub(super) state: &'s mut FileState,
    pub(super) memory: &'s mut M,
    pub(super) out: &'s mut Vec<RedactedEvent>,
}

/// What all observations of one record share.
struct Moment<'k> {
    timestamp: Timestamp,
    agent_id: Option<AgentId>,
    key: &'k dyn Fn() -> RecordKey,
}

impl<M: Memory> Step<'_, '_, M> {
    pub(super) fn record(
        mut self,
        record: &Record<'_>,
        header: &Header<'_>,
        key: &dyn Fn() -> RecordKey,
    ) -> Result<(), M::Error> {
        let main = self.file.kind == FileKind::Main;
        if self.state.session.is_none() && self.file.named_session().is_none() {
            self.state.session = header.session;
        }
        if let Some(directory) = header.cwd {
            self.settle_project(directory)?;
        }
        if header.is_turn() && self.state.note_turn(header.is_user()) && !main && record.is_warmup() {
            self.state.muted = true;
        }
        if main {
            self.session_bounds(header.timestamp)?;
        }
        if let Some(timestamp) = header.timestamp {
            self.state.note_moment(timestamp, key());
        }
        if self.state.muted {
            return Ok(());
        }
        if let Some(leaf) = record.summarised_leaf() {
            return self.summary_of(leaf);
        }
        let Some(timestamp) = header.timestamp.or_else(|| self.state.latest()) else { return Ok(()) };
        if header.uuid.is_some() && self.state.awaits_leaf() && self.state.take_leaf(key()) {
            self.summary(timestamp, key())?;
        }
        let agent_id = self.file.named_agent().or_else(|| header.agent_id.and_then(privacy::agent_id));
        let moment = Moment { timestamp, agent_id, key };
        let mut observations = Vec::new();
        transcript::observe(record, &mut observations);
        observations.into_iter().try_for_each(|observation| self.observation(observation, &moment))
    }

    /// A session starts with its first moment, once it has proved to be one, and ends before a long silence.
    fn session_bounds(&mut self, timestamp: Option<Timestamp>) -> Result<(), M::Error> {
        if let Some(start) = self.state.start(timestamp) {
            let session_id = self.session();
            let payload =
                SessionPayload { session_id, action: SessionAction::Started, project: self.named_project() };
            let natural: [&[u8]; 1] = [session_id.as_str().as_bytes()];
            self.emit(EventKind::SessionStarted, start, &natural, Payload::Session(payload))?;
        }
        timestamp.map_or(Ok(()), |now| self.end_by(now))
    }

    /// Ends the session if nothing came for long enough until `now`.
    pub(super) fn end_by(&mut self, now: Timestamp) -> Result<(), M::Error> {
        let Some((last, record)) = self.state.end(now, self.with.silence) else { return Ok(()) };
        let session_id = self.session();
        let payload =
            SessionPayload { session_id, action: SessionAction::Ended, project: self.named_project() };
        let natural: [&[u8]; 2] = [session_id.as_str().as_bytes(), &record.to_bytes()];
        self.emit(EventKind::SessionEnded, last, &natural, Payload::Session(payload))
    }

    fn observation(&mut self, observation: Observation<'_>, moment: &Moment<'_>) -> Result<(), M::Error> {
        match observation {
            Observation::Prompt => self.prompt(moment),
            Observation::Call(call) => self.called(&call, moment),
            Observation::Result { id, success, agent_id, launched } => {
                let agent_id = agent_id.and_then(privacy::agent_id);
                let result = WaitingResult { timestamp: moment.timestamp, success, agent_id, launched };
                self.came_back(self.with.identity.call(id), &result)
            }
            Observation::AgentEnd { call, agent_id, success } => {
                let key = match (call, agent_id) {
                    (Some(call), _) => self.with.identity.call(call),
                    (None, Some(agent)) => self.agent_key(agent),
                    (None, None) => return Ok(()),
                };
                let agent_id = agent_id.and_then(privacy::agent_id);
                let end = WaitingResult { timestamp: moment.timestamp, success, agent_id, launched: false };
                self.agent_reported(key, &end)
            }
            Observation::LegacyResult { id, tool, success } => self.legacy_result(id, tool, success, moment),
            Observation::ApiError { category } => {
                let category = privacy::category(category);
                let payload = ErrorPayload { session_id: self.session(), category };
                let natural: [&[u8]; 1] = [&(moment.key)().to_bytes()];
                self.emit(EventKind::Error, moment.timestamp, &natural, Payload::Error(payload))
            }
        }
    }

    fn prompt(&mut self, moment: &Moment<'_>) -> Result<(), M::Error> {
        if self.file.kind == FileKind::Agent {
            return Ok(());
        }
        let payload = ActivityPayload { session_id: self.session(), project: self.project()? };
        let natural: [&[u8]; 1] = [&(moment.key)().to_bytes()];
        self.emit(EventKind::Activity, moment.timestamp, &natural, Payload::Activity(payload))
    }

    /// A call that was seen before is a copy. Otherwise what waited for it is taken up.
    fn called(&mut self, raw: &RawCall<'_>, moment: &Moment<'_>) -> Result<(), M::Error> {
        let key = self.with.identity.call(raw.id);
        let tool = self.with.policy.tool(raw.name);
        let call = Call {
            key,
            session: self.session(),
            context: self.with.policy.context(&tool, raw),
            project: self.project()?,
            agent_id: moment.agent_id.clone(),
            agent_type: raw.subagent_type.filter(|_| calls_agent(&tool)).map(privacy::agent_type),
            tool,
            started: moment.timestamp,
        };
        if !self.memory.remember_new_call(key, &call)? {
            return Ok(());
        }
        let payload = tool_payload(&call, ToolStatus::Started);
        self.emit(EventKind::ToolStarted, call.started, &[&key.to_bytes()], Payload::Tool(payload))?;
        if calls_agent(&call.tool) {
            let payload = agent_payload(&call, AgentState::Started, None);
            self.emit(EventKind::AgentStarted, call.started, &[&key.to_bytes()], Payload::Agent(payload))?;
        }
        if let Some(result) = self.memory.waiting_result(key)? {
            self.memory.forget_result(key)?;
            self.completed(&call, &result)?;
        }
        if calls_agent(&call.tool) { self.take_up_end(key, &call) } else { Ok(()) }
    }

    fn came_back(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), M::Error> {
        match self.memory.call(key)? {
            Some(call) => self.completed(&call, result),
            None => self.wait(key, result),
        }
    }

    /// Of several results that wait for one call the first is the result, the others are copies.
    fn wait(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), M::Error> {
        if self.memory.waiting_result(key)?.is_some() {
            return Ok(());
        }
        self.memory.remember_result(key, result)
    }

    fn completed(&mut self, call: &Call, result: &WaitingResult) -> Result<(), M::Error> {
        let micros = result.timestamp.since(call.started).max(0).unsigned_abs();
        let payload = ToolPayload {
            success: Some(result.success),
            duration_ms: Some(micros / 1000),
            ..tool_payload(call, ToolStatus::Completed)
        };
        let natural: [&[u8]; 1] = [&call.key.to_bytes()];
        self.emit(EventKind::ToolCompleted, result.timestamp, &natural, Payload::Tool(payload))?;
        if !calls_agent(&call.tool) {
            return Ok(());
        }
        if !(result.launched && result.success) {
            return self.agent_ended(call, result);
        }
        let Some(agent_id) = &result.agent_id else { return Ok(()) };
        let key = self.agent_key(agent_id.as_str());
        self.memory.remember_call(key, call)?;
        self.take_up_end(key, call)
    }

    /// The end of a launched subagent, under the key of its call or its own.
    fn agent_reported(&mut self, key: CallKey, end: &WaitingResult) -> Result<(), M::Error> {
        match self.memory.call(key)? {
            Some(call) if calls_agent(&call.tool) => self.agent_ended(&call, end),
            Some(_) => Ok(()),
            None => self.wait(self.with.identity.call_end(key), end),
        }
    }

    /// The end that was reported before it was known whose it is.
    fn take_up_end(&mut self, key: CallKey, call: &Call) -> Result<(), M::Error> {
        let waiting = self.with.identity.call_end(key);
        let Some(end) = self.memory.waiting_result(waiting)? else { return Ok(()) };
        self.memory.forget_result(waiting)?;
        self.agent_ended(call, &end)
    }

    fn agent_ended(&mut self, call: &Call, end: &WaitingResult) -> Result<(), M::Error> {
        let (kind, state) = if end.success {
            (EventKind::AgentCompleted, AgentState::Completed)
        } else {
            (EventKind::AgentFailed, AgentState::Failed)
        };
        let payload = agent_payload(call, state, end.agent_id.clone());
        self.emit(kind, end.timestamp, &[&call.key.to_bytes()], Payload::Agent(payload))
    }

    /// With the id of a known call it is that call's result; otherwise it stands for itself.
    fn legacy_result(
        &mut self,
        id: Option<&str>,
        tool: &str,
        success: Option<bool>,
        moment: &Moment<'_>,
    ) -> Result<(), M::Error> {
        let key = id.map(|id| self.with.identity.call(id));
        if let (Some(key), Some(success)) = (key, success)
            && let Some(call) = self.memory.call(key)?
        {
            let timestamp = moment.timestamp;
            return self
                .completed(&call, &WaitingResult { timestamp, success, agent_id: None, launched: false });
        }
        let payload = ToolPayload {
            session_id: self.session(),
            tool: self.with.policy.tool(tool),
            status: ToolStatus::Completed,
            context: None,
            project: self.project()?,
            success,
            duration_ms: None,
            agent_id: moment.agent_id.clone(),
        };
        let natural: [&[u8]; 1] = [&(moment.key)().to_bytes()];
        self.emit(EventKind::ToolCompleted, moment.timestamp, &natural, Payload::Tool(payload))
    }

    /// A summary counts where its record is: before it in the same file, behind it, or in another file (not here).
    fn summary_of(&mut self, leaf: &str) -> Result<(), M::Error> {
        let searchable =
            !leaf.is_empty() && leaf.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if self.file.kind == FileKind::Agent || !searchable {
            return Ok(());
        }
        let key = self.with.identity.record(leaf);
        if let Some(timestamp) = self.memory.earlier_record(leaf)? {
            return self.summary(timestamp, key);
        }
        self.state.await_leaf(key);
        Ok(())
    }

    fn summary(&mut self, timestamp: Timestamp, leaf: RecordKey) -> Result<(), M::Error> {
        let session_id = self.session();
        let payload = SummaryPayload { session_id, summary: FixedSummary::SessionEnded };
        let natural: [&[u8]; 2] = [session_id.as_str().as_bytes(), &leaf.to_bytes()];
        self.emit(EventKind::Summary, timestamp, &natural, Payload::Summary(payload))
    }

    /// The path's session, else the first that a line names, else one made of the path.
    fn session(&mut self) -> SessionId {
        let file = self.file;
        file.named_session().unwrap_or_else(|| {
            *self.state.session.get_or_insert_with(|| self.with.identity.session(file.relative_path))
        })
    }

    /// The first directory of a main file names the session's project, for its subagents too; a subagent's own
    /// directory counts as long as the session's is not known.
    fn settle_project(&mut self, directory: &str) -> Result<(), M::Error> {
        if self.state.project_settled {
            return Ok(());
        }
        match self.file.kind {
            FileKind::Agent => {
                if self.state.project.is_none() {
                    self.state.project = self.with.policy.project(directory);
                }
            }
            FileKind::Main => {
                self.state.project_settled = true;
                self.state.project = self.with.policy.project(directory);
                let session = self.session();
                if let Some(project) = &self.state.project {
                    self.memory.remember_project(&session, project)?;
                }
            }
        }
        Ok(())
    }

    fn project(&mut self) -> Result<Option<BaseName>, M::Error> {
        if self.file.kind == FileKind::Agent && !self.state.project_settled {
            let session = self.session();
            if let Some(project) = self.memory.session_project(&session)? {
                self.state.project = Some(project);
                self.state.project_settled = true;
            }
        }
        Ok(self.state.project.clone())
    }

    fn named_project(&self) -> BaseName {
        self.state.project.clone().unwrap_or_else(privacy::unknown_project)
    }

    /// Where a launched subagent is remembered; ids of subagents are short, so the session belongs to it.
    fn agent_key(&mut self, agent_id: &str) -> CallKey {
        let session = self.session();
        self.with.identity.agent(session.as_str(), agent_id)
    }

    /// Lets the event out unless it is a copy of one that was seen.
    fn emit(
        &mut self,
        kind: EventKind,
        timestamp: Timestamp,
        natural: &[&[u8]],
        payload: Payload,
    ) -> Result<(), M::Error> {
        let named = self.with.identity.event(kind, timestamp, natural);
        if self.memory.first_sight(named.natural)? {
            self.out.push(self.with.policy.seal(&self.with.identity, named.id, timestamp, payload));
        }
        Ok(())
    }
}

/// The two names of the tool that calls a subagent.
fn calls_agent(tool: &ToolName) -> bool {
    matches!(tool.as_str(), "Task" | "Agent")
}

fn tool_payload(call: &Call, status: ToolStatus) -> ToolPayload {
    ToolPayload {
        session_id: call.session,
        tool: call.tool.clone(),
        status,
        context: call.context.clone(),
        project: call.project.clone(),
        success: None,
        duration_ms: None,
        agent_id: call.agent_id.clone(),
    }
}

fn agent_payload(call: &Call, state: AgentState, agent_id: Option<AgentId>) -> AgentPayload {
    AgentPayload {
        session_id: call.session,
        state,
        project: call.project.clone(),
        agent_id,
        agent_type: call.agent_type,
    }
}
