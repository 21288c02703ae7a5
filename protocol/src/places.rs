//! How many decimal places a number may have: those that PostgreSQL has room for.

/// Most decimal places of its numbers, and the largest exponent that is let in.
const MAX_PLACES: i64 = 16_383;

/// Whether every number of a JSON text has room. The text was parsed before.
pub(crate) fn have_room(json: &str) -> bool {
    let mut rest = json.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => behind_string(after),
            b'-' | b'0'..=b'9' => {
                let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let end = after.iter().position(|byte| !in_number(byte)).unwrap_or(after.len());
                if !has_room(&after[..end]) {
                    return false;
                }
                &after[end..]
            }
            _ => after,
        };
    }
    true
}

fn behind_string(mut text: &[u8]) -> &[u8] {
    loop {
        match text {
            [b'"', rest @ ..] => return rest,
            [b'\\', _, rest @ ..] | [_, rest @ ..] => text = rest,
            [] => return text,
        }
    }
}

fn has_room(number: &[u8]) -> bool {
    let (mantissa, power) = match number.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&number[..at], std::str::from_utf8(&number[at + 1..]).ok().and_then(|e| e.parse().ok())),
        None => (number, Some(0_i64)),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let places = point.map_or(0, |at| i64::try_from(mantissa.len() - at - 1).unwrap_or(i64::MAX));
    power.is_some_and(|power| power <= MAX_PLACES && places.saturating_sub(power) <= MAX_PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_room_up_to_the_last_place() {
        for (json, room) in [
            (r#"{"a":"1e-99999","b\"1e-99999":[1.5,-0,1e308]}"#, true),
            (r#"{"a":1e-16383}"#, true),
            (r#"{"a":[1e-16384]}"#, false),
            (r#"{"a":0.1e-16382}"#, true),
            (r#"{"a":-0.1E-16383}"#, false),
            (r#"{"a":0e+16383}"#, true),
            (r#"{"a":0e16384}"#, false),
            (r#"{"a":0e-99999999999999999999}"#, false),
            (r#"{"a":"\\","b":0e99999999999999999999}"#, false),
        ] {
            assert_eq!(have_room(json), room, "{json}");
        }
    }
}
