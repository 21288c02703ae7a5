//! A moment with microseconds, as both stores keep it.

use std::fmt;
use std::str::FromStr;

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
        if !has_rfc3339_shape(text.as_bytes()) {
            return Err(InvalidTimestamp);
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        let micros = moment.as_nanosecond().div_euclid(1000);
        i64::try_from(micros).ok().and_then(Self::from_micros).ok_or(InvalidTimestamp)
    }
}

/// Whether the text is `YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm)`; the calendar itself is left to the parser,
/// which takes more spellings than RFC 3339 has, and a leap second that no store can hold.
fn has_rfc3339_shape(text: &[u8]) -> bool {
    let Some((head, mut rest)) = text.split_at_checked(19) else { return false };
    let digits = |range: std::ops::Range<usize>| head[range].iter().all(u8::is_ascii_digit);
    let fixed = digits(0..4)
        && head[4] == b'-'
        && digits(5..7)
        && head[7] == b'-'
        && digits(8..10)
        && matches!(head[10], b'T' | b't')
        && digits(11..13)
        && head[13] == b':'
        && digits(14..16)
        && head[16] == b':'
        && digits(17..19);
    if !fixed || head[17] > b'5' {
        return false;
    }
    if let [b'.', fraction @ ..] = rest {
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > 9 {
            return false;
        }
        rest = &fraction[count..];
    }
    match rest {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            let two = |high: &u8, low: &u8, max: u8| {
                high.is_ascii_digit() && low.is_ascii_digit() && (high - b'0') * 10 + (low - b'0') <= max
            };
            two(h1, h2, 23) && two(m1, m2, 59)
        }
        _ => false,
    }
}

impl fmt::Display for Timestamp {
    /// UTC with milliseconds, or with microseconds where they are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_microsecond(self.0).map_err(|_| fmt::Error)?;
        let digits = if self.0 % 1000 == 0 { 3 } else { 6 };
        write!(f, "{moment:.digits$}")
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
