//! `GET /query`, also `/functions/v1/query`.

use reqwest::Method;
use serde_json::{Value, json};
use vibetea_protocol::Timestamp;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR};

use crate::harness::{SOURCE, Server, Setup, TOKEN, body, changed, event, now, send};

const PATHS: [&str; 2] = ["/query", "/functions/v1/query"];

fn ago(micros: i64) -> Timestamp {
    Timestamp::from_micros(now().as_micros() - micros).unwrap()
}

async fn store(server: &Server, source: &str, n: u64, at: Timestamp) {
    let event = changed(changed(event(n), "source", source), "timestamp", at.to_string());
    assert_eq!(server.post("/ingest", source, body(&[event])).await.status, 200);
}

async fn rows(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.view(&format!("/query{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["meta"]["totalCount"], json["aggregates"].as_array().unwrap().len());
    json["aggregates"].as_array().unwrap().clone()
}

fn row(source: &str, at: Timestamp, count: u64) -> Value {
    let text = at.to_string();
    let hour: u64 = text[11..13].parse().unwrap();
    json!({ "source": source, "date": &text[..10], "hour": hour, "eventCount": count })
}

#[tokio::test]
async fn both_paths_answer_in_the_hosted_form() {
    let server = Setup::new().start().await;
    store(&server, SOURCE, 1, ago(MICROS_PER_DAY)).await;
    for path in PATHS {
        let answer = server.view(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        let mut json = answer.json();
        let fetched: Timestamp = json["meta"]["fetchedAt"].as_str().unwrap().parse().unwrap();
        assert!(now().since(fetched) < 20_000_000, "fetchedAt is the server's present");
        json["meta"]["fetchedAt"] = "now".into();
        assert_eq!(json["aggregates"], json!([row(SOURCE, ago(MICROS_PER_DAY), 1)]));
        json["aggregates"][0]["date"] = "day".into();
        json["aggregates"][0]["hour"] = 0.into();
        insta::allow_duplicates! {
            insta::assert_snapshot!(json, @r#"{"aggregates":[{"date":"day","eventCount":1,"hour":0,"source":"laptop"}],"meta":{"daysRequested":7,"fetchedAt":"now","totalCount":1}}"#);
        }
    }
}

#[tokio::test]
async fn an_empty_store_answers_an_empty_list() {
    let server = Setup::new().start().await;
    let json = server.view("/query?days=30").await.json();
    assert_eq!(json["aggregates"], json!([]));
    assert_eq!(json["meta"]["totalCount"], 0);
    assert_eq!(json["meta"]["daysRequested"], 30);
}

#[tokio::test]
async fn method_then_header_then_token_then_days_are_checked() {
    let server = Setup::new().start().await;
    for path in PATHS {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = send(server.request(method, &format!("{path}?days=14"))).await;
            assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()));
            assert!(answer.header("allow").contains("GET"));
        }
        let fourteen = format!("{path}?days=14");
        assert_eq!(server.get(&fourteen).await.refusal(), (401, "missing_auth".to_owned()));
        for wrong in [
            "Bearer wrong",
            "Bearer",
            "Bearer ",
            "Basic dXNlcjpwYXNz",
            "wrong",
            "Token vt_test_8c1f5e0f2b7d4a6993ab",
        ] {
            assert_eq!(
                server.get_with(&fourteen, wrong).await.refusal(),
                (401, "invalid_token".to_owned()),
                "{wrong:?}"
            );
        }
        assert_eq!(server.view(&fourteen).await.refusal(), (400, "invalid_days".to_owned()));
    }
}

#[tokio::test]
async fn a_token_near_the_right_one_is_wrong() {
    let server = Setup::new().start().await;
    let shorter = &TOKEN[..TOKEN.len() - 1];
    for wrong in [shorter.to_owned(), format!("{TOKEN}x"), TOKEN.to_uppercase(), format!("{TOKEN}, {TOKEN}")]
    {
        let answer = send(server.request(Method::GET, "/query").bearer_auth(wrong)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token".to_owned()));
    }
    assert_eq!(
        server.get(&format!("/query?token={TOKEN}")).await.status,
        401,
        "no token in this route's query"
    );
}

#[tokio::test]
async fn days_are_exactly_7_or_30() {
    let server = Setup::new().start().await;
    for (query, days) in
        [("", 7), ("?days=7", 7), ("?days=30", 30), ("?source=x&days=30", 30), ("?days=%37", 7)]
    {
        let answer = server.view(&format!("/query{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.json()["meta"]["daysRequested"], days, "{query}");
    }
    for days in [
        "", "07", "7.0", "%207", "7%20", "+7", "%2B7", "-7", "14", "0", "77", "730", "7e0", "0x7", "seven",
        "null", "7,30", "%D9%A7", "7%00", "%ff",
    ] {
        for path in PATHS {
            let answer = server.view(&format!("{path}?days={days}")).await;
            assert_eq!(answer.refusal(), (400, "invalid_days".to_owned()), "{days}");
        }
    }
    let message = server.view("/query?days=14").await.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains('7') && message.contains("30"), "{message}");
}

#[tokio::test]
async fn newest_hours_come_first_and_sources_in_order_within_one() {
    let names = ["zeta", "Alpha", "beta", "alpha", "büro"].map(str::to_owned);
    let server = Setup::new().with_sources(names.clone()).start().await;
    let hours = [3, 1, 50, 26, 2];
    let mut n = 0;
    for hour in hours {
        for source in &names {
            n += 1;
            store(&server, source, n, ago(hour * MICROS_PER_HOUR)).await;
        }
    }
    let mut sources = names;
    sources.sort_unstable();
    let mut newest_first = hours;
    newest_first.sort_unstable();
    let got = rows(&server, "").await;
    assert_eq!(got.len(), 25);
    let shape: Vec<(String, u64, String)> = got
        .iter()
        .map(|row| {
            (
                row["date"].as_str().unwrap().into(),
                row["hour"].as_u64().unwrap(),
                row["source"].as_str().unwrap().into(),
            )
        })
        .collect();
    let mut sorted = shape.clone();
    sorted.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    assert_eq!(shape, sorted);
    let of_first_hour: Vec<&str> = shape[..5].iter().map(|row| row.2.as_str()).collect();
    assert_eq!(of_first_hour, sources);
}

#[tokio::test]
async fn events_of_one_hour_and_source_are_one_row() {
    let server = Setup::new().start().await;
    // the middle of an hour some days ago, so that no edge is near
    let middle = (ago(3 * MICROS_PER_DAY).hours() * MICROS_PER_HOUR) + MICROS_PER_HOUR / 2;
    let at = |micros| Timestamp::from_micros(middle + micros).unwrap();
    let first = at(-MICROS_PER_HOUR / 2);
    let last = at(MICROS_PER_HOUR / 2 - 1);
    for (n, moment) in [first, at(0), last].into_iter().enumerate() {
        store(&server, SOURCE, n as u64, moment).await;
    }
    store(&server, SOURCE, 7, at(MICROS_PER_HOUR / 2)).await;
    store(&server, SOURCE, 8, at(-MICROS_PER_HOUR / 2 - 1)).await;
    let expected =
        [row(SOURCE, at(MICROS_PER_HOUR), 1), row(SOURCE, first, 3), row(SOURCE, at(-MICROS_PER_HOUR), 1)];
    assert_eq!(rows(&server, "").await, expected);
}

#[tokio::test]
async fn an_event_counts_from_exactly_the_asked_days_ago() {
    let server = Setup::new().start().await;
    let second = 1_000_000;
    let mut n = 0;
    for days in [7, 30] {
        for offset in [-40, -20, 20, 40] {
            n += 1;
            store(&server, SOURCE, n, ago(days * MICROS_PER_DAY + offset * second)).await;
        }
    }
    let total = |rows: Vec<Value>| rows.iter().map(|row| row["eventCount"].as_u64().unwrap()).sum::<u64>();
    // all of it takes far less than the 20 s to the edge, and the counts hold on both sides of it
    assert_eq!(total(rows(&server, "?days=7").await), 2);
    assert_eq!(total(rows(&server, "?days=30").await), 6);
}

#[tokio::test]
async fn events_of_the_future_count() {
    let server = Setup::new().start().await;
    let ahead = Timestamp::from_micros(now().as_micros() + 400 * MICROS_PER_DAY).unwrap();
    store(&server, SOURCE, 1, ahead).await;
    assert_eq!(rows(&server, "?days=7").await, [row(SOURCE, ahead, 1)]);
}

#[tokio::test]
async fn offsets_are_counted_in_their_utc_hour() {
    let server = Setup::new().start().await;
    let moment = ago(MICROS_PER_DAY);
    let local =
        Timestamp::from_micros(moment.as_micros() + 5 * MICROS_PER_HOUR + MICROS_PER_HOUR / 2).unwrap();
    let text = local.to_string().replace('Z', "+05:30");
    server.ingest(&[changed(event(1), "timestamp", text)]).await;
    assert_eq!(rows(&server, "").await, [row(SOURCE, moment, 1)]);
}

#[tokio::test]
async fn the_source_filter_is_an_exact_match() {
    let names =
        ["lap", "laptop", "laptop2", "Laptop", "l%top", "a b", "büro", "x+y", "x&y"].map(str::to_owned);
    let server = Setup::new().with_sources(names.clone()).start().await;
    for (n, source) in names.iter().enumerate() {
        store(&server, source, n as u64, ago(MICROS_PER_DAY)).await;
    }
    for (query, source) in [
        ("lap", "lap"),
        ("laptop", "laptop"),
        ("Laptop", "Laptop"),
        ("l%25top", "l%top"),
        ("a%20b", "a b"),
        ("a+b", "a b"),
        ("b%C3%BCro", "büro"),
        ("x%2By", "x+y"),
        ("x%26y", "x&y"),
    ] {
        for (days, order) in [("7", 0), ("30", 1)] {
            let query = if order == 0 {
                format!("?days={days}&source={query}")
            } else {
                format!("?source={query}&days={days}")
            };
            assert_eq!(rows(&server, &query).await, [row(source, ago(MICROS_PER_DAY), 1)], "{query}");
        }
    }
    for stranger in ["nobody", "la", "laptop%20", "LAPTOP", "%25", "l_p", "%27%20OR%201%3D1--", "lap%00"] {
        assert_eq!(rows(&server, &format!("?source={stranger}")).await, Vec::<Value>::new(), "{stranger}");
    }
}

#[tokio::test]
async fn without_authentication_no_token_is_asked_for() {
    let server = Setup::without_auth().start().await;
    assert_eq!(server.get("/query").await.status, 200);
    assert_eq!(server.get("/functions/v1/query?days=14").await.refusal(), (400, "invalid_days".to_owned()));
}
