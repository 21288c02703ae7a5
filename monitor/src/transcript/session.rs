//! What is remembered of one file between its lines.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{BaseName, SessionId};

use crate::identity::RecordKey;

/// Most summaries that wait for their record to come.
const MAX_LEAVES: usize = 8;

/// What is remembered of one file between its lines: a few hundred bytes, no text of the transcript.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "five facts that come true one by one, in any order")]
pub struct FileState {
    /// The session, where the path does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
    /// The session's project, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<BaseName>,
    /// Whether the project is settled: by the first directory of a main file, by the parent for a subagent's.
    pub(crate) project_settled: bool,
    /// Whether what follows is a warm-up and gives nothing.
    pub(crate) muted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<(Timestamp, RecordKey)>,
    turn_seen: bool,
    user_seen: bool,
    started: bool,
    ended: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    leaves: Vec<RecordKey>,
}

impl FileState {
    /// Takes note of a record of a conversation. Whether it is the file's first user record.
    pub(crate) fn note_turn(&mut self, user: bool) -> bool {
        self.turn_seen = true;
        let first = user && !self.user_seen;
        self.user_seen |= user;
        first
    }

    /// Takes note of the first moment. The time of the session's start when it has just become certain.
    pub(crate) fn start(&mut self, timestamp: Option<Timestamp>) -> Option<Timestamp> {
        self.first = self.first.or(timestamp);
        let start = self.first.filter(|_| self.turn_seen && !self.started);
        self.started |= start.is_some();
        start
    }

    /// The end of the session, if nothing came for as long as `silence` until `now`; told once.
    pub(crate) fn end(&mut self, now: Timestamp, silence: Duration) -> Option<(Timestamp, RecordKey)> {
        let still = |last: Timestamp| {
            u128::try_from(now.since(last)).is_ok_and(|micros| micros >= silence.as_micros())
        };
        let end = self.last.filter(|(last, _)| self.started && !self.ended && still(*last));
        self.ended |= end.is_some();
        end
    }

    /// Takes note of a record's moment. Records are not sorted by time; the latest is the last.
    pub(crate) fn note_moment(&mut self, timestamp: Timestamp, record: RecordKey) {
        if self.last.is_none_or(|(last, _)| timestamp >= last) {
            self.last = Some((timestamp, record));
            self.ended = false;
        }
    }

    /// The latest moment so far, for records that have none.
    pub(crate) fn latest(&self) -> Option<Timestamp> {
        self.last.map(|(last, _)| last).or(self.first)
    }

    /// Lets a summary wait for its record; of many the latest ones.
    pub(crate) fn await_leaf(&mut self, leaf: RecordKey) {
        if !self.leaves.contains(&leaf) {
            if self.leaves.len() == MAX_LEAVES {
                self.leaves.remove(0);
            }
            self.leaves.push(leaf);
        }
    }

    /// Whether a summary waits for any record.
    pub(crate) fn awaits_leaf(&self) -> bool {
        !self.leaves.is_empty()
    }

    /// Whether a summary waited for this record.
    pub(crate) fn take_leaf(&mut self, record: RecordKey) -> bool {
        let found = self.leaves.iter().position(|leaf| *leaf == record);
        found.map(|at| self.leaves.remove(at)).is_some()
    }
}
