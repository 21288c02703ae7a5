//! Lines in every state that a crash, a cut or a careless writer leaves behind.

use proptest::prelude::*;
use serde_json::{Value, json};
use vibetea_monitor::interpret::LineOutcome;

use crate::harness::{MapMemory, Reader, interpreter, main_file, shown};
use crate::lines::{call, prompt, record, result};

fn take(line: &[u8]) -> (Vec<String>, LineOutcome) {
    let interpreter = interpreter();
    let mut reader = Reader::new(&interpreter, &main_file());
    let events = reader.line(line, &mut MapMemory::default());
    (events.iter().map(shown).collect(), reader.outcomes[0])
}

fn whole() -> String {
    call("a1", 0, "toolu_1", "Read", &json!({"file_path": "/src/auth.ts", "limit": 3})).to_string()
}

fn whole_events() -> Vec<String> {
    let (events, outcome) = take(whole().as_bytes());
    assert_eq!((events.len(), outcome), (2, LineOutcome::Understood));
    events
}

#[test]
fn what_surrounds_a_record_does_not_matter() {
    let whole = whole();
    for line in [
        format!("\u{feff}{whole}"),
        format!("{whole}\r"),
        format!("  {whole}\t"),
        format!("{}{whole}", "\0".repeat(5000)),
        format!("{whole}{}", "\0".repeat(5000)),
    ] {
        assert_eq!(take(line.as_bytes()), (whole_events(), LineOutcome::Understood), "{line:.20}");
    }
}

#[test]
fn two_objects_on_one_line_both_count() {
    let second = prompt("u2", 1, "hi").to_string();
    for between in ["", " ", "\0\0"] {
        let (events, outcome) = take(format!("{}{between}{second}", whole()).as_bytes());
        assert_eq!((events.len(), outcome), (3, LineOutcome::Understood), "{between:?}");
    }
    let nameless = json!({"type": "progress", "timestamp": "2026-02-03T10:00:00Z",
        "progress": {"type": "PostToolUse", "tool_name": "Read"}});
    assert_eq!(take(format!("{nameless}{nameless}").as_bytes()).0.len(), 2, "each is a record of its own");
}

#[test]
fn half_a_record_before_a_whole_one_costs_only_the_half() {
    let whole = whole();
    let first =
        result("u1", 0, "toolu_0", &json!({}), &json!({"a": {"b": [{"c": "{\"d\":1}"}]}})).to_string();
    for cut in (1..first.len()).filter(|cut| first.is_char_boundary(*cut)) {
        let (events, outcome) = take(format!("{}{whole}", &first[..cut]).as_bytes());
        assert_eq!((events, outcome), (whole_events(), LineOutcome::Understood), "cut at {cut}");
    }
}

#[test]
fn half_a_record_alone_gives_nothing_and_is_counted() {
    let whole = whole();
    for cut in 1..whole.len() {
        assert_eq!(take(&whole.as_bytes()[..cut]), (vec![], LineOutcome::Unreadable), "head of {cut}");
        assert_eq!(take(&whole.as_bytes()[cut..]), (vec![], LineOutcome::Unreadable), "tail from {cut}");
    }
}

#[test]
fn a_whole_record_before_half_a_one_counts() {
    let (events, outcome) = take(format!("{}{{\"type\":\"us", whole()).as_bytes());
    assert_eq!((events, outcome), (whole_events(), LineOutcome::Unreadable));
}

#[test]
fn lines_that_are_no_objects_are_counted() {
    for line in ["// a comment", "null", "17", "\"text\"", "[{\"type\":\"user\"}]", "{", "}", "{]", "\0\0\0x"]
    {
        assert_eq!(take(line.as_bytes()), (vec![], LineOutcome::Unreadable), "{line}");
    }
    assert_eq!(take(&[0; 4096]), (vec![], LineOutcome::Unreadable), "what a crash leaves of a file");
    for blank in ["", " ", "\r", "\u{feff}"] {
        assert_eq!(take(blank.as_bytes()), (vec![], LineOutcome::Understood), "{blank:?}");
    }
}

#[test]
fn bad_text_spoils_no_record() {
    let text = prompt("u1", 0, "PLACE").to_string();
    let put = |bytes: &[u8]| {
        let at = text.find("PLACE").unwrap();
        [&text.as_bytes()[..at], bytes, &text.as_bytes()[at + 5..]].concat()
    };
    for bytes in [
        &b"\xff\xfe"[..],
        b"\xed\xa0\x80",
        br"\ud83d",
        br"\udc00\ud83d x",
        br"\\ud83d \ud83d\ude00 \uD83Dz\\\ud800",
        br"\u0000\u001b[31m",
        "\u{2028}\u{fffd}".as_bytes(),
    ] {
        let (events, outcome) = take(&put(bytes));
        assert_eq!((events.len(), outcome), (2, LineOutcome::Understood), "{bytes:?}");
    }
}

#[test]
fn fields_of_odd_types_are_as_if_absent() {
    let odd = [
        json!(null),
        json!(1.5),
        json!(-3),
        json!(true),
        json!("x"),
        json!([1, {"a": 2}]),
        json!({"a": [1]}),
    ];
    let (full, _) = take(whole().as_bytes());
    for field in [
        "uuid",
        "sessionId",
        "cwd",
        "agentId",
        "isSidechain",
        "isMeta",
        "isCompactSummary",
        "isApiErrorMessage",
        "origin",
        "error",
        "subtype",
        "operation",
        "content",
        "leafUuid",
        "toolUseResult",
        "progress",
        "toolUseID",
    ] {
        for value in &odd {
            let mut record: Value = serde_json::from_str(&whole()).unwrap();
            record[field] = value.clone();
            let (events, outcome) = take(record.to_string().as_bytes());
            assert_eq!(outcome, LineOutcome::Understood, "{field} {value}");
            let failed = usize::from(field == "isApiErrorMessage" && *value == json!(true));
            assert_eq!(events.len(), full.len() + failed, "{field} {value}: {events:?}");
        }
    }
    for content in &odd {
        let spoken = record("assistant", "a1", 0, &json!({"message": {"content": content}}));
        assert_eq!(take(spoken.to_string().as_bytes()).1, LineOutcome::Understood);
        let input = call("a1", 0, "toolu_1", "Read", content);
        assert_eq!(take(input.to_string().as_bytes()).0.len(), 2, "{content}");
        let path = call("a1", 0, "toolu_1", "Read", &json!({"file_path": content}));
        assert_eq!(take(path.to_string().as_bytes()).0.len(), 2, "{content}");
    }
}

#[test]
fn the_order_of_fields_does_not_matter_and_the_last_of_two_counts() {
    let line =
        r#"{"message":{"content":[{"input":{"file_path":"/x/b.ts","file_path":"/x/a.ts"},"id":"toolu_1",
        "name":"Read","type":"tool_use"}],"role":"assistant"},"timestamp":"2026-02-03T10:00:00.000Z",
        "type":"user","type":"assistant","uuid":"a1"}"#
            .replace('\n', " ");
    let (events, _) = take(line.as_bytes());
    assert!(events[1].contains(r#""tool":"Read""#) && events[1].contains("a.ts"), "{events:?}");
}

#[test]
fn a_line_of_many_objects_is_bounded() {
    let interpreter = interpreter();
    let mut reader = Reader::new(&interpreter, &main_file());
    reader.line("{}".repeat(2_000_000).as_bytes(), &mut MapMemory::default());
    reader.line(
        &[b"{\"type\":\"user\",\"message\":{\"content\":[", "{},".repeat(2_000_000).as_bytes(), b"{}]}}"]
            .concat(),
        &mut MapMemory::default(),
    );
    reader.line("{\"".repeat(1_000_000).as_bytes(), &mut MapMemory::default());
    reader.line("[".repeat(1_000_000).as_bytes(), &mut MapMemory::default());
    assert_eq!(reader.outcomes[0], LineOutcome::Unreadable);
    assert_eq!(reader.outcomes[1], LineOutcome::Understood);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        take(&bytes);
    }

    #[test]
    fn no_damage_to_a_record_makes_it_panic(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut line = whole().into_bytes();
        for (from, to, byte) in cuts {
            if line.is_empty() { break; }
            let (from, to) = (from.index(line.len()), to.index(line.len()));
            match byte % 3 {
                0 => line[from] = byte,
                1 => { line.drain(from.min(to)..from.max(to)); }
                _ => { let piece = line[from.min(to)..from.max(to)].to_vec(); line.extend(piece); }
            }
        }
        take(&line);
    }

    #[test]
    fn any_text_in_any_place_stays_inside(text in any::<String>(), path in "[a-z/\\\\.é ]{0,80}") {
        let (events, outcome) = take(call("a1", 0, &text, &text, &json!({"file_path": path, "x": text})).to_string().as_bytes());
        prop_assert_eq!(outcome, LineOutcome::Understood);
        prop_assert!(events.iter().all(|event| !event.contains('/') && !event.contains('\\')));
    }
}
