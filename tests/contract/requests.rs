//! Requests that are no good batch: who asks, how, and for what.

use std::net::SocketAddr;
use std::sync::LazyLock;

use serde_json::json;
use vibetea_protocol::Clock;
use vibetea_tests::answers::{self, Answer, bearer};
use vibetea_tests::place::TOKEN;

use crate::homes::{Homes, NAMES, signature};

const SOURCE: &str = "laptop";
/// An event of now, which every window has.
static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let now = Clock::System.now();
    let event = json!({ "id": "evt_00000000000000000001", "source": SOURCE, "timestamp": now, "type": "tool", "payload": {} });
    serde_json::to_vec(&[event]).expect("it is JSON")
});
const INGEST: &str = "/functions/v1/ingest";
const QUERY: &str = "/functions/v1/query";

/// A request: what it is about, and how a home is asked.
type Request = (String, Box<dyn Fn(SocketAddr) -> Option<Answer>>);

fn posted(what: &str, headers: Vec<String>) -> Request {
    (format!("ingest with {what}"), Box::new(move |home| answers::post(home, INGEST, &headers, &BODY)))
}

fn asked(path: String, headers: Vec<String>) -> Request {
    (format!("{path} with {headers:?}"), Box::new(move |home| answers::get(home, &path, &headers)))
}

fn requests() -> Vec<Request> {
    let source = || format!("X-Source-ID: {SOURCE}");
    let mut requests = vec![
        posted("nothing", Vec::new()),
        posted("a source alone", vec![source()]),
        posted("a signature alone", vec![signature(&BODY)]),
        posted("an unknown source", vec!["X-Source-ID: stranger".to_owned(), signature(&BODY)]),
        posted("a signature of something else", vec![source(), signature(b"[]")]),
        posted("a signature that is none", vec![source(), "X-Signature: not base64!".to_owned()]),
        posted("a short signature", vec![source(), "X-Signature: AAAA".to_owned()]),
        posted("a good signature", vec![source(), signature(&BODY)]),
        posted("the same again", vec![source(), signature(&BODY)]),
        (format!("GET {INGEST}"), Box::new(|home| answers::get(home, INGEST, &[]))),
        (format!("POST {QUERY}"), Box::new(|home| answers::post(home, QUERY, &bearer(TOKEN), b"{}"))),
        asked(QUERY.to_owned(), Vec::new()),
        asked(QUERY.to_owned(), vec!["Authorization: Basic abc".to_owned()]),
        asked(QUERY.to_owned(), bearer("another token")),
        asked(QUERY.to_owned(), bearer(&format!("{TOKEN}x"))),
    ];
    for query in [
        "",
        "?days=7",
        "?days=30",
        "?days=0",
        "?days=8",
        "?days=-7",
        "?days=abc",
        "?days=",
        "?days=7&source=laptop",
        "?days=30&source=stranger",
        "?source=",
        "?source=laptop",
    ] {
        requests.push(asked(format!("{QUERY}{query}"), bearer(TOKEN)));
    }
    requests
}

/// Status and body without the moment of the answer.
fn told(answer: Option<Answer>) -> (u16, serde_json::Value) {
    let answer = answer.expect("an answer");
    let mut json = answer.json();
    if let Some(meta) = json.get_mut("meta").and_then(serde_json::Value::as_object_mut) {
        assert!(meta.remove("fetchedAt").is_some(), "{}", answer.body);
    }
    (answer.status, json)
}

#[test]
fn every_other_request_has_the_same_answer_everywhere() {
    let Some(homes) = Homes::start(&[SOURCE.to_owned()].into()) else { return };
    let mut differences = Vec::new();
    let (mut statuses, mut counted) = (Vec::new(), 0);
    for (what, request) in requests() {
        let [first, others @ ..] = homes.addresses().map(|home| told(request(home)));
        for (name, other) in NAMES[1..].iter().zip(others) {
            if other != first {
                differences.push(format!("{what}: {name}: {other:?} instead of {first:?}"));
            }
        }
        counted += first.1["aggregates"].as_array().map_or(0, Vec::len);
        statuses.push(first.0);
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    for status in [200, 400, 401, 405] {
        assert!(statuses.contains(&status), "no request has {status}: {statuses:?}");
    }
    assert!(counted >= 5, "{counted} hours are told in all");
    let rows = homes.rows();
    assert_eq!(rows.each_ref().map(Vec::len), [1, 1, 1]);
    assert!(rows[1] == rows[0] && rows[2] == rows[0], "{rows:?}");
}
