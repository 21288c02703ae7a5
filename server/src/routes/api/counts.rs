//! `GET /api/v1/counts`: events by hour, day or hour of the week, in any time zone.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::{Counts, CountsBy, CountsMeta};
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR};

use super::parameters::{Parameters, wrong};
use crate::app::App;
use crate::error::Refusal;
use crate::store::{Calendar, CountsQuestion};

const KNOWN: [&str; 6] = ["from", "to", "tz", "source", "by", "split"];
/// A leap year, with an hour for a change of the clocks.
const LONGEST: i64 = 366 * MICROS_PER_DAY + MICROS_PER_HOUR;

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Counts>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let parameters = Parameters::of(&uri, &KNOWN)?;
    let (from, to) = (parameters.needed_moment("from")?, parameters.needed_moment("to")?);
    let (range, ..) = parameters.range()?;
    if to.since(from) > LONGEST {
        return Err(wrong("to", &to.to_string(), "a moment at most 366 days and an hour after from").into());
    }
    let by = parameters.read("by", "hour, day, hourOfWeek", |word| match word {
        "hour" => Some(CountsBy::Hour),
        "day" => Some(CountsBy::Day),
        "hourOfWeek" => Some(CountsBy::HourOfWeek),
        _ => None,
    })?;
    let by = by.unwrap_or(CountsBy::Hour);
    let calendar =
        parameters.read("tz", "an IANA time zone such as Europe/Berlin", |name| Calendar::new(name, by))?;
    let Some(calendar) = calendar.or_else(|| Calendar::new("UTC", by)) else {
        return Err(Refusal::internal());
    };
    let split = parameters.read("split", "source", |word| (word == "source").then_some(()))?.is_some();
    let sources = parameters.sources(&viewer)?;
    let question = CountsQuestion { sources, range, split };
    Ok(Json(answer(&app, question, calendar, (from, to)).await?))
}

async fn answer(
    app: &App,
    question: CountsQuestion,
    calendar: Calendar,
    (from, to): (Timestamp, Timestamp),
) -> Result<Counts, Refusal> {
    let time_zone = calendar.name().to_owned();
    let answer = app.history()?.counts(question, calendar).await.map_err(|error| app.store_failed(error))?;
    let meta = CountsMeta { time_zone, from, to, total_count: answer.total, fetched_at: app.clock.now() };
    Ok(Counts { counts: answer.counts, hours_of_week: answer.hours_of_week, meta })
}
