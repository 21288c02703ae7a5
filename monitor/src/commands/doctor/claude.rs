//! The agent's folder: are there transcripts, and how long do they stay?

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use super::Line;
use crate::commands::text::{bytes, plural};
use crate::tail::{Limits, Tail};
use crate::transcript;

const TRANSCRIPTS: &str = "transcripts";
const CLEANUP: &str = "history cleanup";
/// What the agent does without a setting.
const DEFAULT_CLEANUP_DAYS: u32 = 30;

pub(super) fn check(claude_dir: &Path, lines: &mut Vec<Line>) {
    lines.push(transcripts(claude_dir));
    lines.push(cleanup(&claude_dir.join("settings.json")));
}

fn transcripts(claude_dir: &Path) -> Line {
    let projects = claude_dir.join("projects");
    let shown = projects.display();
    if let Err(error) = fs::read_dir(&projects) {
        return match error.kind() {
            ErrorKind::NotFound => Line::fail(
                TRANSCRIPTS,
                format!("there is no folder {shown}"),
                "start Claude Code once, or set claude_dir to the folder that it uses",
            ),
            kind => Line::fail(
                TRANSCRIPTS,
                format!("{shown} cannot be read: {kind}"),
                "give this user the right to read it",
            ),
        };
    }
    let mut tail =
        Tail::new(projects.clone(), |path| transcript::classify(path).is_some(), Limits::default(), []);
    let files = tail.list();
    let closed = files.iter().filter(|(path, _)| File::open(projects.join(path)).is_err()).count();
    let closed = (closed + tail.unreadable()) as u64;
    let size = files.iter().map(|(_, stat)| stat.size).sum();
    let found = format!(
        "{} with {} in {shown}",
        plural(files.len() as u64, "transcript", "transcripts"),
        bytes(size)
    );
    if closed > 0 {
        return Line::warn(
            TRANSCRIPTS,
            format!("{found}, but {} cannot be read", plural(closed, "file or folder", "files and folders")),
            format!("give this user the right to read everything in {shown}"),
        );
    }
    if files.is_empty() {
        return Line::warn(
            TRANSCRIPTS,
            found,
            "use Claude Code once, or set claude_dir to the folder that it uses",
        );
    }
    Line::pass(TRANSCRIPTS, found)
}

/// The one field of the agent's settings that is looked at; nothing else of them is kept.
#[derive(Deserialize)]
struct AgentSettings {
    #[serde(rename = "cleanupPeriodDays")]
    cleanup_period_days: Option<u32>,
}

fn cleanup(file: &Path) -> Line {
    let shown = file.display();
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => b"{}".to_vec(),
        Err(error) => return Line::unchecked(CLEANUP, format!("{shown} cannot be read: {}", error.kind())),
    };
    // the parser's message may quote what else is in there
    let Ok(AgentSettings { cleanup_period_days }) = serde_json::from_slice(&text) else {
        return Line::unchecked(
            CLEANUP,
            format!("{shown} does not say for how many days transcripts are kept"),
        );
    };
    let remedy = format!("set \"cleanupPeriodDays\": 365 in {shown} to keep them longer");
    match cleanup_period_days {
        None => Line::warn(
            CLEANUP,
            format!(
                "Claude Code deletes transcripts after {DEFAULT_CLEANUP_DAYS} days; what was read by then stays on the server"
            ),
            remedy,
        ),
        Some(days) if days <= DEFAULT_CLEANUP_DAYS => Line::warn(
            CLEANUP,
            format!(
                "Claude Code deletes transcripts after {}; what was read by then stays on the server",
                plural(days.into(), "day", "days")
            ),
            remedy,
        ),
        Some(days) => Line::pass(CLEANUP, format!("Claude Code keeps transcripts for {days} days")),
    }
}
