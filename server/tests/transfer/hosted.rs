//! Events from the database of a hosted project, read with a role that may do nothing else.

use std::fs;
use std::path::PathBuf;

use crate::postgres::{Hosted, PASSWORD};
use crate::support::{Ended, Place, line};

const EVENTS: usize = 12_000;

/// Rows that are no events, and the words that name them.
const REFUSED: [(&str, &str); 11] = [
    ("'evt_short', 'a', '2026-02-03', 'tool', '{}'", "'evt_short' has an invalid field 'id'"),
    ("E'evt_0\\n000', 'a', '2026-02-03', 'tool', '{}'", "'evt_0000' has an invalid field 'id'"),
    ("'evt_a0000000000000000000', E'a\\tb', '2026-02-03', 'tool', '{}'", "has an invalid field 'source'"),
    ("'evt_b0000000000000000000', 'a', '0044-03-15 BC', 'tool', '{}'", "has an invalid field 'timestamp'"),
    ("'evt_c0000000000000000000', 'a', 'infinity', 'tool', '{}'", "has an invalid field 'timestamp'"),
    ("'evt_f0000000000000000000', 'a', '-infinity', 'tool', '{}'", "has an invalid field 'timestamp'"),
    (
        "'evt_g0000000000000000000', 'a', '1969-12-31 23:59:59.999999Z', 'tool', '{}'",
        "has an invalid field 'timestamp'",
    ),
    (
        "'evt_h0000000000000000000', 'a', '10000-01-01 00:00:00Z', 'tool', '{}'",
        "has an invalid field 'timestamp'",
    ),
    // more microseconds than a number of 64 bits holds
    ("'evt_i0000000000000000000', 'a', '294276-12-31', 'tool', '{}'", "'evt_i0000000000000000000' has an"),
    ("'evt_d0000000000000000000', 'a', '2026-02-03', 'party', '{}'", "has an invalid field 'event_type'"),
    ("'evt_e0000000000000000000', 'a', '2026-02-03', 'tool', '[1]'", "has an invalid field 'payload'"),
];

pub(crate) fn import(place: &Place, hosted: &Hosted) -> Ended {
    let file = place.path().join("url");
    fs::write(&file, format!("{}\n", hosted.url())).unwrap();
    let mut command = place.program(&["import", "--from-file", file.to_str().unwrap()]);
    let mut ended = Ended::of(&command.env("RUST_LOG", "trace").output().unwrap());
    assert!(!ended.told.contains(PASSWORD), "{}", ended.told);
    // threads of the runtime may still say that they end when the last word is said
    let is_trace = |line: &&str| line.starts_with('{') && line.contains(r#""level":"TRACE""#);
    ended.told = ended.told.lines().filter(|line| !is_trace(line)).flat_map(|line| [line, "\n"]).collect();
    ended
}

/// The files that hold how far imports are.
pub(crate) fn places(place: &Place) -> Vec<PathBuf> {
    fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

#[test]
fn every_event_comes_over_once_and_what_is_none_is_named() {
    let Some(hosted) = Hosted::new() else { return };
    let lines: String = (0..EVENTS).map(line).collect();
    hosted.fill(&lines);
    let seen = "SELECT coalesce(sum(seq_tup_read), 0)::bigint FROM pg_stat_user_tables";
    let before = hosted.value(seen);

    let place = Place::new();
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    assert!(ended.told.ends_with("12000 events read: 12000 new, 0 already there\n"), "{}", ended.told);
    assert_eq!(place.export(&[]), lines);
    assert_eq!(places(&place), Vec::<PathBuf>::new());
    // every page came by the index on time; a page that looked at all rows would show here
    assert_eq!(hosted.value(seen), before);

    for (row, _) in REFUSED {
        let columns = r#"id, source, "timestamp", event_type, payload"#;
        hosted.execute(&format!("INSERT INTO public.events ({columns}) VALUES ({row})"));
    }
    hosted.fill(&line(EVENTS));
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(1), "{}", ended.told);
    let told = "12012 events read: 1 new, 12000 already there, 11 refused\n";
    assert!(ended.told.contains(told), "{}", ended.told);
    for (row, words) in REFUSED {
        assert!(ended.told.contains(words), "{row}: {}", ended.told);
    }
    assert_eq!(place.export(&[]), lines + &line(EVENTS));
    // the role could not have written, and nothing did
    assert_eq!(hosted.value("SELECT count(*) FROM public.events"), "12012");
}

/// How many rows of the table an import did not tell of.
fn untold(hosted: &Hosted, ended: &Ended) -> u64 {
    let (before, _) = ended.told.split_once(" events read: ").expect("a last word");
    let read: u64 = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    hosted.value("SELECT count(*) FROM public.events").parse::<u64>().unwrap() - read
}

#[test]
fn the_first_and_the_last_moment_come_over_and_what_is_beyond_them_is_counted() {
    let Some(hosted) = Hosted::new() else { return };
    let edges = ["1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999999Z"].map(|moment| {
        let id = format!("evt_{:0>20}", &moment[..4]);
        format!(r#"{{"id":"{id}","source":"a","timestamp":"{moment}","type":"tool","payload":{{}}}}"#) + "\n"
    });
    hosted.fill(&edges.concat());
    let beyond = ["-infinity", "infinity", "1969-12-31 23:59:59.999999Z", "10000-01-01 00:00:00Z"];
    for (number, moment) in beyond.iter().enumerate() {
        let columns = r#"id, source, "timestamp", event_type, payload"#;
        hosted.execute(&format!(
            "INSERT INTO public.events ({columns}) VALUES ('evt_{number:020}', 'a', '{moment}', 'tool', '{{}}')"
        ));
    }
    let place = Place::new();
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(1), "{}", ended.told);
    assert!(ended.told.contains("6 events read: 2 new, 0 already there, 4 refused\n"), "{}", ended.told);
    assert_eq!(untold(&hosted, &ended), 0, "{}", ended.told);
    assert_eq!(place.export(&[]), edges.concat());
    // planted: somebody on the way leaves out what it takes for no event
    hosted.execute(&format!(
        r#"ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;
           CREATE POLICY finite ON public.events FOR SELECT TO {} USING (isfinite("timestamp"))"#,
        hosted.reader
    ));
    let ended = import(&Place::new(), &hosted);
    assert_eq!(untold(&hosted, &ended), 2, "{}", ended.told);
}

#[test]
fn rows_that_a_role_may_not_see_are_no_empty_table() {
    let Some(hosted) = Hosted::new() else { return };
    let place = Place::new();
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    assert!(ended.told.ends_with("0 events read: 0 new, 0 already there\n"), "{}", ended.told);

    hosted.fill(&line(0));
    hosted.execute("ALTER TABLE public.events ENABLE ROW LEVEL SECURITY");
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(1), "{}", ended.told);
    assert!(ended.told.contains("row level security hides every row"), "{}", ended.told);

    let reader = &hosted.reader;
    hosted.execute(&format!("CREATE POLICY readers ON public.events FOR SELECT TO {reader} USING (true)"));
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    assert!(ended.told.contains("row level security is on for this role"), "{}", ended.told);
    assert_eq!(place.export(&[]), line(0));

    hosted.execute(&format!("REVOKE SELECT ON public.events FROM {reader}"));
    let ended = import(&place, &hosted);
    assert_eq!(ended.code, Some(1), "{}", ended.told);
    assert!(ended.told.contains("permission denied"), "{}", ended.told);
}
