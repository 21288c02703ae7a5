//! The routes of `/api/v1` on a small and on a large store, over HTTP: a year of five machines, six projects and
//! twelve tools.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use vibetea_protocol::{Clock, EventType, SourceId, Timestamp};
use vibetea_server::store::{NewBatch, NewEvent, Route};
use vibetea_tests::answers;
use vibetea_tests::place::{Place, TOKEN};

use crate::events::{Ids, Made, Maker};
use crate::query::millis;
use crate::report::{Aim, Report, median, quantile};
use crate::servers::{Server, open_store};

const SMALL: u64 = 10_000;
const DAYS: i64 = 365;
const ASKED: usize = 31;
const SOURCES: u64 = 5;
/// Events of a session, one after the other.
const PER_SESSION: u64 = 200;
const BATCH: usize = 1000;
const SLOWEST: f64 = 50.0;

pub(crate) async fn measure(report: &mut Report, rows: u64) -> Result<()> {
    let mut servers = Vec::new();
    for count in [SMALL, rows] {
        eprintln!("  filling a store with {count} events");
        let place = Place::new();
        fill(&place, count).await?;
        servers.push((count, Server::start_in(place)));
    }
    for (index, (name, _)) in routes(SMALL).into_iter().enumerate() {
        let mut medians = Vec::new();
        for (count, server) in &servers {
            let (_, path) = &routes(*count)[index];
            let mut times = Vec::with_capacity(ASKED);
            for _ in 0..ASKED {
                let start = Instant::now();
                let answer = answers::get(server.address(), path, &answers::bearer(TOKEN));
                times.push(millis(start.elapsed()));
                let answer = answer.context("the server answers")?;
                ensure!(answer.status == 200, "{path}: {}", answer.body);
            }
            let middle = median(&mut times);
            medians.push(middle);
            let aim = if *count == rows { Aim::AtMost(SLOWEST) } else { Aim::None };
            report.add(format!("{name}, {count} events"), middle, "ms", aim);
            if *count == rows {
                report.add(
                    format!("{name}, {count} events, p95"),
                    quantile(&mut times, 0.95),
                    "ms",
                    Aim::None,
                );
            }
        }
        report.add(format!("{name}, large / small"), medians[1] / medians[0], "×", Aim::None);
    }
    Ok(())
}

/// What is asked of a store with so many events.
fn routes(count: u64) -> Vec<(&'static str, String)> {
    let now = Clock::System.now().as_micros();
    let ago = |days: i64| {
        // somewhere within a quarter of an hour, as a person asks
        Timestamp::from_micros(now - days * 86_400_000_000 - 123_456_789)
            .map(|at| at.to_string())
            .unwrap_or_default()
    };
    let (week, month, half_year, year) = (ago(7), ago(30), ago(180), ago(DAYS));
    let week_of_then = format!("from={half_year}&to={}", ago(173));
    let to = ago(0);
    let session = session(count / PER_SESSION / 2);
    vec![
        ("capabilities", "/api/v1/capabilities".to_owned()),
        ("totals", "/api/v1/totals".to_owned()),
        ("newest events", "/api/v1/events".to_owned()),
        ("500 events of a week half a year ago", format!("/api/v1/events?limit=500&{week_of_then}")),
        ("events of a project and tool", "/api/v1/events?project=project-3&tool=tool-7".to_owned()),
        ("failures of one source", "/api/v1/events?type=error&source=machine-4".to_owned()),
        ("events of one session", format!("/api/v1/events?limit=500&session={session}")),
        ("events of a project that is rare", "/api/v1/events?project=rare".to_owned()),
        ("events of a project that is not", "/api/v1/events?project=nowhere".to_owned()),
        ("sessions", "/api/v1/sessions".to_owned()),
        ("200 sessions of one source", "/api/v1/sessions?limit=200&source=machine-2".to_owned()),
        ("sessions of a week half a year ago", format!("/api/v1/sessions?{week_of_then}")),
        ("sessions of a project that is not", "/api/v1/sessions?project=nowhere".to_owned()),
        ("one session", format!("/api/v1/sessions/{session}")),
        ("counts of a year by hour", format!("/api/v1/counts?from={year}&to={to}&tz=Asia/Kolkata")),
        (
            "counts of a year by day and source",
            format!("/api/v1/counts?from={year}&to={to}&by=day&split=source&tz=Europe/Berlin"),
        ),
        (
            "counts of a month by hour of the week",
            format!("/api/v1/counts?from={month}&to={to}&by=hourOfWeek"),
        ),
        ("breakdowns of a week", format!("/api/v1/breakdowns?from={week}&to={to}")),
        ("breakdowns of a year", format!("/api/v1/breakdowns?from={year}&to={to}")),
        ("breakdowns of all time, one project", "/api/v1/breakdowns?project=project-3".to_owned()),
    ]
}

fn session(number: u64) -> String {
    format!("{number:08x}-7ea0-4000-8000-000000000000")
}

async fn fill(place: &Place, count: u64) -> Result<()> {
    let store = open_store(&place.database()).await?;
    let mut maker = Maker::past(Ids::HourFirst, 43, DAYS, count);
    let sources: Vec<Arc<SourceId>> = (0..SOURCES)
        .map(|number| format!("machine-{number}").parse().map(Arc::new))
        .collect::<Result<_, _>>()?;
    let mut number = 0;
    while number < count {
        let size = BATCH.min(usize::try_from(count - number)?);
        let mut of_source: Vec<Vec<NewEvent>> = vec![Vec::new(); sources.len()];
        for made in maker.take(size) {
            let source = usize::try_from(number / PER_SESSION % SOURCES)?;
            of_source[source].push(event(&made, number));
            number += 1;
        }
        for (source, events) in sources.iter().zip(of_source) {
            let batch = NewBatch { source: Arc::clone(source), route: Route::Batch, events };
            store.bulk_insert_events(batch).await?;
        }
    }
    store.close().await;
    Ok(())
}

/// Mostly tool calls, each started and come back; sometimes a person, a subagent or a failure.
fn event(made: &Made, number: u64) -> NewEvent {
    let session = session(number / PER_SESSION);
    let project = number / PER_SESSION % 6;
    let project = if number == 17 { "rare".to_owned() } else { format!("project-{project}") };
    let common = format!(r#""sessionId":"{session}","project":"{project}""#);
    let (event_type, more) = match number % 40 {
        0 => (EventType::Activity, String::new()),
        1 => (EventType::Error, r#","category":"rate_limit""#.to_owned()),
        2 => (
            EventType::Agent,
            format!(r#","state":"completed","agentId":"a{number:x}","agentType":"Explore""#),
        ),
        other => {
            let tool = number / 2 % 12;
            let step = if other % 2 == 1 {
                r#""status":"started""#.to_owned()
            } else {
                let millis = number * 7919 % 60_000;
                format!(
                    r#""status":"completed","success":{},"durationMs":{millis}"#,
                    !number.is_multiple_of(20)
                )
            };
            (EventType::Tool, format!(r#","tool":"tool-{tool}","context":"module{tool}.rs",{step}"#))
        }
    };
    NewEvent::new(made.id, made.timestamp, event_type, format!("{{{common}{more}}}").into())
}
