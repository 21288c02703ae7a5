//! The golden cases over HTTP, and what the store holds afterwards.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::fixtures::{Answer, Case, Route, load_all};
use crate::harness::{Server, Setup};

async fn play(server: &Server, case: &Case) -> Answer {
    let path = match case.route {
        Route::Ingest => "/functions/v1/ingest",
        Route::Events => "/events",
    };
    let answer = server.post(path, &case.source, case.body()).await;
    if answer.body.is_empty() {
        return Answer { status: answer.status, ..Answer::default() };
    }
    let json = answer.json();
    Answer {
        status: answer.status,
        error: json["error"].as_str().map(str::to_owned),
        message: json["message"].as_str().map(str::to_owned),
        inserted: json["inserted"].as_u64(),
        stored: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_golden_case_holds_over_http() {
    let cases = load_all();
    let server = Setup::new().with_sources(cases.iter().map(|case| case.source.clone())).start().await;
    let mut answers = Vec::new();
    for case in &cases {
        answers.push(play(&server, case).await);
    }
    let rows = server.rows();
    let by_id: HashMap<&str, &Value> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
    assert_eq!(by_id.len(), rows.len(), "an id is stored twice");
    let mut told = String::new();
    for (case, mut answer) in cases.iter().zip(answers) {
        answer.stored = case.expect.stored.as_ref().map(|stored| {
            let found = stored.iter().filter_map(|event| by_id.get(event["id"].as_str().unwrap()));
            found.map(|row| (*row).clone()).collect()
        });
        told += &case.disagreement(&answer);
    }
    assert!(told.is_empty(), "\n{told}");

    let expected: HashSet<String> = cases.iter().flat_map(accepted_ids).collect();
    let strangers: Vec<&&str> = by_id.keys().filter(|id| !expected.contains(**id)).collect();
    assert!(strangers.is_empty(), "stored although their batch was refused: {strangers:?}");
    server.stop().await;
}

/// Ids that a case stores: the expected ones, and those that stand in a body too long to expect row by row.
fn accepted_ids(case: &Case) -> Vec<String> {
    if case.expect.status >= 300 {
        return Vec::new();
    }
    let body = String::from_utf8(case.body()).unwrap();
    let written = body.match_indices("evt_").filter_map(|(at, _)| body.get(at..at + 24));
    let expected = case.expect.stored.iter().flatten().filter_map(|event| event["id"].as_str());
    written.chain(expected).map(str::to_owned).collect()
}
