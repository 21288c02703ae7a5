//! What a transcript says: lines to raw records, records to observations. No I/O, no memory beyond one file's
//! small state, and nothing of it may leave: `privacy` decides that.

mod session;

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

/// What the file at this path below the projects folder is; `None` for files that are not followed.
pub fn classify(relative_path: &str) -> Option<FileKind> {
    let mut parts = relative_path.split(['/', '\\']).filter(|part| !part.is_empty());
    let depth = parts.clone().count();
    let stem = parts.next_back()?.strip_suffix(".jsonl")?;
    if let Some(agent) = stem.strip_prefix("agent-") {
        let copy = ["acompact", "aside_question"].iter().any(|kind| agent.starts_with(kind));
        return (depth >= 2 && !copy).then_some(FileKind::Agent);
    }
    (depth == 2 && stem != "journal").then_some(FileKind::Main)
}
