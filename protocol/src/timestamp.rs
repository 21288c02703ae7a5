//! A moment with microseconds, as both stores keep it.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is no RFC 3339 date and time with an offset, or lies outside the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 timestamp with offset between the years 1970 and 9999")]
pub struct InvalidTimestamp;

const MAX_MICROS: i64 = 253_402_300_799_999_999;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Microseconds in an hour.
pub const MICROS_PER_HOUR: i64 = 3600 * MICROS_PER_SECOND;
/// Microseconds in a quarter of an hour, the unit in which counts are kept.
pub const MICROS_PER_QUARTER: i64 = 900 * MICROS_PER_SECOND;
/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

impl Timestamp {
    /// From microseconds since 1970; `None` outside the years 1970 to 9999.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < 0 || micros > MAX_MICROS { None } else { Some(Self(micros)) }
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole hours since 1970.
    pub const fn hours(self) -> i64 {
        self.0 / MICROS_PER_HOUR
    }

    /// Microseconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Digits below the microsecond are cut off, so that every store rounds alike.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text.as_bytes()).and_then(Self::from_micros).ok_or(InvalidTimestamp)
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Reads `YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm)` and nothing else. The calendar is the library's; the clock is read
/// here because general parsers take more spellings than RFC 3339 has, leap seconds that no store can hold,
/// and not the last day of the year 9999.
fn parse(text: &[u8]) -> Option<i64> {
    let (head, rest) = text.split_at_checked(19)?;
    let separators = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")];
    if separators.iter().any(|(at, byte)| head[*at] != byte[0]) || !matches!(head[10], b'T' | b't') {
        return None;
    }
    let year = number(&head[0..4], 9999)?;
    let month = number(&head[5..7], 12)?;
    let day = number(&head[8..10], 31)?;
    let date =
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let days = i64::from(EPOCH.until(date).ok()?.get_days());
    let seconds =
        number(&head[11..13], 23)? * 3600 + number(&head[14..16], 59)? * 60 + number(&head[17..19], 59)?;
    let (fraction, offset) = fraction_micros(rest)?;
    Some(days * MICROS_PER_DAY + (seconds - offset_seconds(offset)?) * MICROS_PER_SECOND + fraction)
}

/// Digits alone, at most `max`.
fn number(digits: &[u8], max: i64) -> Option<i64> {
    let value = digits
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))?;
    (value <= max).then_some(value)
}

/// Microseconds of an optional fraction of 1 to 9 digits, and what follows it.
fn fraction_micros(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', digits @ ..] = text else { return Some((0, text)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let micros =
        (0..6).fold(0, |value, at| value * 10 + if at < count { i64::from(digits[at] - b'0') } else { 0 });
    Some((micros, &digits[count..]))
}

fn offset_seconds(text: &[u8]) -> Option<i64> {
    match text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', m1, m2] if hours.len() == 2 => {
            let seconds = number(hours, 23)? * 3600 + number(&[*m1, *m2], 59)? * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

impl fmt::Display for Timestamp {
    /// UTC with milliseconds, or with microseconds where they are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0 / MICROS_PER_DAY;
        let date = EPOCH.checked_add(days.days()).map_err(|_| fmt::Error)?;
        let seconds = self.0 / MICROS_PER_SECOND % 86_400;
        let micros = self.0 % MICROS_PER_SECOND;
        write!(f, "{date}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros % 1000 == 0 { write!(f, ".{:03}Z", micros / 1000) } else { write!(f, ".{micros:06}Z") }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        text.parse::<Timestamp>().ok().map(|moment| moment.to_string())
    }

    #[test]
    fn offsets_become_utc_and_milliseconds_stay() {
        assert_eq!(utc("2026-02-03T14:30:00Z").unwrap(), "2026-02-03T14:30:00.000Z");
        assert_eq!(utc("2026-02-03T14:30:00.5+05:30").unwrap(), "2026-02-03T09:00:00.500Z");
        assert_eq!(utc("2026-02-03t14:30:00.123456789z").unwrap(), "2026-02-03T14:30:00.123456Z");
        assert_eq!(utc("2024-02-29T00:00:00-00:00").unwrap(), "2024-02-29T00:00:00.000Z");
        assert_eq!(utc("9999-12-31T23:59:59.999999Z").unwrap(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-02-03",
            "2026-02-03T14:30:00",
            "2026-02-03 14:30:00Z",
            "2026-13-45T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-02-03T24:00:00Z",
            "2026-02-03T23:59:60Z",
            "2026-02-03T14:30Z",
            "2026-02-03T14:30:00.Z",
            "2026-02-03T14:30:00.1234567890Z",
            "2026-02-03T14:30:00+0530",
            "2026-02-03T14:30:00+24:00",
            "2026-02-03T14:30:00Z[UTC]",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "+002026-02-03T14:30:00Z",
            "２026-02-03T14:30:00Z",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }
}
