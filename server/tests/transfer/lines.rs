//! Lines out and in again.

use sha2::{Digest as _, Sha256};

use crate::support::{Place, id, line, other_line};

const EVENTS: usize = 2500;

fn lines() -> String {
    (0..EVENTS).map(line).collect()
}

#[test]
fn a_round_trip_leaves_the_same_lines_and_the_same_digest() {
    let (first, second) = (Place::new(), Place::new());
    // every third event first, spelt in another way
    let shuffled: String = (0..3).flat_map(|start| (start..EVENTS).step_by(3)).map(other_line).collect();
    let ended = first.import(&shuffled);
    assert!(ended.told.ends_with("2500 events read: 2500 new, 0 already there\n"), "{}", ended.told);
    let exported = first.export(&[]);
    assert_eq!(exported, lines());
    second.import(&exported);
    assert_eq!(second.export(&[]), exported);
    let digest = first.digest();
    assert_eq!(second.digest(), digest);
    assert_eq!(digest, format!("sha256:{} events:2500\n", hex(exported.as_bytes())));
    // planted bug: one event more, and one that differs in a digit
    let (more, other) = (Place::new(), Place::new());
    more.import(&(lines() + &line(EVENTS)));
    other.import(&exported.replacen("\"n\":7,", "\"n\":8,", 1));
    assert_ne!(more.digest(), digest);
    assert_ne!(other.digest(), digest);
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[test]
fn a_range_and_a_source_are_those_lines_of_the_whole() {
    let place = Place::new();
    place.import(&lines());
    let of = |wanted: &dyn Fn(&str) -> bool| -> String {
        lines().split_inclusive('\n').filter(|line| wanted(line)).collect()
    };
    let time = |line: &str| line.split("\"timestamp\":\"").nth(1).unwrap()[..23].to_owned();
    let (from, to) = ("2026-02-01T00:03:00.000", "2026-02-01T00:11:07.000");
    let (from_z, to_z) = (format!("{from}Z"), format!("{to}Z"));
    let within = |line: &str| (from..to).contains(&time(line).as_str());
    assert_eq!(place.export(&["--from", &from_z, "--to", &to_z]), of(&within));
    let laptop = |line: &str| line.contains("\"source\":\"laptop\"");
    assert_eq!(place.export(&["--source", "laptop"]), of(&laptop));
    let both = place.export(&["--source", "laptop", "--from", &from_z, "--to", &to_z]);
    assert_eq!(both, of(&|line| within(line) && laptop(line)));
    assert!(both.len() > 10_000, "{}", both.len());
    let digest = place.run(&["digest", "--source", "laptop", "--from", &from_z, "--to", &to_z]);
    assert!(digest.out.contains(&hex(both.as_bytes())), "{digest:?}");
    assert_eq!(place.export(&["--source", "nobody"]), "");
    assert_eq!(place.export(&["--from", &to_z, "--to", &to_z]), "");
}

#[test]
fn what_is_there_already_is_passed_over() {
    let place = Place::new();
    place.import(&(0..100).map(line).collect::<String>());
    let twice: String = (50..150).chain(120..150).map(line).collect();
    let ended = place.import(&(twice + "\n  \n"));
    assert!(ended.told.ends_with("130 events read: 50 new, 80 already there\n"), "{}", ended.told);
    assert_eq!(place.export(&[]), (0..150).map(line).collect::<String>());
    let ended = place.import("");
    assert!(ended.told.ends_with("0 events read: 0 new, 0 already there\n"), "{}", ended.told);
}

#[test]
fn a_broken_line_is_named_and_what_stands_before_it_is_stored() {
    let event = |field: &str, value: &str| {
        let fields = [
            ("id", "\"evt_00000000000000000009\""),
            ("source", "\"laptop\""),
            ("timestamp", "\"2026-02-03T14:30:00Z\""),
            ("type", "\"tool\""),
            ("payload", "{}"),
        ];
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, good)| format!("\"{name}\":{}", if *name == field { value } else { good }))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
    for (broken, what) in [
        ("{\"id\":\"evt_", "line 4 of standard input is JSON that ends too early"),
        ("id,source", "line 4 of standard input is not JSON"),
        ("[]", "line 4 of standard input is not an object"),
        (&event("id", "null"), "line 4 of standard input missing required field 'id'"),
        (&event("id", "\"evt_1\""), "line 4 of standard input has an invalid field 'id': "),
        (&event("source", "\"\\u0007\""), "line 4 of standard input has an invalid field 'source': "),
        (
            &event("timestamp", "\"2026-02-30T00:00:00Z\""),
            "line 4 of standard input has an invalid field 'timestamp': ",
        ),
        (&event("type", "\"party\""), "line 4 of standard input has the unknown type 'party': "),
        (&event("payload", "[]"), "line 4 of standard input has an invalid field 'payload': an object"),
        (&event("payload", &deep), "line 4 of standard input has an invalid field 'payload': nested deeper"),
    ] {
        let place = Place::new();
        let text = |third: &str| format!("{}\n{}{third}\n{}", line(0), line(1), line(2));
        let ended = place.feed(&["import"], text(broken).as_bytes());
        assert_eq!(ended.code, Some(1), "{broken}: {ended:?}");
        assert!(ended.told.contains(what), "{broken}: {ended:?}");
        assert!(ended.told.contains("is stored (2 events read: 2 new, 0 already there)"), "{ended:?}");
        assert_eq!(place.export(&[]), line(0) + &line(1), "{broken}");
        let ended = place.import(&text(&event("none", "")));
        assert!(ended.told.ends_with("4 events read: 2 new, 2 already there\n"), "{ended:?}");
    }
}

#[test]
fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
    let place = Place::new();
    let endless = "x".repeat(64 << 20);
    let ended = place.feed(&["import", "-"], endless.as_bytes());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.told.contains("line 1 of standard input is longer than 1048576 bytes"), "{ended:?}");
}

#[test]
fn an_imported_event_is_counted_like_any_other_and_is_not_live() {
    let place = Place::new();
    place.import(&(0..30).map(line).collect::<String>());
    let connection = rusqlite::Connection::open(place.database()).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM event WHERE id LIKE '0%'"), 30);
    assert_eq!(count("SELECT sum(q0 + q1 + q2 + q3) FROM hourly"), 30);
    assert_eq!(count("SELECT sum(count) FROM tally"), 30);
    assert_eq!(count("SELECT count(*) FROM event WHERE live"), 0);
    assert!(place.export(&[]).contains(&id(29)));
}
