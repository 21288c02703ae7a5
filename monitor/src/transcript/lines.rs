//! One line's bytes to its records, whatever state the line is in.

use std::borrow::Cow;

use super::json::{Json, NoJson};
use super::loose::object_or_none;
use super::record::Record;

/// What a damaged line may cost: bytes parsed in search of a whole record, as a multiple of the line's length.
const SEARCH_BUDGET: usize = 16;
/// The same for short lines.
const LEAST_SEARCH: usize = 1 << 20;
/// What it costs to try one place.
const TRY_COST: usize = 256;
/// Most objects that are read from one line.
const MAX_OBJECTS: usize = 64;

/// What was read from one line.
#[derive(Default)]
pub(crate) struct Reading<'a> {
    /// The objects, in their order.
    pub(crate) records: Vec<Record<'a>>,
    /// Whether something of the line is no object, or is an object in part.
    pub(crate) damaged: bool,
}

/// What a line had to be made into before it could be read.
#[derive(Default)]
pub(crate) struct Mended {
    replaced: Option<String>,
    whole: Option<String>,
}

/// Reads every object of a line. Half a record with a whole one behind it gives the whole one.
///
/// Records are borrowed from `line`, or from `mended` where the line had to be mended first.
pub(crate) fn read<'a>(line: &'a [u8], mended: &'a mut Mended) -> Reading<'a> {
    // nearly every line is nothing but records, and only what is looked at has to be text
    let mut reading = Reading::default();
    if objects(line, &mut reading).is_ok() {
        return reading;
    }
    let Mended { replaced, whole } = mended;
    match text_of(line) {
        Cow::Borrowed(text) => read_text(text, whole),
        Cow::Owned(text) => read_text(replaced.insert(text), whole),
    }
}

/// A line's text: bad UTF-8 replaced, byte order mark and surrounding white space gone.
fn text_of(line: &[u8]) -> Cow<'_, str> {
    let trim = |c: char| c.is_whitespace() || c == '\u{feff}';
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(trim)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(trim).to_owned()),
    }
}

/// Reads what is not records alone.
fn read_text<'a>(text: &'a str, mended: &'a mut Option<String>) -> Reading<'a> {
    let mut reading = Reading {
        damaged: text.starts_with('\0') && text.trim_matches('\0').is_empty(),
        ..Reading::default()
    };
    let text = text.trim_matches('\0');
    let Err(stopped) = objects(text.as_bytes(), &mut reading) else { return reading };
    *mended = without_lone_surrogates(text);
    let Some(text) = mended.as_deref() else { return recovered(&text[stopped.start..], reading) };
    reading = Reading::default();
    match objects(text.as_bytes(), &mut reading) {
        Ok(()) => reading,
        Err(stopped) => recovered(&text[stopped.start..], reading),
    }
}

/// What was read before, and what can be saved of the rest.
fn recovered<'a>(rest: &'a str, mut reading: Reading<'a>) -> Reading<'a> {
    match whole_record_behind(rest) {
        Some(found) => reading.records.extend(found),
        None => reading.damaged = true,
    }
    reading
}

/// Where reading stopped: at the value that begins at `start`, after `parsed` bytes of the text.
struct Stopped {
    start: usize,
    parsed: usize,
}

/// Appends the text's objects up to the first thing that is no JSON.
fn objects<'a>(text: &'a [u8], reading: &mut Reading<'a>) -> Result<(), Stopped> {
    let mut json = Json::new(text);
    reading.records.reserve_exact(1);
    while json.peek().is_some() {
        let start = json.position();
        match object_or_none(&mut json) {
            Ok(Some(record)) if reading.records.len() < MAX_OBJECTS => reading.records.push(record),
            Ok(_) => reading.damaged = true,
            Err(NoJson) => return Err(Stopped { start, parsed: json.position() }),
        }
    }
    Ok(())
}

/// Looks for the first later `{"` from which the text reads to its end as records.
fn whole_record_behind(text: &str) -> Option<Vec<Record<'_>>> {
    let mut budget = text.len().saturating_mul(SEARCH_BUDGET).max(LEAST_SEARCH);
    let mut from = 1;
    while let Some(at) = text.get(from..)?.find("{\"") {
        let start = from + at;
        let mut reading = Reading::default();
        match objects(&text.as_bytes()[start..], &mut reading) {
            Ok(()) if !reading.damaged && reading.records.iter().all(is_whole) => {
                return Some(reading.records);
            }
            Ok(()) => budget = budget.saturating_sub(text.len() - start),
            Err(stopped) => budget = budget.checked_sub(stopped.parsed + TRY_COST)?,
        }
        from = start + 1;
    }
    None
}

/// Told from the objects that records hold by what only records have.
fn is_whole(record: &Record<'_>) -> bool {
    let header = record.header();
    header.is_known() && header.timestamp.is_some()
}

/// A copy with every `\ud8xx` that has no partner replaced, where there is any: such text is written by programs
/// that cut strings between two halves of a character, and no strict parser takes it.
fn without_lone_surrogates(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        match (surrogate(bytes, at), surrogate(bytes, at + 6)) {
            (Some(Half::High), Some(Half::Low)) => at += 12,
            (Some(_), _) => {
                mended.push_str(&text[copied..at]);
                mended.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // an escape of two bytes, the second of which may be a backslash
            (None, _) => at = (at + 2).min(bytes.len()),
        }
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(&text[copied..]);
    Some(mended)
}

enum Half {
    High,
    Low,
}

/// Which half of a character the escape at this place is.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    let [b'\\', b'u', b'd' | b'D', second, third, fourth] = bytes.get(at..at + 6)? else { return None };
    if !third.is_ascii_hexdigit() || !fourth.is_ascii_hexdigit() {
        return None;
    }
    match second {
        b'8' | b'9' | b'a' | b'A' | b'b' | b'B' => Some(Half::High),
        b'c'..=b'f' | b'C'..=b'F' => Some(Half::Low),
        _ => None,
    }
}
