//! Bodies of the two signed routes: the golden cases.

#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod common;

use std::collections::HashSet;

use common::{Answer, Case, FILES, Route, load, load_all};
use serde_json::{Value, json};
use vibetea_protocol::ErrorCode;
use vibetea_protocol::batch::{self, IdRule, IncomingEvent};
use vibetea_protocol::history::IngestAnswer;

/// What a server that does nothing but call the parser would answer.
fn answer(case: &Case) -> Answer {
    let body = case.body();
    let ids = if case.route == Route::Events { IdRule::AnyCase } else { IdRule::LowerCase };
    match batch::parse(&body, &case.source, ids) {
        Ok(events) => {
            let mut seen = HashSet::new();
            let stored: Vec<Value> = events
                .iter()
                .filter(|event| seen.insert(event.id))
                .map(|event| value_of(event, &case.source))
                .collect();
            let answer = IngestAnswer::new(events.len() as u64, stored.len() as u64);
            match case.route {
                Route::Ingest => Answer {
                    status: 200,
                    message: Some(answer.message),
                    inserted: Some(answer.inserted),
                    stored: Some(stored),
                    ..Answer::default()
                },
                Route::Events => Answer { status: 202, stored: Some(stored), ..Answer::default() },
            }
        }
        Err(problem) => {
            let on_live = matches!(problem.error, ErrorCode::InvalidEventType | ErrorCode::SourceMismatch)
                && case.route == Route::Events;
            Answer {
                status: if on_live { 400 } else { problem.error.status() },
                error: Some(problem.error.as_str().to_owned()),
                message: Some(problem.message.into_owned()),
                ..Answer::default()
            }
        }
    }
}

fn value_of(event: &IncomingEvent<'_>, source: &str) -> Value {
    json!({
        "id": event.id,
        "source": source,
        "timestamp": event.timestamp,
        "type": event.event_type,
        "payload": serde_json::from_str::<Value>(event.payload).unwrap(),
    })
}

fn assert_file(file: &str) {
    let told: String = load(file).iter().map(|case| case.disagreement(&answer(case))).collect();
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn accepted_bodies_are_read_as_the_fixtures_say() {
    assert_file("accepted");
}

#[test]
fn bodies_that_are_no_batch_are_refused() {
    assert_file("bodies");
}

#[test]
fn bad_fields_are_refused_with_index_and_name() {
    assert_file("fields");
}

#[test]
fn bad_payloads_are_refused() {
    assert_file("payloads");
}

#[test]
fn the_first_fault_in_order_is_the_one_reported() {
    assert_file("precedence");
}

#[test]
fn the_live_route_takes_capitals_in_ids() {
    assert_file("live");
}

#[test]
fn no_two_cases_share_a_name_or_a_stored_id() {
    assert_eq!(load_all().len(), FILES.iter().map(|file| load(file).len()).sum::<usize>());
}

/// The planted fault: the check itself must see each kind of wrong answer.
#[test]
fn a_wrong_answer_to_any_case_is_noticed() {
    for case in load_all() {
        let right = answer(&case);
        let twins = [
            Answer { status: right.status + 1, ..right.clone() },
            Answer { error: Some("other".to_owned()), ..right.clone() },
            Answer { inserted: Some(7777), ..right.clone() },
        ];
        for twin in &twins {
            assert!(!case.disagreement(twin).is_empty(), "{}: {twin:?} passed", case.name);
        }
        if !case.expect.mentions.is_empty() || case.expect.message.is_some() {
            let twin = Answer { message: Some("something is wrong".to_owned()), ..right.clone() };
            assert!(
                !case.disagreement(&twin).is_empty(),
                "{}: a message without its words passed",
                case.name
            );
        }
        if let Some(stored) = case.expect.stored.clone() {
            let mut shifted = stored.clone();
            shifted[0]["timestamp"] = json!("2026-02-03T14:30:00.001Z");
            for twin in [Vec::new(), [stored.clone(), stored].concat(), shifted] {
                let twin = Answer { stored: Some(twin), ..right.clone() };
                assert!(!case.disagreement(&twin).is_empty(), "{}: wrong rows passed", case.name);
            }
        }
    }
}
