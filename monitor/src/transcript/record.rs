//! The raw record types: private to `transcript`, borrowed from the line, and not `Serialize`.
//!
//! Only what some event needs is read. Tool output, answers, thinking, diffs and whatever else a record holds
//! is skipped where it stands.

use std::borrow::Cow;

use super::json::{Json, NoJson};
use super::loose::{Fields, TextOrList, flag, object, spoken, text, text_or_list};

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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "type" => self.kind = text(json)?,
            "uuid" => self.uuid = text(json)?,
            "sessionId" => self.session_id = text(json)?,
            "timestamp" => self.timestamp = text(json)?,
            "cwd" => self.cwd = text(json)?,
            "agentId" => self.agent_id = text(json)?,
            "isSidechain" => self.is_sidechain = flag(json)? == Some(true),
            "isMeta" => self.is_meta = flag(json)? == Some(true),
            "isCompactSummary" => self.is_compact_summary = flag(json)? == Some(true),
            "isApiErrorMessage" => self.is_api_error = flag(json)? == Some(true),
            "origin" => self.origin = object(json)?,
            "error" => self.error = text(json)?,
            "subtype" => self.subtype = text(json)?,
            "operation" => self.operation = text(json)?,
            "content" => self.queued = spoken(json)?,
            "leafUuid" => self.leaf_uuid = text(json)?,
            "message" => self.message = object(json)?,
            "toolUseResult" => self.tool_use_result = object(json)?,
            "progress" => self.progress = object(json)?,
            "toolUseID" => self.tool_use_id = text(json)?,
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "kind" => self.kind = text(json)?,
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "content" => self.content = text_or_list(json)?,
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "type" => self.kind = text(json)?,
            "text" => self.text = spoken(json)?,
            "id" => self.id = text(json)?,
            "name" => self.name = text(json)?,
            "input" => self.input = object(json)?,
            "tool_use_id" => self.tool_use_id = text(json)?,
            "is_error" => self.is_error = flag(json)? == Some(true),
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "file_path" => self.file_path = text(json)?,
            "notebook_path" => self.notebook_path = text(json)?,
            "filePath" => self.lsp_path = text(json)?,
            "subagent_type" => self.subagent_type = text(json)?,
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "status" => self.status = text(json)?,
            "agentId" => self.agent_id = text(json)?,
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "type" => self.kind = text(json)?,
            "tool_name" => self.tool_name = text(json)?,
            "result" => self.result = object(json)?,
            _ => json.skip()?,
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
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson> {
        match name {
            "success" => self.success = flag(json)?,
            _ => json.skip()?,
        }
        Ok(())
    }
}
