//! `/api/v1` over HTTP: who may ask, what is refused, and what the answers look like.

use serde_json::{Value, json};
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::{
    Breakdowns, Capabilities, Counts, EventPage, Session, SessionPage, Ticket, Totals,
};

use crate::harness::{SOURCE, Server, Setup, body, id, send};

/// Every route that reads the history, with what it needs.
const HISTORY: [&str; 5] = [
    "/api/v1/events",
    "/api/v1/sessions",
    "/api/v1/sessions/s-1",
    "/api/v1/counts?from=2026-02-03T00:00:00Z&to=2026-02-04T00:00:00Z",
    "/api/v1/breakdowns",
];

#[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn event(n: u64, timestamp: &str, kind: &str, payload: Value) -> Value {
    json!({ "id": id(n), "source": SOURCE, "timestamp": timestamp, "type": kind, "payload": payload })
}

/// A short session: a start, a person, a tool that comes back badly, an agent, a failure.
async fn with_a_session() -> Server {
    let server = Setup::new().start().await;
    let (session, project) = ("s-1", "shop");
    let of = |more: Value| {
        let mut payload = json!({ "sessionId": session, "project": project });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    server
        .ingest(&[
            event(1, "2026-02-03T10:00:00Z", "session", of(json!({ "action": "started" }))),
            event(2, "2026-02-03T10:00:01Z", "activity", of(json!({}))),
            event(3, "2026-02-03T10:00:02Z", "tool", of(json!({ "tool": "Bash", "status": "started" }))),
            event(
                4,
                "2026-02-03T10:00:03.5Z",
                "tool",
                of(json!({ "tool": "Bash", "status": "completed", "success": false, "durationMs": 1500 })),
            ),
            event(
                5,
                "2026-02-03T10:14:59Z",
                "agent",
                of(json!({ "state": "started", "agentType": "Explore" })),
            ),
            event(
                6,
                "2026-02-03T10:20:00Z",
                "error",
                json!({ "sessionId": session, "category": "rate_limit" }),
            ),
        ])
        .await;
    server
}

fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn every_answer_has_its_type() {
    let server = with_a_session().await;
    let get = async |path: &str| {
        let answer = server.view(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    };
    let can: Capabilities = decoded(&get("/api/v1/capabilities").await);
    assert_eq!((can.version.as_str(), can.api_version, can.history), (env!("CARGO_PKG_VERSION"), 1, true));
    let totals: Totals = decoded(&get("/api/v1/totals").await);
    assert_eq!((totals.events, totals.sources, totals.by_type.len()), (6, 1, 6));
    let page: EventPage = decoded(&get("/api/v1/events?limit=2&session=s-1").await);
    assert_eq!(page.events.iter().map(|event| event.id.to_string()).collect::<Vec<_>>(), [id(6), id(5)]);
    assert!(page.older.is_some() && page.newer.is_none());
    let sessions: SessionPage = decoded(&get("/api/v1/sessions?state=ended").await);
    let session: Session = decoded(&get("/api/v1/sessions/s-1?source=laptop").await);
    assert_eq!(sessions.sessions, [session]);
    let counts: Counts = decoded(
        &get("/api/v1/counts?from=2026-02-03T00:00:00Z&to=2026-02-04T00:00:00Z&tz=Asia/Kolkata").await,
    );
    assert_eq!(counts.meta.total_count, 6);
    let breakdowns: Breakdowns = decoded(&get("/api/v1/breakdowns?project=shop").await);
    assert_eq!((breakdowns.meta.total_count, breakdowns.tools.len()), (5, 1));
    let ticket =
        send(server.request(reqwest::Method::POST, "/api/v1/ticket").bearer_auth(crate::harness::TOKEN))
            .await;
    assert!(!decoded::<Ticket>(&ticket.body).ticket.is_empty());
}

#[tokio::test]
async fn answers_look_as_they_are_described() {
    let server = with_a_session().await;
    let json = async |path: &str| {
        let mut json = server.view(path).await.json();
        if let Some(moment) = json.pointer_mut("/fetchedAt") {
            *moment = json!("now");
        }
        if let Some(moment) = json.pointer_mut("/meta/fetchedAt") {
            *moment = json!("now");
        }
        json
    };
    let mut settings = insta::Settings::clone_current();
    // every store answers the same
    settings.set_prepend_module_to_snapshot(false);
    let _bound = settings.bind_to_scope();
    insta::assert_json_snapshot!("events_page", json("/api/v1/events?type=tool&limit=1").await);
    insta::assert_json_snapshot!("sessions_page", json("/api/v1/sessions").await);
    let day = "from=2026-02-03T00:00:00Z&to=2026-02-04T00:00:00Z&tz=asia/kolkata";
    insta::assert_json_snapshot!("counts_by_hour", json(&format!("/api/v1/counts?{day}&split=source")).await);
    insta::assert_json_snapshot!("counts_by_day", json(&format!("/api/v1/counts?{day}&by=day")).await);
    insta::assert_json_snapshot!(
        "counts_by_hour_of_week",
        json(&format!("/api/v1/counts?{day}&by=hourOfWeek")).await
    );
    insta::assert_json_snapshot!("breakdowns", json("/api/v1/breakdowns?to=2026-02-03T10:14:59Z").await);
}

#[tokio::test]
async fn nothing_but_the_description_is_told_without_the_token() {
    let server = Setup::new().start().await;
    for path in
        HISTORY.into_iter().chain(["/api/v1/capabilities", "/api/v1/totals", "/api/v1/events?limit=x"])
    {
        assert_eq!(server.get(path).await.refusal(), (401, "missing_auth".to_owned()), "{path}");
        let wrong = server.get_with(path, "Bearer wrong").await;
        assert_eq!(wrong.refusal(), (401, "invalid_token".to_owned()), "{path}");
        let answer = send(server.request(reqwest::Method::POST, path)).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{path}");
    }
    let description = server.get("/api/v1/openapi.json").await;
    assert_eq!((description.status, description.header("content-type")), (200, "application/json"));
    assert_eq!(description.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_relay_says_that_it_has_no_history() {
    let server = Setup::relay().start().await;
    for path in HISTORY {
        let answer = server.view(path).await;
        assert_eq!(answer.refusal(), (503, "unavailable".to_owned()), "{path}");
        assert_eq!(answer.header("retry-after"), "", "asking again changes nothing");
    }
    assert_eq!(server.view("/api/v1/capabilities").await.json()["history"], false);
    assert_eq!(
        server.view("/api/v1/events?limit=0").await.refusal().0,
        400,
        "parameters are looked at first"
    );
}

#[tokio::test]
async fn every_wrong_parameter_is_named_with_its_value_and_what_is_allowed() {
    let server = with_a_session().await;
    let range = "from=2026-02-03T00:00:00Z&to=2026-02-04T00:00:00Z";
    let cases: [(String, [&str; 3]); 34] = [
        ("/events?limit=0".into(), ["limit", "'0'", "1 to 500"]),
        ("/events?limit=501".into(), ["limit", "'501'", "1 to 500"]),
        ("/events?limit=".into(), ["limit", "''", "1 to 500"]),
        ("/events?limit=%2B5".into(), ["limit", "'+5'", "1 to 500"]),
        ("/events?limit=99999999999999999999".into(), ["limit", "'99999999999999999999'", "1 to 500"]),
        ("/events?type=tools".into(), ["type", "'tools'", "session, activity, tool, agent, summary, error"]),
        ("/events?type=".into(), ["type", "''", "session, activity, tool, agent, summary, error"]),
        ("/events?from=yesterday".into(), ["from", "'yesterday'", "RFC 3339"]),
        ("/events?from=".into(), ["from", "''", "RFC 3339"]),
        ("/events?to=2026-02-30T00:00:00Z".into(), ["to", "'2026-02-30T00:00:00Z'", "RFC 3339"]),
        ("/events?to=1969-12-31T23:59:59Z".into(), ["to", "'1969-12-31T23:59:59Z'", "1970 to 9999"]),
        (
            "/events?from=2026-02-04T00:00:00Z&to=2026-02-03T00:00:00Z".into(),
            ["to", "'2026-02-03", "not before from"],
        ),
        ("/events?before=abc".into(), ["before", "'abc'", "cursor"]),
        ("/events?before=".into(), ["before", "''", "cursor"]),
        ("/events?after=17-x".into(), ["after", "'17-x'", "cursor"]),
        ("/events?before=1-&after=1-".into(), ["after", "'1-'", "one of before and after"]),
        ("/events?source=%0a".into(), ["source", "''", "128 characters"]),
        ("/events?colour=red".into(), ["'colour'", "no parameter", "source, project, tool"]),
        ("/events?limit=5&limit=6".into(), ["limit", "'6'", "once"]),
        ("/sessions?state=asleep".into(), ["state", "'asleep'", "active, idle, ended"]),
        ("/sessions?state=".into(), ["state", "''", "active, idle, ended"]),
        ("/sessions?limit=201".into(), ["limit", "'201'", "1 to 200"]),
        ("/sessions?before=1".into(), ["before", "'1'", "cursor"]),
        ("/sessions?tool=Bash".into(), ["'tool'", "no parameter", "source, project"]),
        ("/sessions/s-1?source=%00".into(), ["source", "''", "128 characters"]),
        ("/counts?to=2026-02-04T00:00:00Z".into(), ["from", "needed", "missing"]),
        ("/counts?from=2026-02-04T00:00:00Z".into(), ["to", "needed", "missing"]),
        (
            "/counts?from=2025-02-03T00:00:00Z&to=2026-02-04T01:00:00.000001Z".into(),
            ["to", "'2026-02-04T01", "366 days"],
        ),
        (format!("/counts?{range}&tz=Mars/Phobos"), ["tz", "'Mars/Phobos'", "IANA"]),
        (format!("/counts?{range}&tz="), ["tz", "''", "IANA"]),
        (format!("/counts?{range}&by=week"), ["by", "'week'", "hour, day, hourOfWeek"]),
        (format!("/counts?{range}&split=project"), ["split", "'project'", "source"]),
        (format!("/breakdowns?{range}&tz=UTC"), ["'tz'", "no parameter", "from, to, source, project"]),
        ("/capabilities?x=1".into(), ["'x'", "no parameter", "none"]),
    ];
    for (path, parts) in cases {
        let answer = server.view(&format!("/api/v1{path}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_parameter".to_owned()), "{path}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(parts.iter().all(|part| message.contains(part)), "{path}: {message}");
    }
    let long = "x".repeat(500);
    let message =
        server.view(&format!("/api/v1/counts?{range}&tz={long}")).await.json()["message"].to_string();
    assert!(message.len() < 250, "{message}");
}

#[tokio::test]
async fn a_range_of_a_year_and_the_ends_of_time_are_allowed() {
    let server = with_a_session().await;
    for path in [
        "/counts?from=2025-02-03T00:00:00Z&to=2026-02-04T01:00:00Z",
        "/counts?from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:00Z",
        "/counts?from=9999-12-31T00:00:00Z&to=9999-12-31T23:59:59.999999Z&tz=Pacific/Kiritimati&by=day",
        "/breakdowns?from=1970-01-01T00:00:00Z&to=9999-12-31T23:59:59.999999Z",
        "/events?from=1970-01-01T00:00:00Z&to=9999-12-31T23:59:59.999999Z",
        "/events?before=253402300800000000-",
        "/events?after=0-",
        "/sessions?from=1970-01-01T00:00:00Z&to=9999-12-31T23:59:59.999999Z&before=253402300800000000-999999999999999999",
        "/events?source=&project=&tool=&session=",
    ] {
        let answer = server.view(&format!("/api/v1{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_session_of_two_sources_is_asked_for_by_source() {
    let server = with_a_session().await;
    let mut other = event(9, "2026-02-03T10:00:00Z", "activity", json!({ "sessionId": "s-1" }));
    other["source"] = json!("desktop");
    assert_eq!(server.post("/ingest", "desktop", body(&[other])).await.status, 200);
    let answer = server.view("/api/v1/sessions/s-1").await;
    assert_eq!(answer.refusal(), (400, "invalid_parameter".to_owned()));
    assert!(answer.body.contains("parameter source"), "{answer:?}");
    assert_eq!(server.view("/api/v1/sessions/s-1?source=desktop").await.json()["eventCount"], 1);
    assert_eq!(server.view("/api/v1/sessions/s-1?source=laptop").await.json()["eventCount"], 6);
    for path in ["/api/v1/sessions/s-1?source=nobody", "/api/v1/sessions/s-2", "/api/v1/sessions/%00"] {
        assert_eq!(server.view(path).await.refusal(), (404, "not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn the_state_of_a_session_follows_the_clock() {
    let server = Setup::new().start().await;
    let now = crate::harness::now().as_micros();
    let ago = |seconds: i64| Timestamp::from_micros(now - seconds * 1_000_000).unwrap().to_string();
    let of = |session: &str, action: Option<&str>| match action {
        Some(action) => json!({ "sessionId": session, "action": action }),
        None => json!({ "sessionId": session }),
    };
    server
        .ingest(&[
            event(1, &ago(10), "activity", of("active", None)),
            event(2, &ago(400), "activity", of("idle", None)),
            event(3, &ago(2000), "activity", of("silent", None)),
            event(4, &ago(10), "session", of("over", Some("ended"))),
            event(5, &ago(20), "session", of("resumed", Some("ended"))),
            event(6, &ago(15), "activity", of("resumed", None)),
        ])
        .await;
    for (state, names) in
        [("active", vec!["active", "resumed"]), ("idle", vec!["idle"]), ("ended", vec!["over", "silent"])]
    {
        let page: SessionPage = decoded(&server.view(&format!("/api/v1/sessions?state={state}")).await.body);
        let mut found: Vec<_> = page.sessions.iter().map(|session| session.session_id.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, names, "{state}");
    }
}

/// Paths and parameters of the description, as the routes have them.
#[tokio::test]
async fn the_description_names_every_route_and_every_parameter() {
    let server = with_a_session().await;
    let description = server.get("/api/v1/openapi.json").await.json();
    let paths = description["paths"].as_object().unwrap();
    // those of the administration and of joining, which answer to other proofs, are asked by tests of their own
    let elsewhere =
        |path: &str| path.contains("/admin/") || path.ends_with("/enrol") || path.ends_with("/rotate");
    let paths: Vec<_> = paths.iter().filter(|(path, _)| !elsewhere(path)).collect();
    assert_eq!(paths.len(), 10);
    for (path, methods) in paths {
        let real = path.replace("{id}", "s-1");
        for (method, operation) in methods.as_object().unwrap() {
            let needs = if real.ends_with("/counts") {
                "?from=2026-02-03T00:00:00Z&to=2026-02-04T00:00:00Z"
            } else {
                ""
            };
            let method: reqwest::Method = method.to_uppercase().parse().unwrap();
            let request = server.request(method.clone(), &format!("{real}{needs}"));
            let answer = send(request.bearer_auth(crate::harness::TOKEN)).await;
            assert_eq!(answer.status, 200, "{method} {real}");
            if method != reqwest::Method::GET || real.ends_with("openapi.json") || real.ends_with("totals") {
                continue;
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let names = parameters.iter().filter(|parameter| parameter["in"] == "query");
            let names: Vec<&str> = names.map(|parameter| parameter["name"].as_str().unwrap()).collect();
            let refused = server.view(&format!("{real}?unknown=1")).await.json()["message"].to_string();
            let listed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let mut allowed: Vec<&str> =
                refused.trim_matches('"').split("allowed: ").last().unwrap().split(", ").collect();
            let mut described: Vec<&str> = listed.split(", ").collect();
            allowed.sort_unstable();
            described.sort_unstable();
            assert_eq!(allowed, described, "{real}");
        }
    }
}

/// Values that are likely to be wrong in one parameter and right in another.
const VALUES: [&str; 24] = [
    "",
    "0",
    "1",
    "500",
    "-1",
    "tool",
    "active",
    "ended",
    "day",
    "hourOfWeek",
    "source",
    "UTC",
    "Europe/Berlin",
    "1970-01-01T00:00:00Z",
    "2026-02-03T10:07:00.000001Z",
    "2026-02-03T10:10:00%2B05:45",
    "9999-12-31T23:59:59.999999Z",
    "0-",
    "253402300800000000-",
    "1770112803500000-00000000000000000004",
    "laptop",
    "shop",
    "s-1",
    "%00%ff%27%22",
];
const NAMES: [&str; 13] = [
    "source", "project", "tool", "type", "session", "from", "to", "limit", "before", "after", "tz", "by",
    "state",
];

/// The long form of this is made from the description itself.
#[tokio::test]
async fn whatever_is_asked_the_answer_is_of_its_type_or_a_refusal() {
    let server = with_a_session().await;
    let mut dice = 7_u64;
    let mut draw = move |most: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % most
    };
    let mut good = 0;
    for turn in 0..600 {
        let path = ["/events", "/sessions", "/counts", "/breakdowns", "/sessions/s-1"][turn % 5];
        let mut pairs: Vec<String> = (0..draw(4))
            .map(|_| format!("{}={}", NAMES[draw(NAMES.len())], VALUES[draw(VALUES.len())]))
            .collect();
        if path == "/counts" && draw(4) > 0 {
            pairs.extend(["from=2026-02-03T00:00:00Z".to_owned(), "to=2026-02-04T00:00:00Z".to_owned()]);
        }
        let path = format!("/api/v1{path}?{}", pairs.join("&"));
        let answer = server.view(&path).await;
        match (answer.status, turn % 5) {
            (200, 0) => drop(decoded::<EventPage>(&answer.body)),
            (200, 1) => drop(decoded::<SessionPage>(&answer.body)),
            (200, 2) => drop(decoded::<Counts>(&answer.body)),
            (200, 3) => drop(decoded::<Breakdowns>(&answer.body)),
            (200, _) => drop(decoded::<Session>(&answer.body)),
            (404, 4) => assert_eq!(answer.error(), "not_found", "{path}"),
            _ => assert_eq!(answer.refusal(), (400, "invalid_parameter".to_owned()), "{path}"),
        }
        good += u32::from(answer.status == 200);
    }
    assert!((100..550).contains(&good), "{good} of 600 are good");
}
