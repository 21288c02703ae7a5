//! What is remembered of one file between its lines.

use serde::{Deserialize, Serialize};
use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{BaseName, SessionId};

use crate::identity::RecordKey;

/// What is remembered of one file between its lines: a few hundred bytes, no text of the transcript.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileState {
    session: Option<SessionId>,
    project: Option<BaseName>,
    first: Option<Timestamp>,
    last: Option<(Timestamp, RecordKey)>,
}
