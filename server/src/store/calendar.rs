//! Hours, days and hours of the week in a time zone, on microseconds since 1970. The zones are those of the bundled
//! IANA database, so an answer does not depend on the machine.

use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::CountsBy;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};

const MICROS_PER_SECOND: i64 = 1_000_000;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);
/// Days from 1970 to the last day of the year 9999.
const LAST_DAY: i64 = 2_932_896;

/// Cuts time into buckets.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    name: String,
    by: CountsBy,
    period: Period,
}

/// A time without a change of the offset from UTC.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: i64,
    to: i64,
    offset: i64,
}

/// A bucket; they are in order of time, or of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// For an hour the moment it begins, for a day its number since 1970, for an hour of the week its number.
    key: i64,
    /// For an hour, microseconds from UTC.
    offset: i64,
}

impl Calendar {
    /// Of an IANA time zone; none where there is no such zone.
    pub fn new(name: &str, by: CountsBy) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        let name = zone.iana_name()?.to_owned();
        let period = Period::around(&zone, 0);
        Some(Self { zone, name, by, period })
    }

    /// The zone's name as the database spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is counted together.
    pub fn by(&self) -> CountsBy {
        self.by
    }

    /// The bucket of a moment.
    pub fn bucket(&mut self, micros: i64) -> Bucket {
        if !(self.period.from..self.period.to).contains(&micros) {
            self.period = Period::around(&self.zone, micros);
        }
        let Period { from, offset, .. } = self.period;
        let local = micros + offset;
        match self.by {
            CountsBy::Hour => {
                let begin = local - local.rem_euclid(MICROS_PER_HOUR) - offset;
                Bucket { key: begin.max(from), offset }
            }
            CountsBy::Day => Bucket { key: local.div_euclid(MICROS_PER_DAY), offset: 0 },
            CountsBy::HourOfWeek => {
                let weekday = (local.div_euclid(MICROS_PER_DAY) + 3).rem_euclid(7);
                let hour = local.rem_euclid(MICROS_PER_DAY) / MICROS_PER_HOUR;
                Bucket { key: weekday * 24 + hour, offset: 0 }
            }
        }
    }

    /// The bucket of a whole quarter of an hour (UTC); none where it lies in several.
    pub fn bucket_of_quarter(&mut self, quarter: i64) -> Option<Bucket> {
        let start = quarter * MICROS_PER_QUARTER;
        let bucket = self.bucket(start);
        let unit = if self.by == CountsBy::Day { MICROS_PER_DAY } else { MICROS_PER_HOUR };
        let in_unit = (start + self.period.offset).rem_euclid(unit);
        let end = start + MICROS_PER_QUARTER;
        (in_unit + MICROS_PER_QUARTER <= unit && end <= self.period.to).then_some(bucket)
    }

    /// Where an hour or a day begins, as local time with its offset.
    pub fn start(&self, bucket: Bucket) -> String {
        match self.by {
            CountsBy::Hour => local_time(bucket.key, bucket.offset),
            CountsBy::Day => self.start_of_day(bucket.key),
            CountsBy::HourOfWeek => String::new(),
        }
    }

    /// Weekday from 1 for Monday, and hour, of an hour of the week.
    pub fn hour_of_week(bucket: Bucket) -> (u8, u8) {
        let number = u8::try_from(bucket.key).unwrap_or_default();
        (number / 24 + 1, number % 24)
    }

    /// The first moment of a day; where the clocks skip midnight it is later.
    fn start_of_day(&self, day: i64) -> String {
        let midnight =
            EPOCH.saturating_add(day.min(LAST_DAY).days()).to_datetime(jiff::civil::Time::midnight());
        let first = self.zone.to_ambiguous_timestamp(midnight).compatible();
        let micros = match first {
            Ok(first) if day <= LAST_DAY => first.as_microsecond(),
            _ => {
                let guess = day * MICROS_PER_DAY;
                guess - Period::around(&self.zone, guess).offset
            }
        };
        local_time(micros, Period::around(&self.zone, micros).offset)
    }
}

impl Period {
    fn around(zone: &TimeZone, micros: i64) -> Self {
        let at = stamp(micros);
        let offset = zone.to_offset(at);
        let is_change = |transition: &jiff::tz::TimeZoneTransition<'_>| {
            let before = transition.timestamp().as_microsecond() - 1;
            zone.to_offset(stamp(before)) != transition.offset()
        };
        let from = zone.preceding(stamp(micros + 1)).find(is_change);
        let to = zone.following(at).find(is_change);
        Self {
            from: from.map_or(i64::MIN, |transition| transition.timestamp().as_microsecond()),
            to: to.map_or(i64::MAX, |transition| transition.timestamp().as_microsecond()),
            offset: i64::from(offset.seconds()) * MICROS_PER_SECOND,
        }
    }
}

/// The moment so many times 24 hours ago, not before 1970.
pub(super) fn days_before(now: Timestamp, days: u32) -> Timestamp {
    let micros = now.as_micros().saturating_sub(i64::from(days).saturating_mul(MICROS_PER_DAY));
    Timestamp::from_micros(micros.max(0)).unwrap_or(now)
}

/// The library's times end a day before ours do; nothing changes on that day.
fn stamp(micros: i64) -> jiff::Timestamp {
    let end = if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(micros).unwrap_or(end)
}

/// `YYYY-MM-DDThh:mm:ss±hh:mm`, with seconds in the offset where it has some.
fn local_time(micros: i64, offset: i64) -> String {
    let local = micros + offset;
    let days = local.div_euclid(MICROS_PER_DAY);
    let date = match EPOCH.checked_add(days.days()) {
        Ok(date) if days <= LAST_DAY => date.to_string(),
        // east of Greenwich the year 9999 ends early
        _ => format!("10000-01-{:02}", days - LAST_DAY),
    };
    let seconds = local.rem_euclid(MICROS_PER_DAY) / MICROS_PER_SECOND;
    let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    let offset = offset / MICROS_PER_SECOND;
    let mut text = format!(
        "{date}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        offset / 3600,
        offset / 60 % 60,
    );
    if offset % 60 != 0 {
        // writing to a String cannot fail
        let _ = write!(text, ":{:02}", offset % 60);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(zone: &str, by: CountsBy, moments: &[&str]) -> Vec<String> {
        let mut calendar = Calendar::new(zone, by).unwrap();
        let buckets = moments.iter().map(|text| {
            let micros = text.parse::<Timestamp>().unwrap().as_micros();
            let bucket = calendar.bucket(micros);
            calendar.start(bucket)
        });
        buckets.collect()
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let at = ["2026-11-25T04:40:00Z"];
        assert_eq!(starts("Asia/Kolkata", CountsBy::Hour, &at), ["2026-11-25T10:00:00+05:30"]);
        assert_eq!(starts("asia/kathmandu", CountsBy::Hour, &at), ["2026-11-25T10:00:00+05:45"]);
        assert_eq!(starts("America/St_Johns", CountsBy::Hour, &at), ["2026-11-25T01:00:00-03:30"]);
        assert_eq!(starts("UTC", CountsBy::Hour, &["1970-01-01T00:00:00Z"]), ["1970-01-01T00:00:00+00:00"]);
        assert_eq!(
            starts("America/New_York", CountsBy::Day, &["1970-01-01T00:00:00Z"]),
            ["1969-12-31T00:00:00-05:00"]
        );
        assert_eq!(
            starts("Africa/Monrovia", CountsBy::Hour, &["1971-01-01T12:00:00Z"]),
            ["1971-01-01T11:00:00-00:44:30"]
        );
    }

    #[test]
    fn an_hour_begins_where_the_clocks_begin_it() {
        // two o'clock does not come: half past one is followed by half past two
        let spring = ["2026-10-03T15:29:59Z", "2026-10-03T15:30:00Z"];
        assert_eq!(
            starts("Australia/Lord_Howe", CountsBy::Hour, &spring),
            ["2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00"]
        );
        // the second half of the hour comes twice
        let autumn = ["2026-04-04T14:59:59Z", "2026-04-04T15:00:00Z"];
        assert_eq!(
            starts("Australia/Lord_Howe", CountsBy::Hour, &autumn),
            ["2026-04-05T01:00:00+11:00", "2026-04-05T01:30:00+10:30"]
        );
        let berlin = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"];
        assert_eq!(
            starts("Europe/Berlin", CountsBy::Hour, &berlin),
            ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
        );
    }

    #[test]
    fn a_day_begins_at_its_first_moment() {
        assert_eq!(
            starts("Europe/Berlin", CountsBy::Day, &["2026-10-25T22:30:00Z"]),
            ["2026-10-25T00:00:00+02:00"]
        );
        assert_eq!(
            starts("America/Sao_Paulo", CountsBy::Day, &["2018-11-04T12:00:00Z"]),
            ["2018-11-04T01:00:00-02:00"]
        );
    }

    #[test]
    fn the_ends_of_time_have_buckets() {
        let end = ["9999-12-31T23:59:59.999999Z"];
        assert_eq!(starts("Pacific/Kiritimati", CountsBy::Hour, &end), ["10000-01-01T13:00:00+14:00"]);
        assert_eq!(starts("Pacific/Kiritimati", CountsBy::Day, &end), ["10000-01-01T00:00:00+14:00"]);
        assert_eq!(
            starts("Europe/Berlin", CountsBy::Day, &["9999-12-31T22:00:00Z"]),
            ["9999-12-31T00:00:00+01:00"]
        );
    }

    #[test]
    fn what_is_no_zone_is_none() {
        for name in ["", "Nowhere", "Europe/", "+02:00", "../etc/passwd", "Europe/Berlin "] {
            assert!(Calendar::new(name, CountsBy::Hour).is_none(), "{name}");
        }
    }
}
