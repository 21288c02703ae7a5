//! The names an event of ours may carry: closed lists and checked short names, never free text.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_NAME_CHARS;

/// The text is not on the list, or has not the form, that the type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name of the kind that belongs here")]
pub struct InvalidName;

macro_rules! checked_string {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text).ok_or(InvalidName)
            }
        }
    };
}

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident, fallback $fallback:literal, [$($item:literal),* $(,)?]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(&'static str);

        impl $name {
            /// Every word of the list.
            pub const ALL: &'static [&'static str] = &[$($item),*];
            /// Stands for whatever is not on the list.
            pub const FALLBACK: Self = Self($fallback);

            /// The word if it is on the list.
            pub fn listed(word: &str) -> Option<Self> {
                Self::ALL.iter().find(|item| **item == word).map(|item| Self(item))
            }

            /// The word if it is on the list, otherwise the fallback.
            pub fn or_fallback(word: &str) -> Self {
                Self::listed(word).unwrap_or(Self::FALLBACK)
            }

            /// The word.
            pub const fn as_str(self) -> &'static str {
                self.0
            }
        }

        // by hand: the derive would want to borrow the word for ever
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::listed(&word).ok_or_else(|| serde::de::Error::custom(InvalidName))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}

closed_list!(
    /// Name of a built-in tool; `mcp` for tools of MCP servers, `other` for the rest.
    BuiltInTool, fallback "other",
    [
        "Agent", "AgentOutputTool", "AskUserQuestion", "Bash", "BashOutput", "CronCreate", "CronDelete",
        "CronList", "Edit", "EnterPlanMode", "EnterWorktree", "ExitPlanMode", "ExitWorktree", "Glob", "Grep",
        "KillBash", "KillShell", "LS", "LSP", "ListMcpResourcesTool", "Monitor", "MultiEdit", "NotebookEdit",
        "NotebookRead", "PowerShell", "Read", "ReadMcpResourceTool", "SendMessage", "Skill", "SlashCommand",
        "StructuredOutput", "Task", "TaskCreate", "TaskGet", "TaskList", "TaskOutput", "TaskStop",
        "TaskUpdate", "TeamCreate", "TeamDelete", "TodoRead", "TodoWrite", "ToolSearch", "WebFetch",
        "WebSearch", "Workflow", "Write", "mcp", "other",
    ]
);

/// Name of a tool: a word of [`BuiltInTool`], or the whole name of an MCP server's tool, `mcp__server__tool`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ToolName(Cow<'static, str>);

checked_string!(ToolName);

impl ToolName {
    /// A tool of any MCP server.
    pub const MCP: Self = Self(Cow::Borrowed("mcp"));

    /// The name if it is on the list or that of an MCP server's tool.
    pub fn new(name: &str) -> Option<Self> {
        BuiltInTool::listed(name).map(Self::from).or_else(|| Self::of_mcp(name))
    }

    /// The whole name of an MCP server's tool: `mcp__`, the server, `__` and the tool, each of ASCII letters, digits,
    /// `_` and `-`, up to 100 characters in all.
    pub fn of_mcp(name: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let (server, tool) = name.strip_prefix(MCP_PREFIX)?.split_once("__")?;
        let fits = !server.is_empty() && !tool.is_empty() && name.len() <= MAX_NAME_CHARS;
        (fits && name.chars().all(plain)).then(|| Self(Cow::Owned(name.to_owned())))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<BuiltInTool> for ToolName {
    fn from(tool: BuiltInTool) -> Self {
        Self(Cow::Borrowed(tool.as_str()))
    }
}

/// What the names of all tools of MCP servers begin with.
pub const MCP_PREFIX: &str = "mcp__";

closed_list!(
    /// Kind of a subagent; `custom` for those a person named.
    AgentType, fallback "custom",
    [
        "Explore", "Plan", "claude-code-guide", "custom", "general-purpose", "output-style-setup",
        "statusline-setup",
    ]
);

closed_list!(
    /// Why the agent could not reach its model; `api_retry` for an attempt that will be repeated.
    ErrorCategory, fallback "unknown",
    [
        "api_retry", "authentication_failed", "billing_error", "invalid_request", "max_output_tokens",
        "rate_limit", "server_error", "unknown",
    ]
);

/// One component of a path, such as a file's or a project's: 1 to 100 characters, no separator, no control
/// character, nothing invisible that reorders text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseName(String);

checked_string!(BaseName);

impl BaseName {
    /// The name if it is a plain path component; `.` and `..` are none.
    pub fn new(name: &str) -> Option<Self> {
        let plain = !name.is_empty()
            && !matches!(name, "." | "..")
            && name.chars().count() <= MAX_NAME_CHARS
            && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\') || is_format_char(c));
        plain.then(|| Self(name.to_owned()))
    }

    /// The last component of a path with either kind of separator; trailing separators are passed over.
    pub fn last_component(path: &str) -> Option<Self> {
        Self::new(path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next()?)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that show as nothing but change how their neighbours are shown.
fn is_format_char(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// A session's UUID, lower case with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionId([u8; 36]);

checked_string!(SessionId);

impl SessionId {
    /// The id if the text is a hyphenated UUID of either case.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes: [u8; 36] = text.as_bytes().try_into().ok()?;
        bytes.make_ascii_lowercase();
        let uuid = bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        uuid.then_some(Self(bytes))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Id of a subagent as it stands in its file's name: 1 to 40 characters of `0-9`, `a-f`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AgentId(String);

checked_string!(AgentId);

impl AgentId {
    /// The id if it has that form; anything with words in it has not.
    pub fn new(text: &str) -> Option<Self> {
        let form = (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
        form.then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_off_the_list_fall_back() {
        assert_eq!(BuiltInTool::or_fallback("Read").as_str(), "Read");
        assert_eq!(BuiltInTool::or_fallback("the customer's password").as_str(), "other");
        assert_eq!(AgentType::or_fallback("investor-relations").as_str(), "custom");
        assert_eq!(ErrorCategory::or_fallback("HTTP 500 for org_123").as_str(), "unknown");
        assert_eq!(ErrorCategory::or_fallback("rate_limit").as_str(), "rate_limit");
    }

    #[test]
    fn last_component_takes_both_separators() {
        let last = |path: &str| BaseName::last_component(path).map(|name| name.as_str().to_owned());
        assert_eq!(last("/home/user/src/auth.ts").unwrap(), "auth.ts");
        assert_eq!(last(r"C:\Users\user\src\auth.ts").unwrap(), "auth.ts");
        assert_eq!(last(r"C:\work/shop\").unwrap(), "shop");
        assert_eq!(last("auth.ts").unwrap(), "auth.ts");
        for none in ["", "/", "///", "a/..", "..", "x/\u{202e}gnp.exe", "x/a\nb"] {
            assert_eq!(last(none), None, "{none:?}");
        }
        assert_eq!(last(&"x".repeat(101)), None);
    }

    #[test]
    fn session_ids_are_uuids_only() {
        let capitals = SessionId::new("0CCF1A04-1b4c-43b6-8aa5-79e41db43a68").unwrap();
        assert_eq!(capitals.to_string(), "0ccf1a04-1b4c-43b6-8aa5-79e41db43a68");
        assert!(SessionId::new("my secret session").is_none());
        assert!(SessionId::new("0ccf1a041b4c43b68aa579e41db43a68----").is_none());
    }

    #[test]
    fn kept_names_are_checked_when_they_are_read_again() {
        let session = SessionId::new("0ccf1a04-1b4c-43b6-8aa5-79e41db43a68").unwrap();
        let kept = serde_json::to_string(&(ToolName::MCP, session, BaseName::new("shop"))).unwrap();
        let (tool, again, project) =
            serde_json::from_str::<(ToolName, SessionId, Option<BaseName>)>(&kept).unwrap();
        assert_eq!((tool, again, project), (ToolName::MCP, session, BaseName::new("shop")));
        assert!(serde_json::from_str::<ToolName>("\"Reed\"").is_err());
    }

    #[test]
    fn the_tool_of_an_mcp_server_is_a_short_plain_name() {
        assert_eq!(ToolName::new("mcp__acme__read_it").unwrap().as_str(), "mcp__acme__read_it");
        assert_eq!(ToolName::new("mcp"), Some(ToolName::MCP));
        let long = format!("mcp__acme__{}", "x".repeat(90));
        for text in
            ["mcp__acme", "mcp____read", "mcp__acme__", "mcp__a b__c", "mcp__acme__wörd", "acme__read", &long]
        {
            assert_eq!(ToolName::new(text), None, "{text}");
        }
        assert!(serde_json::from_str::<BaseName>("\"a/b\"").is_err());
        assert!(serde_json::from_str::<AgentId>("\"acompact-1\"").is_err());
    }

    #[test]
    fn agent_ids_are_hexadecimal_only() {
        assert_eq!(AgentId::new("a5bdbc1").unwrap().as_str(), "a5bdbc1");
        assert!(AgentId::new("acompact-1").is_none());
        assert!(AgentId::new("").is_none());
    }
}
