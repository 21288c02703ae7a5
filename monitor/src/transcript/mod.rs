//! What a transcript says: lines to raw records, records to observations. No I/O, no memory beyond one file's
//! small state, and nothing of it may leave: `privacy` decides that.

mod json;
mod lines;
mod loose;
mod observe;
mod quotes;
mod record;
mod session;

use vibetea_protocol::names::{AgentId, SessionId};

pub(crate) use lines::{Mended, read};
pub(crate) use loose::MAX_TEXT;
pub(crate) use observe::{Header, Observation, RawCall, observe};
pub(crate) use record::Record;
pub use session::FileState;

/// What a followed file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A session's own file, directly in a project folder.
    Main,
    /// A subagent's file, beside its session's or in a folder under it.
    Agent,
}

/// One followed file.
#[derive(Debug, Clone, Copy)]
pub struct FileContext<'a> {
    /// Path below the projects folder.
    pub relative_path: &'a str,
    /// What it is.
    pub kind: FileKind,
}

const AGENT_PREFIX: &str = "agent-";
const AGENT_FOLDER: &str = "subagents";
/// Agent files that repeat other files: compactions and side questions.
const COPIES: &[&str] = &["acompact", "aside_question"];

/// What the file at this path below the projects folder is; `None` for files that are not followed.
pub fn classify(relative_path: &str) -> Option<FileKind> {
    let depth = components(relative_path).count();
    let stem = stem(relative_path)?;
    if let Some(agent) = stem.strip_prefix(AGENT_PREFIX) {
        let followed = depth == 2 || components(relative_path).nth(2) == Some(AGENT_FOLDER);
        let copy = COPIES.iter().any(|copy| agent.starts_with(copy));
        return (followed && !copy).then_some(FileKind::Agent);
    }
    (depth == 2 && stem != "journal").then_some(FileKind::Main)
}

fn components(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty())
}

fn stem(path: &str) -> Option<&str> {
    components(path).next_back()?.strip_suffix(".jsonl")
}

impl FileContext<'_> {
    /// The session that the path names: by the file's own name, or by the folder above the subagents'.
    pub(crate) fn named_session(&self) -> Option<SessionId> {
        match self.kind {
            FileKind::Main => stem(self.relative_path).and_then(SessionId::new),
            FileKind::Agent => {
                let mut above = components(self.relative_path).rev().skip_while(|part| *part != AGENT_FOLDER);
                above.nth(1).and_then(SessionId::new)
            }
        }
    }

    /// The subagent that the file's name names.
    pub(crate) fn named_agent(&self) -> Option<AgentId> {
        stem(self.relative_path)?.strip_prefix(AGENT_PREFIX).and_then(AgentId::new)
    }
}
