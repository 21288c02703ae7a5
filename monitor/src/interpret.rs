//! One line of a transcript to the events that may leave: understood by `transcript`, made safe by `privacy`,
//! named by `identity`, paired across lines and files through a [`Memory`] that the caller keeps.
//!
//! Pure: no file, no clock, no log.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{AgentId, AgentType, BaseName, SessionId, ToolName};

use crate::identity::{CallKey, Identity, NaturalKey};
use crate::privacy::{Policy, RedactedEvent, panics};
use crate::transcript;
pub use crate::transcript::{FileContext, FileKind, FileState};

mod step;

use step::Step;

/// A tool call as it is remembered until its result comes; redacted already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The call itself, also where it is remembered under its subagent's key.
    pub key: CallKey,
    /// Whose call.
    pub session: SessionId,
    /// Which tool.
    pub tool: ToolName,
    /// The file a file tool works on.
    pub context: Option<BaseName>,
    /// The session's project when it was called.
    pub project: Option<BaseName>,
    /// The subagent that called.
    pub agent_id: Option<AgentId>,
    /// The kind of subagent that was called, for the tools that call one.
    pub agent_type: Option<AgentType>,
    /// When it was called.
    pub started: Timestamp,
}

/// A result, or a subagent's end, that came before its call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingResult {
    /// When it came.
    pub timestamp: Timestamp,
    /// Whether it is a good one.
    pub success: bool,
    /// The subagent it names.
    pub agent_id: Option<AgentId>,
    /// Whether it only says that a subagent was sent on its way.
    pub launched: bool,
}

/// What is remembered across lines and files. Keys are keyed hashes; no raw id reaches a memory but the uuid
/// that [`Memory::earlier_record`] looks for.
pub trait Memory {
    /// Why the memory could not answer.
    type Error;

    /// A remembered call.
    fn call(&mut self, key: CallKey) -> Result<Option<Call>, Self::Error>;
    /// Remembers a call, in place of an earlier one under the same key.
    fn remember_call(&mut self, key: CallKey, call: &Call) -> Result<(), Self::Error>;
    /// Remembers a call unless there is one under the same key; whether there was none.
    fn remember_new_call(&mut self, key: CallKey, call: &Call) -> Result<bool, Self::Error> {
        let is_new = self.call(key)?.is_none();
        if is_new {
            self.remember_call(key, call)?;
        }
        Ok(is_new)
    }
    /// A result that waits for its call.
    fn waiting_result(&mut self, key: CallKey) -> Result<Option<WaitingResult>, Self::Error>;
    /// Lets a result wait for its call.
    fn remember_result(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), Self::Error>;
    /// Forgets a waiting result.
    fn forget_result(&mut self, key: CallKey) -> Result<(), Self::Error>;
    /// Whether this is the first time ever that the key is asked about; from then on it is not.
    fn first_sight(&mut self, key: NaturalKey) -> Result<bool, Self::Error>;
    /// The project of a session whose main file was read.
    fn session_project(&mut self, session: &SessionId) -> Result<Option<BaseName>, Self::Error>;
    /// Remembers a session's project for its subagents' files.
    fn remember_project(&mut self, session: &SessionId, project: &BaseName) -> Result<(), Self::Error>;
    /// The time of the record with this uuid in the part of the same file that was read before this line.
    fn earlier_record(&mut self, uuid: &str) -> Result<Option<Timestamp>, Self::Error>;
}

/// How a line was taken; for counting, never for logging text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOutcome {
    /// A record of a known type, whether it gave events or not; also a blank line.
    Understood,
    /// An object of a type that is not known; a keyed hash of the type, for counting by type.
    UnknownType(u64),
    /// No object could be read.
    Unreadable,
}

/// Lines to events.
#[derive(Debug, Clone)]
pub struct Interpreter {
    policy: Policy,
    identity: Identity,
    silence: Duration,
}

impl Interpreter {
    /// With the operator's policy, the monitor's identity, and the silence after which a session has ended.
    pub const fn new(policy: Policy, identity: Identity, silence: Duration) -> Self {
        Self { policy, identity, silence }
    }

    /// Takes the line that starts at byte `position` of the file; appends its events to `out`.
    ///
    /// When the memory fails, state and `out` are half way: drop both and take the line again later. A line that
    /// breaks the program counts as unreadable; what it gave until then stands, as it would break it again.
    pub fn line<M: Memory>(
        &self,
        file: &FileContext<'_>,
        state: &mut FileState,
        position: u64,
        line: &[u8],
        memory: &mut M,
        out: &mut Vec<RedactedEvent>,
    ) -> Result<LineOutcome, M::Error> {
        let taken = panics::contained(|| self.take(file, state, position, line, memory, out));
        taken.unwrap_or(Ok(LineOutcome::Unreadable))
    }

    fn take<M: Memory>(
        &self,
        file: &FileContext<'_>,
        state: &mut FileState,
        position: u64,
        line: &[u8],
        memory: &mut M,
        out: &mut Vec<RedactedEvent>,
    ) -> Result<LineOutcome, M::Error> {
        let mut mended = transcript::Mended::default();
        let reading = transcript::read(line, &mut mended);
        let mut outcome = LineOutcome::Understood;
        for (record, at) in reading.records.iter().zip(position..) {
            let header = record.header();
            if !header.is_known() {
                outcome = LineOutcome::UnknownType(self.identity.tag(header.kind));
            }
            let key = || match header.uuid {
                Some(uuid) => self.identity.record(uuid),
                None => self.identity.placed_record(file.relative_path, at, line),
            };
            Step { with: self, file, state, memory, out }.record(record, &header, &key)?;
        }
        Ok(if reading.damaged { LineOutcome::Unreadable } else { outcome })
    }

    /// Ends the session of a file that has been still until `now` for long enough.
    pub fn silence<M: Memory>(
        &self,
        file: &FileContext<'_>,
        state: &mut FileState,
        now: Timestamp,
        memory: &mut M,
        out: &mut Vec<RedactedEvent>,
    ) -> Result<(), M::Error> {
        match file.kind {
            FileKind::Main => Step { with: self, file, state, memory, out }.end_by(now),
            FileKind::Agent => Ok(()),
        }
    }
}
