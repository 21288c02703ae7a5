//! One text for every JSON value, whichever store kept it: SQLite keeps a payload as it was sent, PostgreSQL keeps
//! what it means.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use vibetea_protocol::limits::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH};

use super::number::Number;

/// Why a payload has no canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// It is no JSON that an event can have.
    #[error("it is not JSON")]
    NotJson,
    /// It is nested too deep.
    #[error("nested deeper than {MAX_PAYLOAD_DEPTH} levels")]
    TooDeep,
}

/// The canonical text of a JSON value: no white space; keys in the order of their code points, the last of equal
/// ones; strings with the shortest escapes and no needless ones; numbers as [`Number`] writes them. Equal for
/// texts that PostgreSQL's `jsonb` holds to be equal, and never longer than 16 KiB where the text was not.
pub fn canonical(json: &str) -> Result<String, CanonicalError> {
    let mut out = String::with_capacity(json.len());
    write(&mut out, json, Number::write_readable, 1)?;
    // an export must be let in again: where plain digits would make it too long, numbers are as short as can be
    if out.len() > MAX_PAYLOAD_BYTES {
        out.clear();
        write(&mut out, json, Number::write_short, 1)?;
    }
    Ok(out)
}

type WriteNumber = fn(&Number, &mut String);

fn write(out: &mut String, json: &str, number: WriteNumber, depth: usize) -> Result<(), CanonicalError> {
    match json.as_bytes().first() {
        Some(b'{' | b'[') if depth > MAX_PAYLOAD_DEPTH => Err(CanonicalError::TooDeep),
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = read(json)?;
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                separate(out, at);
                write_string(out, key)?;
                out.push(':');
                write(out, value.get(), number, depth + 1)?;
            }
            out.push('}');
            Ok(())
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = read(json)?;
            out.push('[');
            for (at, value) in elements.iter().enumerate() {
                separate(out, at);
                write(out, value.get(), number, depth + 1)?;
            }
            out.push(']');
            Ok(())
        }
        // what needs an escape has one already, and nothing else has
        Some(b'"') if !json.contains('\\') => {
            out.push_str(json);
            Ok(())
        }
        Some(b'"') => write_string(out, &read::<String>(json)?),
        Some(b'-' | b'0'..=b'9') => {
            number(&Number::read(json).ok_or(CanonicalError::NotJson)?, out);
            Ok(())
        }
        _ if matches!(json, "true" | "false" | "null") => {
            out.push_str(json);
            Ok(())
        }
        _ => Err(CanonicalError::NotJson),
    }
}

fn read<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, CanonicalError> {
    serde_json::from_str(json).map_err(|_| CanonicalError::NotJson)
}

fn separate(out: &mut String, at: usize) {
    if at > 0 {
        out.push(',');
    }
}

fn write_string(out: &mut String, text: &str) -> Result<(), CanonicalError> {
    out.push_str(&serde_json::to_string(text).map_err(|_| CanonicalError::NotJson)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_become_one_text() {
        for (json, text) in [
            (r#"{ "b" : 1 , "a" : [ true , null ] }"#, r#"{"a":[true,null],"b":1}"#),
            (r#"{"a":1,"b":2,"a":{"c":3}}"#, r#"{"a":{"c":3},"b":2}"#),
            (r#"{"\u0061":"\u00e9\/\u000a\u001F\ud83d\ude00"}"#, "{\"a\":\"é/\\n\\u001f😀\"}"),
            (r#"{"aa":1,"b":2,"B":3,"é":4,"z":5}"#, r#"{"B":3,"aa":1,"b":2,"z":5,"é":4}"#),
            (r#"{"n":[1e2,1.50,-0,0.0,1E-3]}"#, r#"{"n":[100,1.5,0,0,0.001]}"#),
        ] {
            assert_eq!(canonical(json).unwrap(), text);
            assert_eq!(canonical(text).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_payload_is_refused() {
        for json in ["", "{", "{\"a\":01}", "{\"a\":nul}", r#"{"a":"\ud800"}"#, "{\"a\":\"\n\"}", "{} {}"] {
            assert_eq!(canonical(json), Err(CanonicalError::NotJson), "{json}");
        }
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(canonical(&nested(MAX_PAYLOAD_DEPTH)).is_ok());
        assert_eq!(canonical(&nested(MAX_PAYLOAD_DEPTH + 1)), Err(CanonicalError::TooDeep));
    }

    #[test]
    fn the_text_of_a_payload_is_never_too_long_for_an_event() {
        let numbers = vec!["1e9"; 4000].join(",");
        let json = format!("{{\"n\":[{numbers}]}}");
        assert!(json.len() <= MAX_PAYLOAD_BYTES);
        assert_eq!(canonical(&json).unwrap(), json);
        let plain = json.replace("1e9", "1000000000");
        assert!(plain.len() > MAX_PAYLOAD_BYTES);
        assert_eq!(canonical(&plain).unwrap(), json);
    }
}
