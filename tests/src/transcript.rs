//! Writes transcripts in the shapes of real ones, and knows what must come of every line.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use vibetea_protocol::Timestamp;

use crate::oracle::Natural;

/// A session whose file grows line by line: a prompt, then calls and their results in turn.
#[derive(Debug)]
pub struct Session {
    id: String,
    number: u32,
    project: String,
    lines: u32,
}

/// One line, without its newline, and what must come of it.
#[derive(Debug, Clone)]
pub struct Line {
    /// JSON.
    pub text: String,
    /// Its events.
    pub events: Vec<(Natural, Timestamp)>,
}

impl Session {
    /// The session of this number, in the project of this name.
    pub fn new(number: u32, project: &str) -> Self {
        Self { id: uuid(number, u32::MAX), number, project: project.to_owned(), lines: 0 }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where its file stands below a folder with `projects` in it.
    pub fn path(&self, claude: &Path) -> PathBuf {
        claude.join("projects").join(format!("-home-dev-{}", self.project)).join(format!("{}.jsonl", self.id))
    }

    /// Its next line, said at `now`.
    pub fn next_line(&mut self, now: Timestamp) -> Line {
        let place = self.lines;
        self.lines += 1;
        let record = uuid(self.number, place);
        // a call's result is on the next line
        let call = format!("toolu_{:08x}{:08x}", self.number, place.saturating_sub(1) / 2);
        let (kind, message, natural) = match place {
            0 => (
                "user",
                json!({"role": "user", "content": "Grüße, bitte den Fehler suchen – 你好 🍵"}),
                Natural::Activity(record.clone()),
            ),
            _ if place % 2 == 1 => (
                "assistant",
                json!({"role": "assistant", "id": format!("msg_{record}"), "model": "m", "content": [
                    {"type": "tool_use", "id": call, "name": "Read",
                     "input": {"file_path": format!("/home/dev/{}/src/Übersicht{place}.rs", self.project)}}]}),
                Natural::ToolStarted(call.clone()),
            ),
            _ => (
                "user",
                json!({"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": call, "content": "fn main() {} // 🍵 and more"}]}),
                Natural::ToolCompleted(call.clone()),
            ),
        };
        let text = json!({
            "parentUuid": null, "isSidechain": false, "userType": "external",
            "cwd": format!("/home/dev/{}", self.project), "sessionId": self.id, "version": "2.1.30",
            "gitBranch": "main", "type": kind, "message": message, "uuid": record, "timestamp": now,
        });
        let mut events = vec![(natural, now)];
        if place == 0 {
            events.push((Natural::SessionStarted(self.id.clone()), now));
        }
        Line { text: text.to_string(), events }
    }
}

/// Appends lines to a file as a writer does that flushes wherever its buffer ends.
#[derive(Debug)]
pub struct Appender {
    file: File,
}

impl Appender {
    /// Opens the file, with its folders, for appending.
    pub fn open(path: &Path) -> Self {
        let folder = path.parent().expect("a transcript stands in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let file =
            OpenOptions::new().create(true).append(true).open(path).expect("a transcript can be opened");
        Self { file }
    }

    /// Writes these bytes now.
    pub fn write(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).expect("a transcript can be written");
    }

    /// Writes a line with its newline in one piece.
    pub fn line(&mut self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }
}

fn uuid(high: u32, low: u32) -> String {
    format!("{high:08x}-7ea0-4000-8000-0000{low:08x}")
}
