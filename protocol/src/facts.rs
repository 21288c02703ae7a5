//! What a payload tells: the fields that are known, in one walk over the JSON text, whoever sent it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::limits::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH};
use crate::places;

/// The known fields at the top level of a payload, borrowed from it. A field of another kind than is known
/// counts as missing; of a repeated one the last counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// `sessionId`.
    pub session: Option<Cow<'a, str>>,
    /// `project`.
    pub project: Option<Cow<'a, str>>,
    /// `tool`.
    pub tool: Option<Cow<'a, str>>,
    /// `agentId`.
    pub agent_id: Option<Cow<'a, str>>,
    /// `agentType`.
    pub agent_type: Option<Cow<'a, str>>,
    /// `action`, of a session.
    pub action: Option<Step>,
    /// `status`, of a tool call.
    pub status: Option<Step>,
    /// `state`, of a subagent.
    pub state: Option<Step>,
    /// `success`, of a tool call.
    pub success: Option<bool>,
    /// `durationMs`, cut to whole milliseconds.
    pub duration_ms: Option<u64>,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `started`.
    Started,
    /// `completed`.
    Completed,
    /// `failed`.
    Failed,
    /// `ended`.
    Ended,
}

impl<'a> Facts<'a> {
    /// Reads a payload from a sender and checks it: an object, at most 16 KiB and 16 levels, no NUL, every
    /// string and number one that both stores can hold. The error says what is wrong.
    pub fn checked(payload: &'a str) -> Result<Self, String> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(format!("{} bytes, at most {MAX_PAYLOAD_BYTES} are allowed", payload.len()));
        }
        if !payload.starts_with('{') {
            return Err("an object is required".to_owned());
        }
        let mut facts = Self::default();
        let has_fractions = facts.read(payload).map_err(|error| {
            // the parser's own message may quote the text; only our own sentences are passed on
            if error.is_data() && error.to_string().starts_with(OURS) {
                let message = error.to_string();
                message[OURS.len()..].split(" at line ").next().unwrap_or_default().to_owned()
            } else {
                UNSTORABLE.to_owned()
            }
        })?;
        if has_fractions && !places::have_room(payload) {
            return Err(UNSTORABLE.to_owned());
        }
        Ok(facts)
    }

    /// Reads a payload that was checked before it was stored; what cannot be read tells nothing.
    pub fn of(payload: &'a str) -> Self {
        let mut facts = Self::default();
        match facts.read(payload) {
            Ok(_) => facts,
            Err(_) => Self::default(),
        }
    }

    /// Answers whether a number has a fraction, an exponent or too many digits for a whole number here.
    fn read(&mut self, payload: &'a str) -> serde_json::Result<bool> {
        let mut reader = serde_json::Deserializer::from_str(payload);
        let fractions = Cell::new(false);
        Walk { depth: 1, kept: false, facts: Some(self), fractions: &fractions }.deserialize(&mut reader)?;
        Ok(fractions.get())
    }

    /// Whether a session event says that the session ended.
    pub fn is_end(&self) -> bool {
        self.action == Some(Step::Ended)
    }

    /// Where a tool call stands; one that came back without success failed.
    pub fn tool_step(&self) -> Option<Step> {
        match self.status {
            Some(Step::Completed) if self.success == Some(false) => Some(Step::Failed),
            Some(Step::Ended) => None,
            step => step,
        }
    }

    /// Where a subagent stands.
    pub fn agent_step(&self) -> Option<Step> {
        self.state.filter(|step| *step != Step::Ended)
    }

    fn set(&mut self, field: Field, value: Scalar<'a>) {
        match field {
            Field::Session => self.session = value.text(),
            Field::Project => self.project = value.text(),
            Field::Tool => self.tool = value.text(),
            Field::AgentId => self.agent_id = value.text(),
            Field::AgentType => self.agent_type = value.text(),
            Field::Action => self.action = value.step(),
            Field::Status => self.status = value.step(),
            Field::State => self.state = value.step(),
            Field::Success => self.success = if let Scalar::Bool(value) = value { Some(value) } else { None },
            Field::Duration => self.duration_ms = value.whole(),
        }
    }
}

#[derive(Clone, Copy)]
enum Field {
    Session,
    Project,
    Tool,
    AgentId,
    AgentType,
    Action,
    Status,
    State,
    Success,
    Duration,
}

impl Field {
    fn of(key: &str) -> Option<Self> {
        Some(match key {
            "sessionId" => Self::Session,
            "project" => Self::Project,
            "tool" => Self::Tool,
            "agentId" => Self::AgentId,
            "agentType" => Self::AgentType,
            "action" => Self::Action,
            "status" => Self::Status,
            "state" => Self::State,
            "success" => Self::Success,
            "durationMs" => Self::Duration,
            _ => return None,
        })
    }
}

enum Scalar<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Whole(u64),
    Float(f64),
    Other,
}

impl<'a> Scalar<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn step(self) -> Option<Step> {
        Some(match self.text()?.as_ref() {
            "started" => Step::Started,
            "completed" => Step::Completed,
            "failed" => Step::Failed,
            "ended" => Step::Ended,
            _ => return None,
        })
    }

    fn whole(self) -> Option<u64> {
        match self {
            Self::Whole(value) => Some(value),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; cut")]
            Self::Float(value) if value >= 0.0 => Some(value as u64),
            _ => None,
        }
    }
}

const OURS: &str = "payload: ";
const UNSTORABLE: &str = "it holds a string or number that cannot be stored";

struct Walk<'p, 'a> {
    depth: usize,
    /// Whether the value is wanted.
    kept: bool,
    /// Where to put what is known, at the top level alone.
    facts: Option<&'p mut Facts<'a>>,
    /// Whether a number was no whole one.
    fractions: &'p Cell<bool>,
}

impl<'a> DeserializeSeed<'a> for Walk<'_, 'a> {
    type Value = Scalar<'a>;

    fn deserialize<D: de::Deserializer<'a>>(self, deserializer: D) -> Result<Scalar<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_, '_> {
    fn level<E: de::Error>(&self) -> Result<(), E> {
        if self.depth > MAX_PAYLOAD_DEPTH {
            return Err(E::custom(format_args!("{OURS}nested deeper than {MAX_PAYLOAD_DEPTH} levels")));
        }
        Ok(())
    }
}

fn no_nul<E: de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') { Err(E::custom(format_args!("{OURS}it holds a NUL character"))) } else { Ok(()) }
}

impl<'a> Visitor<'a> for Walk<'_, 'a> {
    type Value = Scalar<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar<'a>, E> {
        Ok(u64::try_from(value).map_or(Scalar::Other, Scalar::Whole))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar<'a>, E> {
        self.fractions.set(true);
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<Scalar<'a>, E> {
        no_nul(text)?;
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar<'a>, E> {
        no_nul(text)?;
        Ok(if self.kept { Scalar::Text(Cow::Owned(text.to_owned())) } else { Scalar::Other })
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Scalar<'a>, A::Error> {
        self.level()?;
        let fractions = self.fractions;
        let walk = || Walk { depth: self.depth + 1, kept: false, facts: None, fractions };
        while seq.next_element_seed(walk())?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Scalar<'a>, A::Error> {
        self.level()?;
        while let Some(key) = map.next_key::<Text<'a>>()? {
            no_nul(&key.0)?;
            let field = if self.facts.is_some() { Field::of(&key.0) } else { None };
            let kept = field.is_some();
            let walk = Walk { depth: self.depth + 1, kept, facts: None, fractions: self.fractions };
            let value = map.next_value_seed(walk)?;
            if let (Some(facts), Some(field)) = (&mut self.facts, field) {
                facts.set(field, value);
            }
        }
        Ok(Scalar::Other)
    }
}

/// A string, borrowed where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_are_read_and_all_others_are_passed_over() {
        let facts = Facts::of(
            r#"{"x":{"tool":"no"},"sessionId":"s","project":"shop","tool":"R\u0065ad","status":"completed","success":false,"durationMs":12.9,"agentId":"a1"}"#,
        );
        assert_eq!(facts.session.as_deref(), Some("s"));
        assert_eq!(facts.project.as_deref(), Some("shop"));
        assert_eq!(facts.tool.as_deref(), Some("Read"));
        assert_eq!(facts.agent_id.as_deref(), Some("a1"));
        assert_eq!((facts.tool_step(), facts.duration_ms), (Some(Step::Failed), Some(12)));
        assert_eq!((facts.agent_step(), facts.is_end()), (None, false));
    }

    #[test]
    fn fields_of_another_kind_count_as_missing_and_the_last_of_several_counts() {
        let facts = Facts::of(
            r#"{"sessionId":7,"tool":"Read","tool":null,"durationMs":-3,"status":"paused","success":"no"}"#,
        );
        assert_eq!(facts, Facts::default());
        assert_eq!(Facts::of(r#"{"durationMs":1e300}"#).duration_ms, Some(u64::MAX));
        assert_eq!(Facts::of("no JSON"), Facts::default());
    }
}
