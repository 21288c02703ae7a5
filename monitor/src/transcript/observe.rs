//! A record to what it says happened. Still raw: nothing here may leave before `privacy` has seen it.

use vibetea_protocol::Timestamp;
use vibetea_protocol::names::SessionId;

use super::loose::{NOTIFICATION, TextOrList};
use super::record::{Block, Record};

/// Something a record says; raw, so not `Debug`: it cannot be logged either.
pub(crate) enum Observation<'a> {
    /// A person typed something.
    Prompt,
    /// A tool was called.
    Call(RawCall<'a>),
    /// A call came back.
    Result { id: &'a str, success: bool, agent_id: Option<&'a str>, launched: bool },
    /// A subagent that was launched has ended, by its call's id or by its own.
    AgentEnd { call: Option<&'a str>, agent_id: Option<&'a str>, success: bool },
    /// A call came back, in the older shape.
    LegacyResult { id: Option<&'a str>, tool: &'a str, success: Option<bool> },
    /// The model could not be reached.
    ApiError { category: &'a str },
}

/// A tool call as it stands in the transcript.
#[derive(Default)]
pub(crate) struct RawCall<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) file_path: Option<&'a str>,
    pub(crate) notebook_path: Option<&'a str>,
    pub(crate) lsp_path: Option<&'a str>,
    pub(crate) subagent_type: Option<&'a str>,
}

/// Category of an attempt that will be repeated.
const API_RETRY: &str = "api_retry";

/// Types that are known, most of which say nothing of interest.
const KNOWN_TYPES: &[&str] = &[
    "agent-color",
    "agent-name",
    "agent-setting",
    "ai-title",
    "assistant",
    "attachment",
    "attribution-snapshot",
    "content-replacement",
    "custom-title",
    "file-history-snapshot",
    "goal-state",
    "history-suppression",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "queue-operation",
    "relocated",
    "result",
    "speculation-accept",
    "started",
    "summary",
    "system",
    "tag",
    "task-summary",
    "user",
    "worktree-state",
];

/// What user texts begin with that is no act of a person. An interruption is one, and so is a file opened in the
/// editor.
const NOT_TYPED: &[&str] = &[
    "<task-notification",
    "This session is being continued",
    "<local-command-",
    "Caveat:",
    "<teammate-message",
    "<system-reminder",
    "<bash-stdout",
    "<bash-stderr",
];

/// The prompt of subagents that are started ahead of any work.
const WARMUP: &str = "Warmup";

/// What a record says of itself.
pub(crate) struct Header<'a> {
    pub(crate) kind: &'a str,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) uuid: Option<&'a str>,
    pub(crate) session: Option<SessionId>,
    pub(crate) cwd: Option<&'a str>,
    pub(crate) agent_id: Option<&'a str>,
}

impl Header<'_> {
    /// Whether records of this type are known.
    pub(crate) fn is_known(&self) -> bool {
        KNOWN_TYPES.binary_search(&self.kind).is_ok()
    }

    /// Whether a person, a program in a person's place, or the model says something in it.
    pub(crate) fn is_turn(&self) -> bool {
        self.is_user() || self.kind == "assistant"
    }

    /// Whether it is a user record, which need not be a person's.
    pub(crate) fn is_user(&self) -> bool {
        self.kind == "user"
    }
}

impl Record<'_> {
    /// What it says of itself.
    pub(crate) fn header(&self) -> Header<'_> {
        Header {
            kind: self.kind.as_deref().unwrap_or_default(),
            timestamp: self.timestamp.as_deref().and_then(|text| text.parse().ok()),
            uuid: non_empty(self.uuid.as_deref()),
            session: self.session_id.as_deref().and_then(SessionId::new),
            cwd: non_empty(self.cwd.as_deref()),
            agent_id: non_empty(self.agent_id.as_deref()),
        }
    }

    /// The record up to which this one sums a session up; such records have no moment of their own.
    pub(crate) fn summarised_leaf(&self) -> Option<&str> {
        self.leaf_uuid.as_deref().filter(|_| self.kind.as_deref() == Some("summary"))
    }

    /// Whether its words are those that start a subagent ahead of any work.
    pub(crate) fn is_warmup(&self) -> bool {
        match &self.message.content {
            TextOrList::Text(text) => text.trim() == WARMUP,
            TextOrList::List(blocks) => {
                matches!(blocks.as_slice(), [only] if only.text.as_deref().map(str::trim) == Some(WARMUP))
            }
            TextOrList::Absent => false,
        }
    }
}

/// Appends what the record says.
pub(crate) fn observe<'r>(record: &'r Record<'_>, out: &mut Vec<Observation<'r>>) {
    match record.kind.as_deref() {
        Some("assistant") => assistant(record, out),
        Some("user") => user(record, out),
        Some("system") if record.subtype.as_deref() == Some("api_error") => {
            out.push(Observation::ApiError { category: API_RETRY });
        }
        Some("queue-operation") if record.operation.as_deref() == Some("enqueue") => {
            out.extend(record.queued.as_deref().and_then(agent_end));
        }
        Some("progress") => out.extend(legacy_result(record)),
        _ => {}
    }
}

fn assistant<'r>(record: &'r Record<'_>, out: &mut Vec<Observation<'r>>) {
    if record.is_api_error {
        out.push(Observation::ApiError { category: record.error.as_deref().unwrap_or_default() });
    }
    for block in blocks(record) {
        match block.kind.as_deref() {
            Some("tool_use") => out.extend(call(block).map(Observation::Call)),
            Some("tool_result") => out.extend(result(block, record)),
            _ => {}
        }
    }
}

fn user<'r>(record: &'r Record<'_>, out: &mut Vec<Observation<'r>>) {
    let results = blocks(record).iter().filter(|block| block.kind.as_deref() == Some("tool_result"));
    out.extend(results.filter_map(|block| result(block, record)));
    match &record.message.content {
        TextOrList::Text(text) => out.extend(agent_end(text)),
        TextOrList::List(blocks) => {
            out.extend(blocks.iter().find_map(|block| agent_end(block.text.as_deref()?)));
        }
        TextOrList::Absent => {}
    }
    if is_typed(record) {
        out.push(Observation::Prompt);
    }
}

fn blocks<'r, 'a>(record: &'r Record<'a>) -> &'r [Block<'a>] {
    match &record.message.content {
        TextOrList::List(blocks) => blocks,
        _ => &[],
    }
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn call<'r>(block: &'r Block<'_>) -> Option<RawCall<'r>> {
    Some(RawCall {
        id: non_empty(block.id.as_deref())?,
        name: block.name.as_deref().unwrap_or_default(),
        file_path: block.input.file_path.as_deref(),
        notebook_path: block.input.notebook_path.as_deref(),
        lsp_path: block.input.lsp_path.as_deref(),
        subagent_type: block.input.subagent_type.as_deref(),
    })
}

fn result<'r>(block: &'r Block<'_>, record: &'r Record<'_>) -> Option<Observation<'r>> {
    let said = &record.tool_use_result;
    Some(Observation::Result {
        id: non_empty(block.tool_use_id.as_deref())?,
        success: !block.is_error,
        agent_id: said.agent_id.as_deref(),
        launched: matches!(said.status.as_deref(), Some("async_launched" | "teammate_spawned")),
    })
}

fn legacy_result<'r>(record: &'r Record<'_>) -> Option<Observation<'r>> {
    let progress = &record.progress;
    (progress.kind.as_deref() == Some("PostToolUse")).then(|| Observation::LegacyResult {
        id: non_empty(record.tool_use_id.as_deref()),
        tool: progress.tool_name.as_deref().unwrap_or_default(),
        success: progress.result.success,
    })
}

/// A record of a person: nothing says that a program wrote it.
fn is_typed(record: &Record<'_>) -> bool {
    let by_program = record.is_sidechain
        || record.is_meta
        || record.is_compact_summary
        || record.origin.kind.as_deref().is_some_and(|kind| kind != "human");
    !by_program
        && match &record.message.content {
            TextOrList::Absent => true,
            TextOrList::Text(text) => is_typed_text(text),
            TextOrList::List(blocks) => {
                let results = blocks.iter().any(|block| block.kind.as_deref() == Some("tool_result"));
                // an editor puts its notes in blocks of their own before what was typed
                let typed = blocks.is_empty()
                    || blocks.iter().any(|block| block.text.as_deref().is_none_or(is_typed_text));
                !results && typed
            }
        }
}

fn is_typed_text(text: &str) -> bool {
    let text = text.trim_start();
    !NOT_TYPED.iter().any(|marker| text.starts_with(marker))
}

/// The end of a launched subagent, from the notice that the agent program writes: elements one after another,
/// of which the first of each name counts; texts of others are stepped over.
fn agent_end(text: &str) -> Option<Observation<'_>> {
    let mut rest = text.trim_start().strip_prefix(NOTIFICATION)?;
    let (mut call, mut agent_id, mut status) = (None, None, None);
    while let Some((name, inner, behind)) = element(rest) {
        let slot = match name {
            "tool-use-id" => &mut call,
            "task-id" => &mut agent_id,
            "status" => &mut status,
            _ => &mut None,
        };
        slot.get_or_insert(inner.trim());
        rest = behind;
    }
    let success = match status? {
        "completed" => true,
        "failed" => false,
        _ => return None,
    };
    let (call, agent_id) = (non_empty(call), non_empty(agent_id));
    (call.is_some() || agent_id.is_some()).then_some(Observation::AgentEnd { call, agent_id, success })
}

/// Splits `<name>inner</name>behind`.
fn element(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.trim_start().strip_prefix('<')?.split_once('>')?;
    let end = rest.find(&format!("</{name}>"))?;
    Some((name, &rest[..end], &rest[end + name.len() + 3..]))
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use serde::Serialize;
    use static_assertions::{assert_impl_any, assert_not_impl_any};

    use super::{Block, Header, Observation, RawCall, Record};
    use crate::transcript::FileState;
    use crate::transcript::record::{Input, Message, ToolUseResult};

    assert_not_impl_any!(Record<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(Message<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(Block<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(Input<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(ToolUseResult<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(Header<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(RawCall<'static>: Serialize, Debug, Display, Clone);
    assert_not_impl_any!(Observation<'static>: Serialize, Debug, Display, Clone);
    // the same check of what may be kept finds what it looks for
    assert_impl_any!(FileState: Serialize);
}
