//! Sessions against a plain recount.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vibetea_protocol::api::{Session, SessionState};
use vibetea_protocol::timestamp::{MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_protocol::{EventType, Timestamp};
use vibetea_server::store::{NewBatch, NewEvent, Range, Route, SessionsQuestion, SourceFilter, Store};

use crate::home::cases;
use crate::model::{Made, events, filter, send, sources};
use crate::support::{Place, at, clear, id, source};

const MINUTE: i64 = 60_000_000;

#[derive(Debug, Clone)]
struct Question {
    now: i64,
    from: i64,
    to: i64,
    sources: SourceFilter,
    project: Option<&'static str>,
    state: Option<SessionState>,
}

fn state(now: i64, events: &[&Made]) -> SessionState {
    let last = events.iter().map(|event| event.micros).max().unwrap();
    let ended = events.iter().any(|event| {
        event.event_type == EventType::Session
            && event.text("action") == Some("ended")
            && event.micros == last
    });
    match now - last {
        _ if ended => SessionState::Ended,
        silence if silence >= 30 * MINUTE => SessionState::Ended,
        silence if silence >= 5 * MINUTE => SessionState::Idle,
        _ => SessionState::Active,
    }
}

fn project(events: &[&Made]) -> Option<String> {
    let named = events.iter().filter_map(|event| {
        event.text("project").filter(|name| !name.is_empty()).map(|name| (event.micros, name))
    });
    named.max().map(|(_, name)| name.to_owned())
}

/// A session in a form that is easy to compare: the lists by name.
type Plain = (
    String,
    String,
    Option<String>,
    [i64; 2],
    SessionState,
    [u64; 3],
    BTreeMap<String, [u64; 3]>,
    BTreeMap<String, [u64; 3]>,
);

fn plain(session: &Session) -> Plain {
    let tools =
        session.tools.iter().map(|tool| (tool.tool.clone(), [tool.started, tool.completed, tool.failed]));
    let agents = session.agents.iter().map(|agent| {
        (
            format!("{:?} {:?}", agent.agent_id, agent.agent_type),
            [agent.started, agent.completed, agent.failed],
        )
    });
    (
        session.source.clone(),
        session.session_id.clone(),
        session.project.clone(),
        [session.started_at.as_micros(), session.last_event_at.as_micros()],
        session.state,
        [session.event_count, session.activity_count, session.error_count],
        tools.collect(),
        agents.collect(),
    )
}

impl Question {
    fn recount(&self, all: &[Made]) -> Vec<Plain> {
        let mut sessions = BTreeMap::<(&str, &str), Vec<&Made>>::new();
        for event in all {
            if let Some(session) = event.text("sessionId").filter(|session| !session.is_empty()) {
                sessions.entry((event.source_name(), session)).or_default().push(event);
            }
        }
        let mut found = Vec::new();
        for ((source, name), events) in sessions {
            let state = state(self.now, &events);
            let project = project(&events);
            let wanted = events.iter().any(|event| (self.from..self.to).contains(&event.micros))
                && self.sources.admits(source)
                && self.project.is_none_or(|wanted| Some(wanted) == project.as_deref())
                && self.state.is_none_or(|wanted| wanted == state);
            if !wanted {
                continue;
            }
            let of = |kind| events.iter().filter(|event| event.event_type == kind).count() as u64;
            let (mut tools, mut agents) =
                (BTreeMap::<String, [u64; 3]>::new(), BTreeMap::<String, [u64; 3]>::new());
            for event in &events {
                let Some(step) = event.step() else { continue };
                let given = |field| event.text(field).filter(|name| !name.is_empty());
                if let Some(tool) = event.tool() {
                    tools.entry(tool.to_owned()).or_default()[step] += 1;
                } else {
                    let key = format!("{:?} {:?}", given("agentId"), given("agentType"));
                    agents.entry(key).or_default()[step] += 1;
                }
            }
            let moments = events.iter().map(|event| event.micros);
            found.push((
                source.to_owned(),
                name.to_owned(),
                project,
                [moments.clone().min().unwrap(), moments.max().unwrap()],
                state,
                [events.len() as u64, of(EventType::Activity), of(EventType::Error)],
                tools,
                agents,
            ));
        }
        found
    }

    /// All pages, checked for their order.
    async fn ask(&self, store: &Store, limit: usize) -> Vec<Plain> {
        let mut question = SessionsQuestion {
            sources: self.sources.clone(),
            project: self.project.map(str::to_owned),
            range: Range::new(Timestamp::from_micros(self.from), Timestamp::from_micros(self.to)),
            state: self.state,
            limit,
            before: None,
            now: Timestamp::from_micros(self.now).unwrap(),
        };
        let mut sessions = Vec::new();
        loop {
            let page = store.sessions(question.clone()).await.unwrap();
            assert!(page.sessions.len() <= limit);
            sessions.extend(page.sessions);
            question.before = page.older;
            if page.older.is_none() {
                break;
            }
        }
        assert!(sessions.is_sorted_by(|a, b| a.last_event_at >= b.last_event_at));
        let mut sessions: Vec<_> = sessions.iter().map(plain).collect();
        sessions.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        sessions
    }
}

fn moment() -> impl Strategy<Value = i64> {
    let start = at("2026-02-03T10:00:00Z").as_micros();
    prop_oneof![
        (-4 * MICROS_PER_HOUR..4 * MICROS_PER_HOUR).prop_map(move |off| start + off),
        (-16..16_i64, -1..=1_i64).prop_map(move |(count, off)| start + count * MICROS_PER_QUARTER + off),
        (0..3 * MICROS_PER_QUARTER).prop_map(move |off| start + off),
    ]
}

#[test]
fn sessions_equal_a_plain_recount() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let project = prop::option::weighted(0.3, prop::sample::select(&crate::model::PROJECTS[..]));
    let state = prop::option::weighted(0.3, prop::sample::select(&SessionState::ALL[..]));
    let case = (events(moment(), 60), (moment(), moment(), moment(), sources(), project, state), 1..5_usize);
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases(100)) };
    let outcome =
        TestRunner::new(config).run(&case, |(events, (now, a, b, sources, project, state), limit)| {
            runtime.block_on(async {
                clear(&place);
                send(&store, &events).await;
                let part = Question { now, from: a.min(b), to: a.max(b), sources, project, state };
                let whole = Question {
                    now,
                    from: 0,
                    to: i64::MAX / 2,
                    sources: SourceFilter::All,
                    project: None,
                    state: None,
                };
                let of_time = Question { from: part.from, to: part.to, ..whole.clone() };
                for question in [part, whole, of_time] {
                    prop_assert_eq!(
                        question.ask(&store, limit).await,
                        question.recount(&events),
                        "{:?}",
                        question
                    );
                }
                Ok(())
            })
        });
    runtime.block_on(store.close());
    outcome.unwrap();
}

fn event(number: u64, micros: i64, payload: &str) -> NewEvent {
    NewEvent::new(
        id(number),
        Timestamp::from_micros(micros).unwrap(),
        EventType::Agent,
        payload.to_owned().into(),
    )
}

#[tokio::test]
async fn agents_come_in_the_order_of_their_start_and_their_number_is_bounded() {
    let place = Place::new();
    let store = place.open().await;
    let start = at("2026-02-03T10:00:00Z").as_micros();
    let mut events: Vec<_> = (0..600_i64)
        .map(|number| {
            let payload = format!(r#"{{"sessionId":"s","agentId":"{number:03}","state":"completed"}}"#);
            event(number.unsigned_abs(), start + 600 - number, &payload)
        })
        .collect();
    events.push(event(999, start, r#"{"sessionId":"s","agentType":"Plan","state":"started"}"#));
    for part in events.chunks(100).rev() {
        let batch = NewBatch { source: source("laptop"), route: Route::Batch, events: part.to_vec() };
        store.bulk_insert_events(batch).await.unwrap();
    }
    let found = store.session("s".to_owned(), SourceFilter::All, at("2026-02-03T10:00:01Z")).await.unwrap();
    let agents = &found[0].agents;
    assert_eq!(agents[0].agent_type.as_deref(), Some("Plan"));
    assert_eq!(agents.len(), 501);
    assert_eq!(agents.iter().map(|agent| agent.completed).sum::<u64>(), 600);
    store.close().await;
}

#[tokio::test]
async fn an_id_of_two_sources_is_two_sessions() {
    let place = Place::new();
    let store = place.open().await;
    let start = at("2026-02-03T10:00:00Z").as_micros();
    for (number, name) in [(1, "laptop"), (2, "desktop")] {
        let events = vec![event(number, start, r#"{"sessionId":"s"}"#)];
        let batch = NewBatch { source: source(name), route: Route::Batch, events };
        store.bulk_insert_events(batch).await.unwrap();
    }
    let ask = |name: &str, sources| store.session(name.to_owned(), sources, at("2026-02-03T10:00:01Z"));
    assert_eq!(ask("s", SourceFilter::All).await.unwrap().len(), 2);
    let one = ask("s", filter(Some("desktop"))).await.unwrap();
    assert_eq!((one.len(), &one[0].source[..]), (1, "desktop"));
    assert!(ask("S", SourceFilter::All).await.unwrap().is_empty());
    assert!(ask("s", filter(Some("nobody"))).await.unwrap().is_empty());
    store.close().await;
}
