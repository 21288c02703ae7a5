//! What an event of our monitor says, by type. Fields hold enums, numbers and checked names only.

use serde::Serialize;

use crate::event_type::EventType;
use crate::names::{AgentId, AgentType, BaseName, ErrorCategory, SessionId, ToolName};
use crate::safe::{Described, Description, Field, safe};

/// A payload; on the wire the fields alone, as the event names the type.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A session started or ended.
    Session(SessionPayload),
    /// A person typed something.
    Activity(ActivityPayload),
    /// A tool was called or came back.
    Tool(ToolPayload),
    /// A subagent changed its state.
    Agent(AgentPayload),
    /// A session was summed up.
    Summary(SummaryPayload),
    /// The agent could not reach its model.
    Error(ErrorPayload),
}

impl Payload {
    /// The event type that goes with it.
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::Session(_) => EventType::Session,
            Self::Activity(_) => EventType::Activity,
            Self::Tool(_) => EventType::Tool,
            Self::Agent(_) => EventType::Agent,
            Self::Summary(_) => EventType::Summary,
            Self::Error(_) => EventType::Error,
        }
    }

    /// The payload as compact JSON.
    pub fn to_json(&self) -> String {
        match self {
            Self::Session(payload) => json(payload),
            Self::Activity(payload) => json(payload),
            Self::Tool(payload) => json(payload),
            Self::Agent(payload) => json(payload),
            Self::Summary(payload) => json(payload),
            Self::Error(payload) => json(payload),
        }
    }
}

/// Every event with its payload.
pub const DESCRIPTIONS: [Description; EventType::ALL.len()] = [
    Description::of::<SessionPayload>(EventType::Session),
    Description::of::<ActivityPayload>(EventType::Activity),
    Description::of::<ToolPayload>(EventType::Tool),
    Description::of::<AgentPayload>(EventType::Agent),
    Description::of::<SummaryPayload>(EventType::Summary),
    Description::of::<ErrorPayload>(EventType::Error),
];

/// Only what describes itself, and so has safe fields alone, is written.
fn json<P: Described + Serialize>(payload: &P) -> String {
    // structs of strings, numbers and enums always serialise
    serde_json::to_string(payload).unwrap_or_default()
}

/// Declares payloads: the structs as they are written, their description, and that every field's type is [`Safe`].
///
/// The two lines of documentation of a struct and the line of each field are the text of `docs/PRIVACY.md`.
macro_rules! payload {
    ($(
        #[doc = $about:literal]
        #[doc = $never:literal]
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $(
                #[doc = $says:literal]
                $(#[$field_attribute:meta])*
                pub $field:ident: $type:ty,
            )*
        }
    )*) => {
        $(
            #[doc = $about]
            #[doc = $never]
            $(#[$attribute])*
            pub struct $name {
                $(
                    #[doc = $says]
                    $(#[$field_attribute])*
                    pub $field: $type,
                )*
            }

            impl Described for $name {
                const ABOUT: &'static str = $about;
                const NEVER: &'static str = $never;
                const FIELDS: &'static [Field] = &[$(Field::of::<$type>(stringify!($field), $says)),*];
            }
        )*
    };
}

payload! {
    /// A session started or ended.
    /// Never sent: what the session is about: its title, its summary, its plan.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
    #[serde(rename_all = "camelCase")]
    pub struct SessionPayload {
        /// The session.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub session_id: SessionId,
        /// Started or ended.
        pub action: SessionAction,
        /// Last component of the directory the session was started in; `unknown` where the transcript names none.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub project: BaseName,
    }

    /// A person typed something.
    /// Never sent: what was typed, pasted or attached.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
    #[serde(rename_all = "camelCase")]
    pub struct ActivityPayload {
        /// The session.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub session_id: SessionId,
        /// Last component of the directory the session was started in.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub project: Option<BaseName>,
    }

    /// A tool was called or came back.
    /// Never sent: commands, patterns, queries, addresses, file contents, diffs, output, error texts, and the names of MCP servers and their tools.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
    #[serde(rename_all = "camelCase")]
    pub struct ToolPayload {
        /// The session, the parent's for a subagent.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub session_id: SessionId,
        /// The tool.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub tool: ToolName,
        /// Called or come back.
        pub status: ToolStatus,
        /// Basename of the file a file tool worked on.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub context: Option<BaseName>,
        /// Last component of the directory the session was started in.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub project: Option<BaseName>,
        /// Whether a completed call did what it should.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        pub success: Option<bool>,
        /// Milliseconds from call to result.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
        pub duration_ms: Option<u64>,
        /// The subagent that called it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub agent_id: Option<AgentId>,
    }

    /// A subagent started, completed or failed.
    /// Never sent: its prompt, its answer, and names that you gave to subagents.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
    #[serde(rename_all = "camelCase")]
    pub struct AgentPayload {
        /// The session that started it.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub session_id: SessionId,
        /// Where it stands.
        pub state: AgentState,
        /// Last component of the directory the session was started in.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub project: Option<BaseName>,
        /// The subagent, once its result names it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub agent_id: Option<AgentId>,
        /// Its kind.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
        pub agent_type: Option<AgentType>,
    }

    /// A session was summed up.
    /// Never sent: the summary.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
    #[serde(rename_all = "camelCase")]
    pub struct SummaryPayload {
        /// The session.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub session_id: SessionId,
        /// Always the same words.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub summary: FixedSummary,
    }

    /// The agent could not reach its model.
    /// Never sent: the error's text, headers and request ids.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
    #[serde(rename_all = "camelCase")]
    pub struct ErrorPayload {
        /// The session.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub session_id: SessionId,
        /// The kind of failure.
        #[cfg_attr(feature = "typescript", ts(type = "string"))]
        pub category: ErrorCategory,
    }
}

/// What a session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SessionAction {
    /// Its first record.
    Started,
    /// Its last record before a long silence.
    Ended,
}

/// Where a tool call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ToolStatus {
    /// Called.
    Started,
    /// Come back, well or badly.
    Completed,
}

/// Where a subagent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Called.
    Started,
    /// Done.
    Completed,
    /// Given up, refused or broken.
    Failed,
}

/// The only summary that leaves a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FixedSummary {
    /// `Session ended`.
    #[serde(rename = "Session ended")]
    SessionEnded,
}

safe! {
    SessionAction: "`started` or `ended`",
    ToolStatus: "`started` or `completed`",
    AgentState: "`started`, `completed` or `failed`",
    FixedSummary: "`Session ended`",
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<T: Serialize + crate::safe::Safe>(all: &[T]) -> (String, &'static str) {
        let words: Vec<String> =
            all.iter().map(|word| serde_json::to_string(word).unwrap().replace('"', "`")).collect();
        let (final_word, others) = words.split_last().unwrap();
        let said = match others {
            [] => final_word.clone(),
            others => format!("{} or {final_word}", others.join(", ")),
        };
        (said, T::HOLDS)
    }

    #[test]
    fn closed_types_hold_the_words_that_they_say() {
        for (words, said) in [
            words(&[SessionAction::Started, SessionAction::Ended]),
            words(&[ToolStatus::Started, ToolStatus::Completed]),
            words(&[AgentState::Started, AgentState::Completed, AgentState::Failed]),
            words(&[FixedSummary::SessionEnded]),
            words(&EventType::ALL),
        ] {
            assert_eq!(words, said);
        }
    }

    #[test]
    fn every_event_is_described() {
        assert_eq!(DESCRIPTIONS.map(|description| description.event_type), EventType::ALL);
    }

    #[test]
    fn what_is_described_is_what_is_sent() {
        let session_id = SessionId::new("0ccf1a04-1b4c-43b6-8aa5-79e41db43a68").unwrap();
        let (project, agent_id) = (BaseName::new("shop"), AgentId::new("a5bdbc1"));
        let tool = ToolPayload {
            session_id,
            tool: ToolName::MCP,
            status: ToolStatus::Completed,
            context: BaseName::new("a.rs"),
            project: project.clone(),
            success: Some(true),
            duration_ms: Some(1),
            agent_id: agent_id.clone(),
        };
        let agent = AgentPayload {
            session_id,
            state: AgentState::Failed,
            project,
            agent_id,
            agent_type: Some(AgentType::FALLBACK),
        };
        for (payload, fields) in
            [(Payload::Tool(tool), ToolPayload::FIELDS), (Payload::Agent(agent), AgentPayload::FIELDS)]
        {
            let sent: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&payload.to_json()).unwrap();
            let mut described: Vec<String> = fields.iter().map(Field::wire_name).collect();
            described.sort();
            assert_eq!(sent.keys().cloned().collect::<Vec<_>>(), described);
        }
    }
}
