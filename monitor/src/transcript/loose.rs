//! Reading JSON whose fields may be of any type: a value of an odd type is as if absent, never an error.
//!
//! One pass, borrowed where the text allows it; what nobody asks for is skipped without being built.

use std::borrow::Cow;

use super::json::{Json, Kind, NoJson};

/// Longest text that is looked at, in bytes; what follows is cut off.
pub(crate) const MAX_TEXT: usize = 4096;
/// Most items of a list that are kept.
const MAX_ITEMS: usize = 4096;
/// Bytes of a spoken text that are looked at first.
const OPENING: usize = 64;
/// So many of them without white space around them tell what kind of text it is.
const TELLING: usize = 32;
/// What a text that is wanted beyond its kind begins with.
pub(super) const NOTIFICATION: &str = "<task-notification>";

/// An object's fields, told one by one; a repeated field counts the last time.
pub(super) trait Fields<'de>: Default {
    /// Takes the value of this field, or skips it.
    fn field(&mut self, name: &str, json: &mut Json<'de>) -> Result<(), NoJson>;
}

/// The next value if it is a string, cut to [`MAX_TEXT`].
pub(super) fn text<'de>(json: &mut Json<'de>) -> Result<Option<Cow<'de, str>>, NoJson> {
    match json.kind()? {
        Kind::Text => json.string().and_then(|inner| beginning(inner, MAX_TEXT)).map(Some),
        _ => json.skip().map(|()| None),
    }
}

/// The next value if it is a string that somebody says: its opening, or as much as [`text`] gives of a notification and
/// of what the opening does not tell.
pub(super) fn spoken<'de>(json: &mut Json<'de>) -> Result<Option<Cow<'de, str>>, NoJson> {
    match json.kind()? {
        Kind::Text => json.string().and_then(opening).map(Some),
        _ => json.skip().map(|()| None),
    }
}

/// The next value if it is `true` or `false`.
pub(super) fn flag(json: &mut Json<'_>) -> Result<Option<bool>, NoJson> {
    match json.kind()? {
        Kind::Scalar => Ok(match json.scalar()? {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }),
        _ => json.skip().map(|()| None),
    }
}

/// The next value if it is an object.
pub(super) fn object_or_none<'de, T: Fields<'de>>(json: &mut Json<'de>) -> Result<Option<T>, NoJson> {
    if json.kind()? != Kind::Object {
        return json.skip().map(|()| None);
    }
    json.enter();
    let mut object = T::default();
    let mut first = true;
    while json.item(first, b'}')? {
        let name = beginning(json.name()?, MAX_TEXT)?;
        object.field(&name, json)?;
        first = false;
    }
    Ok(Some(object))
}

/// The next value if it is an object, otherwise one without fields.
pub(super) fn object<'de, T: Fields<'de>>(json: &mut Json<'de>) -> Result<T, NoJson> {
    object_or_none(json).map(Option::unwrap_or_default)
}

/// A string, a list of objects, or nothing.
#[derive(Default)]
pub(super) enum TextOrList<'de, T> {
    /// Neither.
    #[default]
    Absent,
    /// A string, as [`spoken`] gives it.
    Text(Cow<'de, str>),
    /// The objects of a list; what is no object is left out.
    List(Vec<T>),
}

/// The next value if it is a string or a list.
pub(super) fn text_or_list<'de, T: Fields<'de>>(json: &mut Json<'de>) -> Result<TextOrList<'de, T>, NoJson> {
    match json.kind()? {
        Kind::Text => json.string().and_then(opening).map(TextOrList::Text),
        Kind::List => {
            json.enter();
            let mut list = Vec::new();
            let mut first = true;
            while json.item(first, b']')? {
                let item = object_or_none(json)?;
                list.extend(item.filter(|_| list.len() < MAX_ITEMS));
                first = false;
            }
            Ok(TextOrList::List(list))
        }
        _ => json.skip().map(|()| TextOrList::Absent),
    }
}

/// What a spoken text begins with: answers and prompts are long, and nearly always their kind is all that is asked.
fn opening(inner: &[u8]) -> Result<Cow<'_, str>, NoJson> {
    if inner.len() > OPENING {
        let opening = beginning(inner, OPENING)?;
        let told = opening.trim();
        if told.len() >= TELLING && !told.starts_with(NOTIFICATION) {
            return Ok(opening);
        }
    }
    beginning(inner, MAX_TEXT)
}

/// What a string says; of a long one only the first `most` bytes are looked at.
fn beginning(inner: &[u8], most: usize) -> Result<Cow<'_, str>, NoJson> {
    let plain = cut(inner, most);
    let Some(escape) = memchr::memchr(b'\\', plain) else {
        let text = std::str::from_utf8(plain).map_err(|_| NoJson)?;
        return if plain.iter().any(|byte| *byte < b' ') { Err(NoJson) } else { Ok(Cow::Borrowed(text)) };
    };
    let end = enough(inner, escape, most);
    // what is left out may be the other half of a character
    let unescape = |inner: &[u8]| serde_json::from_slice::<String>(&[b"\"", inner, b"\""].concat());
    let mut text = match unescape(&inner[..end]) {
        Err(_) if end < inner.len() => unescape(inner),
        text => text,
    }
    .map_err(|_| NoJson)?;
    text.truncate(text.floor_char_boundary(most));
    Ok(Cow::Owned(text))
}

/// A place outside of escapes with at least `most` bytes of text before it, or the end. The first escape begins at
/// `first`.
fn enough(escaped: &[u8], first: usize, most: usize) -> usize {
    let (mut at, mut built) = (first, first);
    // each escape counts as the one byte that it gives at least
    while built < most && at < escaped.len() {
        at += if escaped.get(at + 1) == Some(&b'u') { 6 } else { 2 };
        let rest = escaped.get(at..).unwrap_or_default();
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len()).min(2 * most);
        at += plain;
        built += 1 + plain;
    }
    whole_characters(escaped, at)
}

/// At most so many bytes, whole characters.
fn cut(text: &[u8], most: usize) -> &[u8] {
    &text[..whole_characters(text, most)]
}

/// The last place up to `end` where no character is parted.
fn whole_characters(text: &[u8], end: usize) -> usize {
    let is_inside = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    let end = end.min(text.len());
    // a character has four bytes at most
    (end.saturating_sub(3)..=end).rev().find(|at| !is_inside(at)).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_beginning_of_a_text_is_that_of_the_whole(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["a", "é→", "\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "plain text"]), 0..40),
            times in 1..300_usize,
            run in 0..9000_usize,
        ) {
            let json = format!("\"{}{}{}\"", pieces.concat().repeat(times), "é".repeat(run), pieces.concat());
            let whole: String = serde_json::from_str(&json).unwrap();
            let text = text(&mut Json::new(json.as_bytes())).ok().flatten().unwrap();
            prop_assert_eq!(text.as_bytes(), cut(whole.as_bytes(), MAX_TEXT));
        }
    }

    proptest! {
        /// What is asked of a spoken text is whether it begins with a marker, whether it is one word, and what a
        /// notification holds.
        #[test]
        fn an_opening_tells_as_much_as_the_whole(
            blank in prop::sample::select(vec!["", " ", "\\n\\n", "\\t"]),
            blanks in 0..70_usize,
            first in prop::sample::select(vec![
                "Warmup", "W", "<task-notification>", "<task-notification", "<system-reminder>", "Caveat: é",
                "This session is being continued", "This session is being conti", "\\u003ctask-notification\\u003e"]),
            behind in prop::sample::select(vec!["", " ", "é", "\\\"quoted\\\" ", "<status>completed</status>"]),
            times in 0..90_usize,
        ) {
            let json = format!("\"{}{first}{}\"", blank.repeat(blanks), behind.repeat(times));
            let read = |ask: fn(&mut Json<'static>) -> Result<Option<Cow<'static, str>>, NoJson>| {
                ask(&mut Json::new(json.clone().leak().as_bytes())).ok().flatten().unwrap()
            };
            let (whole, opening) = (read(text), read(spoken));
            prop_assert!(whole.starts_with(&*opening));
            let told = |text: &str| text.trim_start().bytes().take(TELLING).collect::<Vec<_>>();
            prop_assert_eq!(told(&whole), told(&opening));
            prop_assert_eq!(whole.trim() == "Warmup", opening.trim() == "Warmup");
            if whole.trim_start().starts_with(NOTIFICATION) {
                prop_assert_eq!(whole, opening);
            }
        }
    }

    #[test]
    fn half_a_character_is_an_error_where_it_would_be_kept() {
        let read = |json: &str| text(&mut Json::new(json.as_bytes())).is_ok();
        assert!(!read("\"half \\ud83d\""));
        assert!(read(&format!("\"\\n{}\\ud83d\"", "a".repeat(MAX_TEXT))));
    }
}
