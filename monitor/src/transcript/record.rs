//! The raw record types: private to `transcript`, borrowed from the line, and not `Serialize`.
//!
//! Only what some event needs is read. Tool output, answers, thinking, diffs and whatever else a record holds
//! is skipped where it stands.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::loose::{Fields, TextOrList, flag, object, skip, text, value};

type Field<'a> = Option<Cow<'a, str>>;

/// One object of a transcript.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the format's own, each of its own meaning")]
pub(crate) struct Record<'a> {
    pub(super) kind: Field<'a>,
    pub(super) uuid: Field<'a>,
    pub(super) session_id: Field<'a>,
    pub(super) timestamp: Field<'a>,
    pub(super) cwd: Field<'a>,
    pub(super) agent_id: Field<'a>,
    pub(super) is_sidechain: bool,
    pub(super) is_meta: bool,
    pub(super) is_compact_summary: bool,
    pub(super) is_api_error: bool,
    pub(super) origin: Origin<'a>,
    pub(super) error: Field<'a>,
    pub(super) subtype: Field<'a>,
    pub(super) operation: Field<'a>,
    pub(super) queued: Field<'a>,
    pub(super) leaf_uuid: Field<'a>,
    pub(super) message: Message<'a>,
    pub(super) tool_use_result: ToolUseResult<'a>,
    pub(super) progress: LegacyProgress<'a>,
    pub(super) tool_use_id: Field<'a>,
}

impl<'de> Fields<'de> for Record<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = text(map)?,
            "uuid" => self.uuid = text(map)?,
            "sessionId" => self.session_id = text(map)?,
            "timestamp" => self.timestamp = text(map)?,
            "cwd" => self.cwd = text(map)?,
            "agentId" => self.agent_id = text(map)?,
            "isSidechain" => self.is_sidechain = flag(map)? == Some(true),
            "isMeta" => self.is_meta = flag(map)? == Some(true),
            "isCompactSummary" => self.is_compact_summary = flag(map)? == Some(true),
            "isApiErrorMessage" => self.is_api_error = flag(map)? == Some(true),
            "origin" => self.origin = object(map)?,
            "error" => self.error = text(map)?,
            "subtype" => self.subtype = text(map)?,
            "operation" => self.operation = text(map)?,
            "content" => self.queued = text(map)?,
            "leafUuid" => self.leaf_uuid = text(map)?,
            "message" => self.message = object(map)?,
            "toolUseResult" => self.tool_use_result = object(map)?,
            "progress" => self.progress = object(map)?,
            "toolUseID" => self.tool_use_id = text(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Who wrote a user record.
#[derive(Default)]
pub(super) struct Origin<'a> {
    pub(super) kind: Field<'a>,
}

impl<'de> Fields<'de> for Origin<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "kind" => self.kind = text(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// What was said.
#[derive(Default)]
pub(super) struct Message<'a> {
    pub(super) content: TextOrList<'a, Block<'a>>,
}

impl<'de> Fields<'de> for Message<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "content" => self.content = value(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// One block of a message; the content of a tool's result is not among its fields.
#[derive(Default)]
pub(super) struct Block<'a> {
    pub(super) kind: Field<'a>,
    pub(super) text: Field<'a>,
    pub(super) id: Field<'a>,
    pub(super) name: Field<'a>,
    pub(super) input: Input<'a>,
    pub(super) tool_use_id: Field<'a>,
    pub(super) is_error: bool,
}

impl<'de> Fields<'de> for Block<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = text(map)?,
            "text" => self.text = text(map)?,
            "id" => self.id = text(map)?,
            "name" => self.name = text(map)?,
            "input" => self.input = object(map)?,
            "tool_use_id" => self.tool_use_id = text(map)?,
            "is_error" => self.is_error = flag(map)? == Some(true),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The part of a tool call's input that privacy may look at.
#[derive(Default)]
pub(super) struct Input<'a> {
    pub(super) file_path: Field<'a>,
    pub(super) notebook_path: Field<'a>,
    pub(super) lsp_path: Field<'a>,
    pub(super) subagent_type: Field<'a>,
}

impl<'de> Fields<'de> for Input<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "file_path" => self.file_path = text(map)?,
            "notebook_path" => self.notebook_path = text(map)?,
            "filePath" => self.lsp_path = text(map)?,
            "subagent_type" => self.subagent_type = text(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// What the tool itself says of its result; an object for subagents, anything at all for others.
#[derive(Default)]
pub(super) struct ToolUseResult<'a> {
    pub(super) status: Field<'a>,
    pub(super) agent_id: Field<'a>,
}

impl<'de> Fields<'de> for ToolUseResult<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "status" => self.status = text(map)?,
            "agentId" => self.agent_id = text(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The older shape of a completed call.
#[derive(Default)]
pub(super) struct LegacyProgress<'a> {
    pub(super) kind: Field<'a>,
    pub(super) tool_name: Field<'a>,
    pub(super) result: LegacyResult,
}

impl<'de> Fields<'de> for LegacyProgress<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = text(map)?,
            "tool_name" => self.tool_name = text(map)?,
            "result" => self.result = object(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// How the older shape says whether it went well.
#[derive(Default)]
pub(super) struct LegacyResult {
    pub(super) success: Option<bool>,
}

impl<'de> Fields<'de> for LegacyResult {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "success" => self.success = flag(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
