//! The only place where a value of a transcript becomes one that may leave, and the only one that can build a
//! [`RedactedEvent`]. Allow-lists throughout: what is not known to be safe is dropped, never passed on.

use std::str::FromStr;

use vibetea_protocol::names::{
    AgentId, AgentType, BaseName, BuiltInTool, ErrorCategory, MCP_PREFIX, ToolName,
};
use vibetea_protocol::payload::Payload;
use vibetea_protocol::{EventId, EventType, Timestamp};

use crate::identity::Identity;
use crate::transcript::{MAX_TEXT, RawCall};

pub(crate) mod panics;

/// Longest path that is looked at, in bytes: shorter than the place where the reader cuts texts off.
const MAX_PATH: usize = MAX_TEXT - 96;
/// Longest name with white space in it, in characters; what is longer is rather a sentence.
const MAX_SPACED_NAME: usize = 60;
/// Files without an extension that may be named though no folder stands in front of them.
const PLAIN_FILES: &[&str] = &[
    "AUTHORS",
    "BUILD",
    "CHANGELOG",
    "COPYING",
    "Containerfile",
    "Dockerfile",
    "Gemfile",
    "Jenkinsfile",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "Pipfile",
    "Procfile",
    "README",
    "Rakefile",
    "Vagrantfile",
    "WORKSPACE",
    "justfile",
    "makefile",
];
/// Longest extension of a file that is named without a folder in front of it, in characters.
const MAX_EXTENSION: usize = 10;
/// Folders whose children are home directories, named after people, wherever such a folder stands.
const HOMES: &[&str] = &["home", "homes", "Users"];
/// Project of a session that was started in a home directory.
const HOME: &str = "~";
/// Project of a session whose project is not known or not named.
const UNKNOWN: &str = "unknown";

/// An event that may leave the machine. Its fields are private: nothing outside this module can make one.
///
/// ```
/// # use vibetea_monitor::privacy::RedactedEvent;
/// fn told(event: &RedactedEvent) -> String { event.payload_json() }
/// ```
///
/// ```compile_fail
/// # use vibetea_monitor::privacy::RedactedEvent;
/// fn swapped(one: &mut RedactedEvent, other: RedactedEvent) { one.payload = other.payload }
/// ```
///
/// What it was made of cannot be named from outside, and has no way of being written:
///
/// ```
/// use vibetea_monitor::transcript::FileState;
/// ```
///
/// ```compile_fail
/// use vibetea_monitor::transcript::Record;
/// ```
///
/// ```compile_fail
/// use vibetea_monitor::transcript::RawCall;
/// ```
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

/// How projects are named in what leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectNames {
    /// As their directory.
    #[default]
    Basename,
    /// By a keyed hash of that name.
    Hash,
    /// Not at all.
    Off,
}

/// The text is no way to name projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("'basename', 'hash' or 'off' is allowed")]
pub struct InvalidProjectNames;

impl FromStr for ProjectNames {
    type Err = InvalidProjectNames;

    fn from_str(text: &str) -> Result<Self, InvalidProjectNames> {
        match text {
            "basename" => Ok(Self::Basename),
            "hash" => Ok(Self::Hash),
            "off" => Ok(Self::Off),
            _ => Err(InvalidProjectNames),
        }
    }
}

/// What the operator lets out, within the fixed rules.
#[derive(Debug, Clone)]
pub struct Policy {
    /// With leading dots; `None` lets every extension be named.
    extensions: Option<Vec<String>>,
    context: bool,
    projects: ProjectNames,
    /// MCP servers whose tools may be named.
    mcp_servers: Vec<String>,
    /// This person's home directory.
    home: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::from_allowlist(None)
    }
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
        let extensions = (!extensions.is_empty()).then_some(extensions);
        let (projects, mcp_servers) = (ProjectNames::Basename, Vec::new());
        Self { extensions, context: true, projects, mcp_servers, home: None }
    }

    /// Whether files are named at all.
    #[must_use]
    pub fn with_context(self, context: bool) -> Self {
        Self { context, ..self }
    }

    /// How projects are named.
    #[must_use]
    pub fn with_projects(self, projects: ProjectNames) -> Self {
        Self { projects, ..self }
    }

    /// The MCP servers whose tools may be named, with commas between them.
    #[must_use]
    pub fn with_mcp_servers(self, list: Option<&str>) -> Self {
        let servers = list.unwrap_or_default().split(',').map(str::trim).filter(|server| !server.is_empty());
        Self { mcp_servers: servers.map(str::to_owned).collect(), ..self }
    }

    /// Whose directory is a home directory even if it stands in an unusual place.
    #[must_use]
    pub fn with_home(self, home: Option<&str>) -> Self {
        Self { home: home.map(without_last_separators).map(str::to_owned), ..self }
    }

    /// Lets an event out. Its types hold closed lists, numbers and checked names; the three names that are the
    /// operator's to hold back pass here, wherever and under whatever options they were made.
    pub(crate) fn seal(
        &self,
        identity: &Identity,
        id: EventId,
        timestamp: Timestamp,
        mut payload: Payload,
    ) -> RedactedEvent {
        match &mut payload {
            Payload::Session(session) => {
                session.project = self.named(&session.project, identity).unwrap_or_else(unknown_project);
            }
            Payload::Activity(activity) => self.rename(&mut activity.project, identity),
            Payload::Tool(tool) => {
                self.rename(&mut tool.project, identity);
                tool.tool = self.tool(tool.tool.as_str());
                let known = path_field(&tool.tool).is_some();
                tool.context = tool.context.take().filter(|name| known && self.may_name(name));
            }
            Payload::Agent(agent) => self.rename(&mut agent.project, identity),
            Payload::Summary(_) | Payload::Error(_) => {}
        }
        RedactedEvent { id, timestamp, payload }
    }

    /// A tool's name if it is built in or of an MCP server that may be named, else `mcp` or `other`.
    pub(crate) fn tool(&self, name: &str) -> ToolName {
        let Some((server, _)) =
            name.strip_prefix(MCP_PREFIX).map(|rest| rest.split_once("__").unwrap_or((rest, "")))
        else {
            return BuiltInTool::or_fallback(name).into();
        };
        let named = self.mcp_servers.iter().any(|listed| listed == server).then(|| ToolName::of_mcp(name));
        named.flatten().unwrap_or(ToolName::MCP)
    }

    /// The basename of the file that a file tool works on.
    pub(crate) fn context(&self, tool: &ToolName, call: &RawCall<'_>) -> Option<BaseName> {
        let path = match path_field(tool)? {
            PathField::File => call.file_path,
            PathField::Notebook => call.notebook_path,
            PathField::Lsp => call.lsp_path,
        };
        let path = path?;
        let in_folder = path.contains(['/', '\\']);
        base_name(path).filter(|name| (in_folder || is_file_name(name.as_str())) && self.may_name(name))
    }

    /// A session's project: the last component of its working directory, or `~` for a home directory, whose own
    /// name is a person's.
    pub(crate) fn project(&self, directory: &str) -> Option<BaseName> {
        let own_home = self.home.as_deref() == Some(without_last_separators(directory));
        if own_home || is_home(directory) {
            return BaseName::new(HOME);
        }
        base_name(directory)
    }

    fn rename(&self, project: &mut Option<BaseName>, identity: &Identity) {
        *project = project.take().and_then(|project| self.named(&project, identity));
    }

    /// A project's name as it leaves. Words of our own say nothing and need no hash.
    fn named(&self, project: &BaseName, identity: &Identity) -> Option<BaseName> {
        let ours = matches!(project.as_str(), HOME | UNKNOWN);
        match self.projects {
            ProjectNames::Off => None,
            ProjectNames::Hash if !ours => Some(identity.project(project.as_str())),
            ProjectNames::Hash | ProjectNames::Basename => Some(project.clone()),
        }
    }

    fn may_name(&self, name: &BaseName) -> bool {
        let name = name.as_str();
        let sentence = name.contains(char::is_whitespace) && name.chars().count() > MAX_SPACED_NAME;
        let listed = |extensions: &Vec<String>| extensions.iter().any(|extension| name.ends_with(extension));
        self.context && !name.starts_with('.') && !sentence && self.extensions.as_ref().is_none_or(listed)
    }
}

enum PathField {
    File,
    Notebook,
    Lsp,
}

/// Where a file tool's input names its file; no other tool has a context.
fn path_field(tool: &ToolName) -> Option<PathField> {
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

/// Whether a word that stands where a path belongs, and has no folder in front of it, is a file's name: any word of a
/// text would pass for one otherwise, and in some scripts a whole sentence.
fn is_file_name(word: &str) -> bool {
    let is_extension = |text: &str| {
        (1..=MAX_EXTENSION).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let named = word.rsplit_once('.').is_some_and(|(_, extension)| is_extension(extension));
    !word.contains(char::is_whitespace) && (named || PLAIN_FILES.contains(&word))
}

/// Project of a session whose transcript names none.
pub(crate) fn unknown_project() -> BaseName {
    BaseName::new(UNKNOWN).expect("a plain word is a name")
}

/// A directory whose name is that of a person, by where it stands.
fn is_home(directory: &str) -> bool {
    let mut parts = directory.split(['/', '\\']).filter(|part| !part.is_empty()).rev();
    let (own, parent) = (parts.next(), parts.next());
    let in_homes = parent.is_some_and(|parent| HOMES.iter().any(|homes| homes.eq_ignore_ascii_case(parent)));
    in_homes || (own == Some("root") && parent.is_none())
}

fn without_last_separators(path: &str) -> &str {
    path.trim_end_matches(['/', '\\'])
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
