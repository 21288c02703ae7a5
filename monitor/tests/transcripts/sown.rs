//! Transcripts every text and every key of which can be known again wherever it turns up.

use serde_json::{Value, json};

use crate::harness::SESSION;
use crate::lines::{call, notice, prompt, record, result};
use crate::quiet::quiet_records;

/// What the texts are made of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Made {
    /// Letters that no id has, to be looked for.
    OfLetters,
    /// Anything at all, to make a difference: any length, any characters.
    OfAnything,
}

/// Unique texts, the same for the same seed.
pub(crate) struct Canaries {
    state: u64,
    made: Made,
    pub(crate) words: Vec<String>,
}

const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Pieces of texts that something might stumble over.
const ODDITIES: &[&str] = &[
    "\"",
    "\\",
    "/",
    "\n",
    "\0",
    "\u{1b}[31m",
    "é",
    "字",
    "😀",
    "\u{202e}",
    "{\"",
    "\"type\":\"user\"",
    "<status>failed</status>",
    "toolu_1",
    "Read",
    "mcp__",
    "true",
    "/home/dev",
    " ",
    ".env",
    "Warmup",
    "evt_",
    "https://",
    "\u{2028}",
    "%2e",
];

impl Canaries {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(Made::OfLetters, seed)
    }

    pub(crate) fn of(made: Made, seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, made, words: Vec::new() }
    }

    fn dice(&mut self, sides: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % sides as u64).unwrap()
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(LETTERS[self.dice(20)])).collect()
    }

    /// A word of letters, whatever the others are made of: where a text decides what happens.
    pub(crate) fn word(&mut self) -> String {
        let word = self.letters(14);
        self.words.push(word.clone());
        word
    }

    fn next(&mut self) -> String {
        if self.made == Made::OfLetters {
            return self.word();
        }
        // what stands in front keeps it from being one of the texts that mean something
        let mut text = String::from("QX");
        let pieces = match self.dice(500) {
            0 => 3000,
            most => 1 + most % 20,
        };
        for _ in 0..self.dice(pieces) {
            match self.dice(3) {
                0 => text.push_str(ODDITIES[self.dice(ODDITIES.len())]),
                length => text.push_str(&self.letters(length)),
            }
        }
        self.words.push(text.clone());
        text
    }

    /// What may stand between two separators.
    fn folder(&mut self) -> String {
        let text = self.next();
        let plain = |c: &char| !matches!(c, '/' | '\\' | ':') && !c.is_control();
        text.chars().filter(plain).take(200).collect()
    }

    /// A text where a path belongs: nothing in it separates, and it ends like no file's name.
    fn no_path(&mut self) -> String {
        self.folder().replace('.', "")
    }

    /// Every object gets fields and every list items that nobody knows.
    pub(crate) fn sprinkle(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for field in fields.values_mut() {
                    self.sprinkle(field);
                }
                for odd in [json!(self.next()), json!({"file_path": self.next()}), json!([self.next()])] {
                    fields.insert(self.next(), odd);
                }
            }
            Value::Array(items) => {
                for item in items.iter_mut() {
                    self.sprinkle(item);
                }
                items.push(json!(self.next()));
                items.push(json!({"type": self.next(), "text": format!("[Request interrupted by user {}", self.next())}));
            }
            _ => {}
        }
    }

    /// A path below folders of no concern, with a harmless name.
    fn path(&mut self, name: &str) -> String {
        format!("/{}/{}/{name}", self.folder(), self.folder())
    }

    fn spoken(&mut self) -> Vec<Value> {
        let mut asked = prompt("u1", 0, &self.next());
        asked["cwd"] = json!(self.path("shop"));
        asked["gitBranch"] = json!(self.next());
        asked["slug"] = json!(self.next());
        asked["permissionMode"] = json!(self.next());
        let content = json!([
            {"type": "thinking", "thinking": self.next(), "signature": self.next()},
            {"type": "text", "text": self.next()},
            {"type": "image", "source": {"data": self.next()}},
        ]);
        let message =
            json!({"id": self.next(), "model": self.next(), "content": content, "usage": {self.next(): 1}});
        let told = record("assistant", "a1", 1, &json!({"message": message, "requestId": self.next()}));
        let failed =
            json!({"isApiErrorMessage": true, "error": self.next(), "message": {"content": self.next()}});
        let retry = json!({"subtype": "api_error", "error": {"message": self.next(), "headers": {self.next(): self.next()}}});
        vec![asked, told, record("assistant", "e1", 1, &failed), record("system", "e2", 1, &retry)]
    }

    fn tools(&mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        let tools = [
            "Read",
            "Edit",
            "NotebookEdit",
            "LSP",
            "Bash",
            "Grep",
            "WebFetch",
            "Task",
            "TodoWrite",
            "mcp__",
            "",
        ];
        for (index, tool) in tools.iter().enumerate() {
            let name = match *tool {
                "mcp__" => format!("mcp__{}__{}", self.next(), self.next()),
                "" => self.next(),
                known => known.to_owned(),
            };
            let input = json!({
                "file_path": self.path("plain.rs"), "notebook_path": self.path("plain.ipynb"),
                "filePath": self.path("plain.ts"), "path": self.path(&self.next_name()), "command": self.next(),
                "description": self.next(), "pattern": self.next(), "url": self.next(), "prompt": self.next(),
                "subagent_type": self.next(), "old_string": self.next(), "todos": [{"content": self.next()}],
            });
            let id = format!("toolu_{}{index}", self.word());
            let minute = u32::try_from(index).unwrap() + 2;
            lines.push(call(&format!("c{index}"), minute, &id, &name, &input));
            let block =
                json!({"content": [{"type": "text", "text": self.next()}], "is_error": index % 3 == 0});
            let said = match index % 4 {
                0 => json!(self.next()),
                1 => json!([self.next()]),
                _ => json!({"stdout": self.next(), "agentId": self.next(), "status": self.next(),
                    "file": {"filePath": self.next(), "content": self.next()}}),
            };
            lines.push(result(&format!("r{index}"), minute, &id, &block, &said));
        }
        let waits = format!("toolu_{}", self.word());
        lines.push(result(
            "r99",
            20,
            &waits,
            &json!({"content": self.next()}),
            &json!({"agentId": self.next()}),
        ));
        let odd_path = json!({"file_path": format!("{}\n{} {}", self.next(), self.next(), self.next())});
        lines.push(call("c99", 20, "toolu_odd", "Read", &odd_path));
        for (tool, field) in [("Write", "file_path"), ("NotebookEdit", "notebook_path"), ("LSP", "filePath")]
        {
            for text in [self.no_path(), format!("{} {}", self.no_path(), self.no_path())] {
                let id = format!("toolu_{}", self.word());
                lines.push(call(&format!("t{}", lines.len()), 20, &id, tool, &json!({field: text})));
            }
        }
        lines.push(call(
            "c98",
            20,
            "toolu_hidden",
            "Write",
            &json!({"file_path": format!("/x/.{}", self.folder())}),
        ));
        lines
    }

    fn next_name(&self) -> String {
        format!("{}.rs", self.words.len())
    }

    fn others(&mut self) -> Vec<Value> {
        let elements =
            format!("<task-id>{}</task-id><status>completed</status><{}>x", self.word(), self.word());
        let hook = json!({"data": {"type": "hook_progress", "hookName": self.next(), "command": self.next()},
            "toolUseID": self.next()});
        let older = json!({"progress": {"type": "PostToolUse", "tool_name": self.next(),
            "result": {"success": true, "output": self.next()}}});
        vec![
            prompt("n1", 30, &notice(&elements)),
            json!({"type": "queue-operation", "operation": "enqueue", "content": self.next(), "sessionId": self.next()}),
            json!({"type": "summary", "summary": self.next(), "leafUuid": "a1"}),
            json!({"type": "summary", "summary": self.next(), "leafUuid": self.next()}),
            json!({"type": "last-prompt", "lastPrompt": self.next(), "sessionId": SESSION}),
            json!({"type": "ai-title", "title": self.next(), "sessionId": SESSION}),
            json!({"type": "file-history-snapshot", "snapshot": {"trackedFileBackups": {self.next(): self.next()}}}),
            record(
                "attachment",
                "t1",
                31,
                &json!({"attachment": {"type": "hook_success", "stdout": self.next()}}),
            ),
            record("pr-link", "t2", 31, &json!({"prUrl": self.next()})),
            record("progress", "p1", 31, &hook),
            record("progress", "p2", 31, &older),
            record(&self.next(), "x1", 32, &json!({"message": {"content": self.next()}})),
            record(
                "user",
                &self.next(),
                33,
                &json!({"agentId": self.next(), "sessionId": self.next(),
                "origin": {"kind": self.next()}, "message": {"content": self.next()}}),
            ),
            prompt("u9", 99, &self.next()),
        ]
    }

    /// Every other text becomes one of ours but for those that say what a record is.
    fn mark(&mut self, value: &mut Value) {
        const KEPT: [&str; 7] =
            ["type", "subtype", "operation", "uuid", "leafUuid", "timestamp", "sessionId"];
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if !value.is_string() || !KEPT.contains(&name.as_str()) {
                        self.mark(value);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.mark(item);
                }
            }
            Value::String(text) => *text = self.next(),
            _ => {}
        }
    }

    /// What a record that says something says of its circumstances.
    fn mark_envelope(&mut self, line: &mut Value) {
        for field in ["version", "userType", "gitBranch"] {
            if line[field].is_string() {
                line[field] = json!(self.next());
            }
        }
        if line["message"]["role"].is_string() {
            line["message"]["role"] = json!(self.next());
        }
    }

    fn quiet(&mut self) -> Vec<Value> {
        let mut records = quiet_records();
        for record in &mut records {
            self.mark(record);
        }
        records
    }

    /// A whole transcript of lines, every text and every key of which is a canary where it may be.
    pub(crate) fn transcript(&mut self) -> Vec<Value> {
        let mut speaking = [self.spoken(), self.tools(), self.others()].concat();
        for line in &mut speaking {
            self.mark_envelope(line);
        }
        let mut lines = [speaking, self.quiet()].concat();
        for line in &mut lines {
            self.sprinkle(line);
        }
        lines
    }
}
