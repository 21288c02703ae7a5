//! The only place where a value of a transcript becomes one that may leave, and the only one that can build a
//! [`RedactedEvent`]. Allow-lists throughout: what is not known to be safe is dropped, never passed on.

use vibetea_protocol::names::{AgentId, AgentType, BaseName, ErrorCategory, ToolName};
use vibetea_protocol::payload::Payload;
use vibetea_protocol::{EventId, EventType, Timestamp};

use crate::transcript::{MAX_TEXT, RawCall};

/// Longest path that is looked at, in bytes: shorter than the place where the reader cuts texts off.
const MAX_PATH: usize = MAX_TEXT - 96;
/// Longest name with white space in it, in characters; what is longer is rather a sentence.
const MAX_SPACED_NAME: usize = 60;
const MCP_PREFIX: &str = "mcp__";
/// Folders whose children are home directories, named after people.
const HOMES: &[&str] = &["home", "Users"];
/// Project of a session that was started in a home directory.
const HOME: &str = "~";

/// An event that may leave the machine. Its fields are private: nothing outside this module can make one.
#[derive(Debug, Clone, PartialEq)]
pub struct RedactedEvent {
    id: EventId,
    timestamp: Timestamp,
    payload: Payload,
}

impl RedactedEvent {
    /// Derived id.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// When it happened, by the transcript.
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// What happened.
    pub const fn event_type(&self) -> EventType {
        self.payload.event_type()
    }

    /// The payload as compact JSON.
    pub fn payload_json(&self) -> String {
        self.payload.to_json()
    }
}

/// What the operator lets out, within the fixed rules.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// With leading dots; `None` lets every extension be named.
    extensions: Option<Vec<String>>,
}

impl Policy {
    /// Reads a comma-separated list of extensions, with or without dots; without any entry, all may be named.
    pub fn from_allowlist(list: Option<&str>) -> Self {
        let extensions: Vec<String> = list
            .unwrap_or_default()
            .split(',')
            .map(|entry| entry.trim().trim_start_matches('.'))
            .filter(|entry| !entry.is_empty())
            .map(|entry| format!(".{entry}"))
            .collect();
        Self { extensions: (!extensions.is_empty()).then_some(extensions) }
    }

    /// Lets an event out. Its types hold closed lists, numbers and checked names; the one name that comes from a
    /// tool's input is checked once more, wherever it was made.
    pub(crate) fn seal(&self, id: EventId, timestamp: Timestamp, mut payload: Payload) -> RedactedEvent {
        if let Payload::Tool(tool) = &mut payload
            && (path_field(tool.tool).is_none()
                || !tool.context.as_ref().is_some_and(|name| self.may_name(name)))
        {
            tool.context = None;
        }
        RedactedEvent { id, timestamp, payload }
    }

    /// The basename of the file that a file tool works on.
    pub(crate) fn context(&self, tool: ToolName, call: &RawCall<'_>) -> Option<BaseName> {
        let path = match path_field(tool)? {
            PathField::File => call.file_path,
            PathField::Notebook => call.notebook_path,
            PathField::Lsp => call.lsp_path,
        };
        base_name(path?).filter(|name| self.may_name(name))
    }

    fn may_name(&self, name: &BaseName) -> bool {
        let name = name.as_str();
        let sentence = name.contains(char::is_whitespace) && name.chars().count() > MAX_SPACED_NAME;
        let listed = |extensions: &Vec<String>| extensions.iter().any(|extension| name.ends_with(extension));
        !name.starts_with('.') && !sentence && self.extensions.as_ref().is_none_or(listed)
    }
}

enum PathField {
    File,
    Notebook,
    Lsp,
}

/// Where a file tool's input names its file; no other tool has a context.
fn path_field(tool: ToolName) -> Option<PathField> {
    match tool.as_str() {
        "Read" | "Edit" | "Write" | "MultiEdit" => Some(PathField::File),
        "NotebookEdit" => Some(PathField::Notebook),
        "LSP" => Some(PathField::Lsp),
        _ => None,
    }
}

/// The last component of what is really a path: models also write texts and addresses where one belongs.
fn base_name(path: &str) -> Option<BaseName> {
    let is_path = path.len() <= MAX_PATH && !path.contains("://") && !path.contains(char::is_control);
    is_path.then(|| BaseName::last_component(path)).flatten()
}

/// A tool's name if it is built in, else `mcp` or `other`.
pub(crate) fn tool(name: &str) -> ToolName {
    if name.starts_with(MCP_PREFIX) { ToolName::MCP } else { ToolName::or_fallback(name) }
}

/// A session's project: the last component of its working directory, or `~` for a home directory, whose own
/// name is a person's.
pub(crate) fn project(directory: &str) -> Option<BaseName> {
    let mut above = directory.split(['/', '\\']).filter(|part| !part.is_empty()).rev().skip(1);
    let below_homes = above.next().is_some_and(|parent| HOMES.contains(&parent));
    // `/home` and `C:\Users`, not a folder of that name somewhere else
    let at_root = above.next().is_none_or(|drive| drive.ends_with(':')) && above.next().is_none();
    let name = base_name(directory)?;
    if (below_homes && at_root) || directory.trim_end_matches('/') == "/root" {
        return BaseName::new(HOME);
    }
    Some(name)
}

/// A subagent's id if it has the form of one.
pub(crate) fn agent_id(id: &str) -> Option<AgentId> {
    AgentId::new(id)
}

/// A subagent's kind, `custom` unless it is built in.
pub(crate) fn agent_type(kind: &str) -> AgentType {
    AgentType::or_fallback(kind)
}

/// A failure's category from its closed list.
pub(crate) fn category(error: &str) -> ErrorCategory {
    ErrorCategory::or_fallback(error)
}
