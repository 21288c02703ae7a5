//! The hosted functions as the other programs meet them: the real monitor sends to them, and they judge every body as
//! the server does.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use vibetea_monitor::identity::Identity;
use vibetea_monitor::running::Running;
use vibetea_protocol::batch::{self, IdRule};
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::answers::{self, Answer};
use vibetea_tests::dice::Dice;
use vibetea_tests::hosted::Hosted;
use vibetea_tests::oracle;
use vibetea_tests::place::{Place, SOURCE, TOKEN, source};
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

const LONG: Duration = Duration::from_mins(1);
const MICROS_PER_DAY: i64 = 86_400_000_000;

fn send(hosted: &Hosted, key: &SigningKey, body: &[u8]) -> Answer {
    let headers = [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(key, body))];
    answers::post(hosted.address, "/functions/v1/ingest", &headers, body).unwrap()
}

fn counted(hosted: &Hosted) -> u64 {
    let path = "/functions/v1/query?days=30";
    let answer = answers::get(hosted.address, path, &answers::bearer(TOKEN)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let rows = answer.json()["aggregates"].as_array().unwrap().clone();
    rows.iter().filter_map(|row| row["eventCount"].as_u64()).sum()
}

/// Sessions of the last days and one of this minute; the ids of all their events.
fn write_transcripts(place: &Place) -> BTreeSet<String> {
    let identity = Identity::new(&place.private_key(), &source());
    let now = Clock::System.now();
    let mut ids = BTreeSet::new();
    for (number, days) in (0..).zip([6, 3, 1, 0]) {
        let mut session = Session::new(number, "shop");
        let mut file = Appender::open(&session.path(&place.claude()));
        let at = Timestamp::from_micros(now.as_micros() - days * MICROS_PER_DAY).unwrap();
        for _ in 0..301 {
            let line = session.next_line(at);
            file.line(&line.text);
            ids.extend(line.events.iter().map(|(natural, at)| oracle::id(&identity, natural, *at)));
        }
    }
    ids
}

/// Events with these ids, as a sender of the same source would name them.
fn events_named(ids: &BTreeSet<String>) -> Vec<Value> {
    let event = |id| {
        json!({
            "id": id, "source": SOURCE, "timestamp": "2026-01-01T00:00:00Z", "eventType": "tool", "payload": {},
        })
    };
    ids.iter().map(event).collect()
}

#[test]
fn the_monitor_brings_every_event_to_the_hosted_functions_once() {
    let place = Place::new();
    let public_key = place.make_keys();
    let Some(hosted) = Hosted::start(&format!("{SOURCE}:{public_key}")) else { return };
    let url = format!("http://{}/functions/v1", hosted.address);
    let ids = write_transcripts(&place);
    let server = place.start_server(&public_key);
    let run = || {
        let monitor = place
            .start_monitor(&[("VIBETEA_SUPABASE_URL", &url), ("VIBETEA_SUPABASE_BATCH_INTERVAL_SECS", "1")]);
        until_so(LONG, "every transcript is read and the outbox is empty", || {
            Running::read(&place.state()).is_some_and(|running| running.history.done)
                && stored::open(&place.state().join("outbox.db")).is_ok_and(|outbox| {
                    outbox.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)) == Ok(0)
                })
        });
        monitor.terminate();
        let ended = monitor.wait(LONG);
        assert!(ended.status.success(), "{}", ended.stderr);
    };
    run();
    assert_eq!(counted(&hosted), ids.len() as u64);
    // what is stored already is a duplicate, so the stored ids are these and no others
    let key = SigningKey::from_bytes(&place.private_key());
    for part in events_named(&ids).chunks(1000) {
        let answer = send(&hosted, &key, json!(part).to_string().as_bytes());
        assert_eq!((answer.status, &answer.json()["inserted"]), (200, &json!(0)), "{}", answer.body);
    }
    std::fs::remove_dir_all(place.state()).unwrap();
    run();
    assert_eq!(counted(&hosted), ids.len() as u64, "reading everything again adds nothing");
    drop(server);
}

/// Bodies at the edges of what a parser takes.
const ODD: [&str; 24] = [
    "",
    " ",
    "-",
    "1.",
    "-0.",
    "2e",
    "1.5E+",
    "01.",
    "1. ",
    "5",
    "tru",
    "trux",
    "\"x",
    "\"x\" y",
    "[-",
    "[1.",
    "[1",
    "[1,]",
    "{\"\\ud800",
    "{\"\\ud800\":1}",
    "[{\"\\udc00\":1}]",
    "[\"\\u1é",
    "[\"\\u1éx",
    "\u{feff}[]",
];

/// Good and bad bodies with a few bytes changed: what a parser may judge in one way or another.
fn spoilt(dice: &mut Dice, number: usize) -> Vec<u8> {
    const PIECES: [&str; 34] = [
        "",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-",
        "1e400",
        "1E-5",
        "01",
        "1.",
        "\\u0000",
        "\\ud83d",
        "\\ud83c\\udf75",
        "\\x",
        "é",
        "\u{1f375}",
        "\n",
        "\0",
        "\u{7f}",
        "true",
        "{}",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "evt_",
        "laptop",
        "2026-02-30T00:00:00Z",
        "+01:00",
        "type",
        "payload",
        " ",
    ];
    let event = |n: usize| {
        json!({
            "id": format!("evt_{n:020}"), "source": SOURCE, "timestamp": "2026-02-03T14:30:00.123Z",
            "eventType": "tool", "payload": {"sessionId": "s", "nested": [1, {"a": "b"}], "n": -1.5},
        })
    };
    let events: Vec<Value> = (0..=below(dice, 3)).map(|at| event(number * 4 + at)).collect();
    let whole = if dice.once_in(4) { events[0].to_string() } else { json!(events).to_string() };
    let mut body = whole.into_bytes();
    for _ in 0..=below(dice, 2) {
        let at = below(dice, body.len() + 1);
        let end = (at + below(dice, 4)).min(body.len());
        match dice.below(8) {
            0 => body.truncate(at),
            1 => body.insert(at, u8::try_from(dice.below(256)).unwrap()),
            _ => drop(body.splice(at..end, dice.pick(&PIECES).bytes())),
        }
    }
    body
}

fn below(dice: &mut Dice, limit: usize) -> usize {
    usize::try_from(dice.below(limit as u64)).unwrap()
}

#[test]
fn spoilt_bodies_get_the_very_answers_of_the_servers_parser() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public_key = PublicKey::of(&key).to_base64();
    let Some(hosted) = Hosted::start(&format!("{SOURCE}:{public_key}")) else { return };
    let mut dice = Dice::new();
    let (mut told, mut good) = (String::new(), 0);
    let mut messages = BTreeSet::new();
    let odd = ODD.map(|text| text.as_bytes().to_vec());
    let bodies: Vec<Vec<u8>> =
        odd.into_iter().chain((0..3000).map(|number| spoilt(&mut dice, number))).collect();
    for body in bodies {
        let answer = send(&hosted, &key, &body);
        let (status, expected) = match batch::parse(&body, SOURCE, IdRule::LowerCase) {
            Ok(_) => (200, Value::Null),
            Err(problem) => (problem.error.status(), serde_json::to_value(&problem).unwrap()),
        };
        let found = if answer.status == 200 { Value::Null } else { answer.json() };
        if (answer.status, &found) != (status, &expected) {
            let text = String::from_utf8_lossy(&body);
            writeln!(told, "{text}\n  expected {status} {expected}\n  got {} {found}", answer.status)
                .unwrap();
        }
        good += usize::from(status == 200);
        messages.insert(expected["message"].as_str().unwrap_or_default().to_owned());
    }
    assert!(told.is_empty(), "\n{told}");
    assert!(good > 100 && messages.len() > 15, "{good} good bodies, {messages:?}");
}
