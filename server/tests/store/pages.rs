//! Pages of events, forwards and backwards, with and without filters.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR};
use vibetea_protocol::{EventType, Timestamp};
use vibetea_server::store::{
    EventFilter, EventsAnswer, EventsQuestion, NewBatch, NewEvent, Position, Range, Route, Side, Store,
};

use crate::home::cases;
use crate::model::{Made, PROJECTS, SESSIONS, TOOLS, events, send, sources};
use crate::support::{Place, at, clear, id, source};

fn ids(page: &EventsAnswer) -> Vec<String> {
    page.events.iter().map(|event| event.id.to_string()).collect()
}

/// The whole list, newest first, page by page from one end to the other; and how many pages it took.
async fn walk(store: &Store, question: &EventsQuestion, forwards: bool) -> (Vec<String>, usize) {
    let mut question = question.clone();
    if forwards {
        question.side = Side::After("0-".parse().unwrap());
    }
    let (mut all, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.events(question.clone()).await.unwrap();
        assert!(page.events.len() <= question.limit);
        pages += 1;
        let next = if forwards {
            all.splice(0..0, ids(&page));
            page.newer.map(Side::After)
        } else {
            all.extend(ids(&page));
            page.older.map(Side::Before)
        };
        match next {
            Some(side) => question.side = side,
            None => return (all, pages),
        }
    }
}

fn recount(made: &[Made], question: &EventsQuestion) -> Vec<String> {
    let EventFilter { sources, project, tool, event_type, session } = &question.filter;
    let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
    let mut kept: Vec<_> = made
        .iter()
        .filter(|event| {
            question.range.contains(event.micros)
                && sources.admits(event.source_name())
                && is(project, event.text("project"))
                && (tool.is_none() || event.event_type == EventType::Tool && is(tool, event.text("tool")))
                && event_type.is_none_or(|wanted| wanted == event.event_type)
                && is(session, event.text("sessionId"))
        })
        .map(|event| (event.micros, id(event.number).to_string()))
        .collect();
    kept.sort();
    kept.into_iter().rev().map(|(_, id)| id).collect()
}

fn moment() -> impl Strategy<Value = i64> {
    let start = at("2026-02-03T10:00:00Z").as_micros();
    prop_oneof![
        (0..4_i64).prop_map(move |off| start + off),
        (-3 * MICROS_PER_HOUR..3 * MICROS_PER_HOUR).prop_map(move |off| start + off),
        (-20..20_i64).prop_map(move |days| start + days * MICROS_PER_DAY),
        Just(0),
        Just(at("9999-12-31T23:59:59.999999Z").as_micros()),
    ]
}

fn filters() -> impl Strategy<Value = EventFilter> {
    let one = |names: &'static [&'static str]| {
        prop::option::weighted(0.3, prop::sample::select(names).prop_map(str::to_owned))
    };
    (
        sources(),
        one(&PROJECTS),
        one(&TOOLS),
        prop::option::weighted(0.3, prop::sample::select(&EventType::ALL[..])),
        one(&SESSIONS),
    )
        .prop_map(|(sources, project, tool, event_type, session)| EventFilter {
            sources,
            project,
            tool,
            event_type,
            session,
        })
}

#[test]
fn pages_forwards_and_backwards_are_the_whole_list() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let ends = (prop::option::of(moment()), prop::option::of(moment()));
    let case = (events(moment(), 80), filters(), ends, 1..12_usize);
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases(100)) };
    let outcome = TestRunner::new(config).run(&case, |(events, filter, (from, to), limit)| {
        runtime.block_on(async {
            clear(&place);
            send(&store, &events).await;
            let moment = |micros: Option<i64>| micros.and_then(Timestamp::from_micros);
            let range = Range::new(moment(from), moment(to));
            let narrow = EventsQuestion { filter, range, side: Side::Newest, limit };
            let open = EventsQuestion { filter: EventFilter::default(), ..narrow.clone() };
            for question in [narrow, open] {
                for forwards in [false, true] {
                    let (walked, _) = walk(&store, &question, forwards).await;
                    prop_assert_eq!(walked, recount(&events, &question), "{:?} {}", question, forwards);
                }
            }
            Ok(())
        })
    });
    runtime.block_on(store.close());
    outcome.unwrap();
}

fn tool_event(number: u64, micros: i64, project: &str) -> NewEvent {
    let payload = format!(r#"{{"sessionId":"s","tool":"Read","status":"started","project":"{project}"}}"#);
    NewEvent::new(id(number), Timestamp::from_micros(micros).unwrap(), EventType::Tool, payload.into())
}

fn all() -> EventsQuestion {
    EventsQuestion {
        filter: EventFilter::default(),
        range: Range::new(None, None),
        side: Side::Newest,
        limit: 7,
    }
}

#[tokio::test]
async fn paging_while_events_arrive_has_no_gap_and_no_repeat() {
    let place = Place::new();
    let store = place.open().await;
    let start = at("2026-02-03T10:00:00Z").as_micros();
    let insert = |numbers: std::ops::Range<u64>, at: fn(i64) -> i64| {
        let events = numbers.map(|number| tool_event(number, start + at(number.cast_signed()), "shop"));
        store.bulk_insert_events(NewBatch {
            source: source("laptop"),
            route: Route::Live,
            events: events.collect(),
        })
    };
    insert(0..200, |number| number / 3 * 1000).await.unwrap();
    for forwards in [false, true] {
        let mut question = all();
        if forwards {
            question.side = Side::After("0-".parse().unwrap());
        }
        let (mut seen, mut fresh) = (Vec::new(), if forwards { 50_000 } else { 10_000 });
        loop {
            let page = store.events(question.clone()).await.unwrap();
            seen.extend(ids(&page));
            // among the old ones and far behind them
            insert(fresh..fresh + 3, |number| number % 7 * 10_000 + 1).await.unwrap();
            insert(fresh + 3..fresh + 5, |number| number * 1_000_000).await.unwrap();
            fresh += 5;
            let next = if forwards { page.newer.map(Side::After) } else { page.older.map(Side::Before) };
            // behind the last old event there is always another new one
            let Some(side) = next.filter(|_| fresh < 51_000) else { break };
            question.side = side;
        }
        let old: HashSet<String> = (0..200).map(|number| id(number).to_string()).collect();
        let distinct: HashSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "an event came twice");
        assert!(old.iter().all(|id| distinct.contains(id)), "an event is missing");
    }
    store.close().await;
}

#[tokio::test]
async fn a_search_that_finds_little_ends_early_and_goes_on_where_it_ended() {
    let place = Place::new();
    let store = place.open().await;
    let start = at("2026-02-03T00:00:00Z").as_micros();
    // one match at each end of forty thousand events of one quarter of an hour
    for part in 0..40_u64 {
        let events = (part * 1000..part * 1000 + 1000).map(|number| {
            let project = if number == 0 || number == 39_999 { "rare" } else { "shop" };
            tool_event(number, start + number.cast_signed(), project)
        });
        let batch = NewBatch { source: source("laptop"), route: Route::Batch, events: events.collect() };
        store.bulk_insert_events(batch).await.unwrap();
    }
    let mut question = all();
    question.filter.project = Some("rare".to_owned());
    for forwards in [false, true] {
        let (found, pages) = walk(&store, &question, forwards).await;
        assert_eq!(found, [id(39_999).to_string(), id(0).to_string()]);
        assert_eq!(pages, 3, "a page looks at a bounded number of events");
    }
    question.filter.project = Some("nowhere".to_owned());
    assert_eq!(walk(&store, &question, false).await, (Vec::new(), 1), "the counts know that there is none");
    store.close().await;
}

#[tokio::test]
async fn each_side_of_a_page_is_told() {
    let place = Place::new();
    let store = place.open().await;
    let start = at("2026-02-03T10:00:00Z").as_micros();
    let events = (0..9).map(|number| tool_event(number, start + number.cast_signed(), "shop")).collect();
    store
        .bulk_insert_events(NewBatch { source: source("laptop"), route: Route::Batch, events })
        .await
        .unwrap();
    let ask = |side| store.events(EventsQuestion { side, limit: 4, ..all() });
    let position = |number: i64| format!("{}-{number:020}", start + number).parse::<Position>().unwrap();
    let newest = ask(Side::Newest).await.unwrap();
    assert_eq!((newest.newer, newest.older), (None, Some(position(5))));
    let middle = ask(Side::Before(position(5))).await.unwrap();
    assert_eq!((middle.newer, middle.older), (Some(position(4)), Some(position(1))));
    let last = ask(Side::Before(position(1))).await.unwrap();
    assert_eq!((last.newer, last.older), (Some(position(0)), None));
    let forwards = ask(Side::After(position(1))).await.unwrap();
    assert_eq!((forwards.newer, forwards.older), (Some(position(5)), Some(position(2))));
    let end = ask(Side::After(position(8))).await.unwrap();
    assert_eq!((end.events.len(), end.newer, end.older), (0, None, Some(position(8))));
    store.close().await;
}
