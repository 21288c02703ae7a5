//! The golden cases of `protocol/fixtures`, which every implementation of the two signed routes is held to.

use std::collections::HashSet;
use std::fmt::Write as _;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

/// The fixture files, without `.json`.
pub(crate) const FILES: [&str; 6] = ["accepted", "bodies", "fields", "payloads", "precedence", "live"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Route {
    Ingest,
    Events,
}

/// One request and what must come of it. Exactly one of the three bodies is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) route: Route,
    pub(crate) source: String,
    body: Option<String>,
    body_base64: Option<String>,
    body_parts: Option<Vec<Part>>,
    pub(crate) expect: Expect,
}

/// A piece of a body, repeated: for bodies too long to write out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    text: String,
    times: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) status: u16,
    pub(crate) error: Option<String>,
    /// The whole message.
    pub(crate) message: Option<String>,
    /// Pieces the message must hold.
    #[serde(default)]
    pub(crate) mentions: Vec<String>,
    pub(crate) inserted: Option<u64>,
    /// What the store holds afterwards, in order, compared as JSON values.
    pub(crate) stored: Option<Vec<Value>>,
}

/// What an implementation answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) error: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) inserted: Option<u64>,
    pub(crate) stored: Option<Vec<Value>>,
}

impl Case {
    pub(crate) fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64, &self.body_parts) {
            (Some(text), None, None) => text.clone().into_bytes(),
            (None, Some(text), None) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
            (None, None, Some(parts)) => {
                parts.iter().map(|part| part.text.repeat(part.times)).collect::<String>().into_bytes()
            }
            _ => panic!("{}: exactly one of body, bodyBase64 and bodyParts", self.name),
        }
    }

    /// Where the answer is not the one expected: one line for each difference, nothing where there is none.
    pub(crate) fn disagreement(&self, answer: &Answer) -> String {
        let mut told = String::new();
        let mut differ = |what: &str, expected: &dyn std::fmt::Debug, got: &dyn std::fmt::Debug| {
            writeln!(told, "{}: {what}: expected {expected:?}, got {got:?}", self.name).unwrap();
        };
        let expect = &self.expect;
        if expect.status != answer.status {
            differ("status", &expect.status, &answer.status);
        }
        if expect.error != answer.error {
            differ("error", &expect.error, &answer.error);
        }
        if expect.message.is_some() && expect.message != answer.message {
            differ("message", &expect.message, &answer.message);
        }
        let message = answer.message.as_deref().unwrap_or_default();
        if let Some(missing) = expect.mentions.iter().find(|piece| !message.contains(piece.as_str())) {
            differ("message holds", missing, &message);
        }
        if expect.inserted != answer.inserted {
            differ("inserted", &expect.inserted, &answer.inserted);
        }
        if expect.stored.is_some() && expect.stored != answer.stored {
            differ("stored", &expect.stored, &answer.stored);
        }
        told
    }
}

/// The cases of one file.
pub(crate) fn load(file: &str) -> Vec<Case> {
    let path = format!("{}/../protocol/fixtures/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cases of all files; their names and the ids of what they store are unique.
pub(crate) fn load_all() -> Vec<Case> {
    let cases: Vec<Case> = FILES.iter().flat_map(|file| load(file)).collect();
    let mut names = HashSet::new();
    let mut ids = HashSet::new();
    for case in &cases {
        assert!(names.insert(&case.name), "two cases are named {}", case.name);
        for event in case.expect.stored.iter().flatten() {
            assert!(ids.insert(event["id"].as_str().unwrap()), "{}: its id is another case's", case.name);
        }
    }
    cases
}
