//! The interpreter's memory: the open transaction, and the part of the file that was read before.

use std::path::Path;

use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{BaseName, SessionId};

use super::earlier::Earlier;
use crate::identity::{CallKey, NaturalKey};
use crate::interpret::{Call, Memory, WaitingResult};
use crate::outbox::{OutboxError, Turn};

pub(super) struct ReadingMemory<'a, 'c> {
    pub(super) turn: &'a mut Turn<'c>,
    pub(super) earlier: &'a mut Earlier,
    pub(super) file: &'a Path,
    /// Where the line begins that is being understood.
    pub(super) until: u64,
}

impl Memory for ReadingMemory<'_, '_> {
    type Error = OutboxError;

    fn call(&mut self, key: CallKey) -> Result<Option<Call>, OutboxError> {
        self.turn.call(key)
    }

    fn remember_call(&mut self, key: CallKey, call: &Call) -> Result<(), OutboxError> {
        self.turn.remember_call(key, call)
    }

    fn remember_new_call(&mut self, key: CallKey, call: &Call) -> Result<bool, OutboxError> {
        self.turn.remember_new_call(key, call)
    }

    fn waiting_result(&mut self, key: CallKey) -> Result<Option<WaitingResult>, OutboxError> {
        self.turn.waiting_result(key)
    }

    fn remember_result(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), OutboxError> {
        self.turn.remember_result(key, result)
    }

    fn forget_result(&mut self, key: CallKey) -> Result<(), OutboxError> {
        self.turn.forget_result(key)
    }

    fn first_sight(&mut self, key: NaturalKey) -> Result<bool, OutboxError> {
        self.turn.first_sight(key)
    }

    fn session_project(&mut self, session: &SessionId) -> Result<Option<BaseName>, OutboxError> {
        self.turn.session_project(session)
    }

    fn remember_project(&mut self, session: &SessionId, project: &BaseName) -> Result<(), OutboxError> {
        self.turn.remember_project(session, project)
    }

    fn earlier_record(&mut self, uuid: &str) -> Result<Option<Timestamp>, OutboxError> {
        // a file that cannot be read any more has no earlier record to offer; that is no fault of the store
        Ok(self.earlier.find(self.file, uuid, self.until).unwrap_or_default())
    }
}
