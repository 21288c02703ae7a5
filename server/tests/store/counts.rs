//! Counts by hour, day and hour of the week in a time zone, against a recount with another calendar.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::CountsBy;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_server::store::{Calendar, CountsQuestion, Range, SourceFilter, Store};

use crate::home::cases;
use crate::model::{Made, events, send, sources, tally};
use crate::support::{Place, at, clear};

/// Zones with half hours and quarters, and for each a moment near which its clocks change, if they ever do.
const ZONES: [(&str, &str); 8] = [
    ("Asia/Kolkata", "2026-02-03T18:30:00Z"),
    ("Asia/Kathmandu", "2026-02-03T18:15:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("America/St_Johns", "2026-03-08T05:30:00Z"),
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("Africa/Monrovia", "1972-01-07T00:44:30Z"),
];

/// A bucket by date, hour and offset; the minutes of its start are left to the calendar's own tests.
type Bucket = (String, Option<String>);

#[derive(Debug, Clone)]
struct Question {
    zone: &'static str,
    from: i64,
    to: i64,
    sources: SourceFilter,
    split: bool,
}

impl Question {
    fn recount(&self, events: &[Made], by: CountsBy) -> Vec<(Bucket, u64)> {
        let zone = TimeZone::get(self.zone).unwrap();
        let counted = events.iter().filter(|event| {
            (self.from..self.to).contains(&event.micros) && self.sources.admits(event.source_name())
        });
        let keys = counted.map(|event| {
            let local = jiff::Timestamp::from_microsecond(event.micros).unwrap().to_zoned(zone.clone());
            let key = match by {
                CountsBy::Hour => {
                    (local.strftime("%Y-%m-%dT%H").to_string(), local.offset().seconds().to_string())
                }
                CountsBy::Day => (local.date().to_string(), String::new()),
                CountsBy::HourOfWeek => {
                    (local.weekday().to_monday_one_offset().to_string(), format!("{:02}", local.hour()))
                }
            };
            (format!("{} {}", key.0, key.1), self.split.then(|| event.source_name().to_owned()))
        });
        tally(keys).into_iter().collect()
    }

    async fn ask(&self, store: &Store, by: CountsBy) -> Vec<(Bucket, u64)> {
        let moment = |micros| Timestamp::from_micros(micros);
        let question = CountsQuestion {
            sources: self.sources.clone(),
            range: Range::new(moment(self.from), moment(self.to)),
            split: self.split,
        };
        let answer = store.counts(question, Calendar::new(self.zone, by).unwrap()).await.unwrap();
        let mut rows: Vec<(Bucket, u64)> = match (answer.counts, answer.hours_of_week) {
            (Some(counts), None) => counts
                .into_iter()
                .map(|row| {
                    let key = match by {
                        CountsBy::Hour => {
                            format!("{} {}", &row.start[..13], offset_seconds(&row.start[19..]))
                        }
                        _ => format!("{} ", &row.start[..10]),
                    };
                    ((key, row.source), row.event_count)
                })
                .collect(),
            (None, Some(hours)) => hours
                .into_iter()
                .map(|row| ((format!("{} {:02}", row.weekday, row.hour), row.source), row.event_count))
                .collect(),
            both => panic!("{both:?}"),
        };
        assert_eq!(answer.total, rows.iter().map(|row| row.1).sum::<u64>());
        rows.sort();
        rows
    }
}

/// Of `+05:30` or `-00:44:30`.
fn offset_seconds(text: &str) -> i64 {
    let seconds = text[1..].split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
    let seconds = if text.len() == 6 { seconds * 60 } else { seconds };
    if text.starts_with('-') { -seconds } else { seconds }
}

fn near(center: i64) -> impl Strategy<Value = i64> {
    let spread = prop_oneof![
        -1..=1_i64,
        -2 * MICROS_PER_QUARTER..=2 * MICROS_PER_QUARTER,
        -3 * MICROS_PER_HOUR..=3 * MICROS_PER_HOUR,
        -3 * MICROS_PER_DAY..=3 * MICROS_PER_DAY,
        (-8..=8_i64).prop_map(|count| count * MICROS_PER_QUARTER),
    ];
    spread.prop_map(move |off| center + off)
}

fn case() -> impl Strategy<Value = (Vec<Made>, Question)> {
    prop::sample::select(&ZONES[..]).prop_flat_map(|(zone, change)| {
        let center = at(change).as_micros();
        let question =
            (near(center), near(center), sources(), any::<bool>()).prop_map(move |(a, b, sources, split)| {
                Question { zone, from: a.min(b), to: a.max(b), sources, split }
            });
        (events(near(center), 80), question)
    })
}

const WAYS: [CountsBy; 3] = [CountsBy::Hour, CountsBy::Day, CountsBy::HourOfWeek];

#[test]
fn counts_in_any_zone_equal_a_plain_recount() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases(100)) };
    let outcome = TestRunner::new(config).run(&case(), |(events, question)| {
        runtime.block_on(async {
            clear(&place);
            send(&store, &events).await;
            for by in WAYS {
                let whole = Question { from: 0, to: i64::MAX / 2, ..question.clone() };
                for question in [&question, &whole] {
                    prop_assert_eq!(
                        question.ask(&store, by).await,
                        question.recount(&events, by),
                        "{:?}",
                        by
                    );
                }
            }
            Ok(())
        })
    });
    runtime.block_on(store.close());
    outcome.unwrap();
}

/// The recount tells a wrong zone and a wrong edge apart.
#[tokio::test]
async fn recount_catches_planted_mistakes() {
    let place = Place::new();
    let store = place.open().await;
    let change = at("2026-10-25T01:00:00Z").as_micros();
    let mut made = Vec::new();
    for (number, off) in
        [-MICROS_PER_HOUR, -1, 0, MICROS_PER_HOUR - 1, MICROS_PER_HOUR].into_iter().enumerate()
    {
        made.push(Made {
            number: number as u64,
            source: 0,
            micros: change + off,
            event_type: vibetea_protocol::EventType::Activity,
            payload: serde_json::json!({}),
        });
    }
    send(&store, &made).await;
    let question = Question {
        zone: "Europe/Berlin",
        from: change - 1,
        to: change + MICROS_PER_HOUR,
        sources: SourceFilter::All,
        split: false,
    };
    let right = question.recount(&made, CountsBy::Hour);
    assert_eq!(question.ask(&store, CountsBy::Hour).await, right);
    assert_eq!(right.len(), 2, "the hour that comes twice is two");
    for wrong in [
        Question { zone: "Etc/GMT-2", ..question.clone() },
        Question { from: question.from + 1, ..question.clone() },
        Question { to: question.to + 1, ..question.clone() },
    ] {
        assert_ne!(wrong.ask(&store, CountsBy::Hour).await, right, "{wrong:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn the_ends_of_time_are_counted() {
    let place = Place::new();
    let store = place.open().await;
    let last = at("9999-12-31T23:59:59.999999Z").as_micros();
    let made: Vec<Made> = [0, last]
        .into_iter()
        .zip(0..)
        .map(|(micros, number)| Made {
            number,
            source: 0,
            micros,
            event_type: vibetea_protocol::EventType::Activity,
            payload: serde_json::json!({}),
        })
        .collect();
    send(&store, &made).await;
    for zone in ["America/New_York", "Pacific/Kiritimati", "UTC", "Africa/Monrovia"] {
        for by in WAYS {
            let question =
                Question { zone, from: 0, to: i64::MAX / 2, sources: SourceFilter::All, split: true };
            assert_eq!(question.ask(&store, by).await.len(), 2, "{zone} {by:?}");
        }
    }
    store.close().await;
}
