//! The canonical text against what PostgreSQL makes of a payload.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vibetea_protocol::facts::Facts;
use vibetea_protocol::limits::MAX_PAYLOAD_BYTES;
use vibetea_server::transfer::canonical;
use vibetea_testkit::Cluster;

const CASES: u32 = 1000;

fn space() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(String::new()), 1 => Just(" ".to_owned()), 1 => "[ \t\r\n]{1,3}"]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,3})",
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,30})?",
        "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,6})?[eE][+-]?[0-9]{1,3}",
        "-?0(\\.0{1,5})?([eE][+-]?[0-9]{1,4})?",
        "[1-9]0{0,30}(\\.0{1,30})?",
    ]
}

/// Characters in all the ways that JSON has to spell them.
fn string() -> impl Strategy<Value = String> {
    let escapes = ["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"].map(str::to_owned).to_vec();
    let piece = prop_oneof![
        3 => "[a-zA-Z0-9 ]{1,4}",
        1 => any::<char>().prop_filter("needs an escape", |c| !matches!(c, '"' | '\\') && *c >= ' ')
            .prop_map(String::from),
        1 => prop::sample::select(escapes),
        1 => any::<char>().prop_filter("NUL", |c| *c != '\0').prop_map(|c| {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            units.fold(String::new(), |text, unit| format!("{text}\\u{unit:04x}"))
        }),
        1 => (1_u32..0x20).prop_map(|code| format!("\\u{code:04X}")),
        1 => prop::sample::select(vec!["\u{7f}", "\u{2028}", "\\u007f", "\\u2028", "é", "e\u{301}"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn key() -> impl Strategy<Value = String> {
    let few = [
        "\"a\"",
        "\"\\u0061\"",
        "\"b\"",
        "\"aa\"",
        "\"B\"",
        "\"é\"",
        "\"\"",
        "\"z\"",
        "\"😀\"",
        "\"\u{ffff}\"",
    ];
    prop_oneof![3 => prop::sample::select(few.to_vec()).prop_map(str::to_owned), 1 => string()]
}

fn value() -> impl Strategy<Value = String> {
    let words = ["true", "false", "null"].map(str::to_owned).to_vec();
    let leaf = prop_oneof![1 => prop::sample::select(words), 4 => number(), 3 => string()];
    leaf.prop_recursive(4, 40, 6, |inner| prop_oneof![array(inner.clone().boxed()), object(inner.boxed()),])
}

fn array(inner: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    prop::collection::vec((space(), inner, space()), 0..6).prop_map(|elements| {
        let elements: Vec<_> = elements.into_iter().map(|(a, value, b)| a + &value + &b).collect();
        format!("[{}]", elements.join(","))
    })
}

fn object(inner: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    prop::collection::vec((space(), key(), space(), inner, space()), 0..6).prop_map(|members| {
        let members: Vec<_> =
            members.into_iter().map(|(a, key, b, value, c)| format!("{a}{key}{b}:{b}{value}{c}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn payload() -> impl Strategy<Value = String> {
    object(value().boxed())
        .prop_filter("a payload that an event may have", |text| Facts::checked(text).is_ok())
}

#[test]
fn numbers_that_are_let_in_are_those_that_postgresql_holds() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut shell = cluster.administrator();
    let digits = "1".repeat(8000);
    for (number, held) in [
        ("1e308", true),
        ("1e-16383", true),
        ("1e-16384", false),
        ("0.5e-16382", true),
        ("-0.5e-16383", false),
        ("0e16383", true),
        ("0e-16384", false),
        ("0e99999999999", false),
        ("1e-99999999999999999999", false),
        (&format!("0.{digits}e-8383"), true),
        (&format!("0.{digits}e-8384"), false),
    ] {
        let payload = format!("{{\"n\":{number}}}");
        assert_eq!(Facts::checked(&payload).is_ok(), held, "{number}");
        let asked = shell.try_execute(&format!("SELECT '{payload}'::jsonb"));
        assert_eq!(asked.is_ok(), held, "{number}");
    }
}

#[test]
fn a_payload_has_the_same_text_before_and_after_postgresql_held_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let shell = RefCell::new(cluster.administrator());
    let held = |text: &str| {
        let text = text.replace('\'', "''");
        shell.borrow_mut().value(&format!("SELECT '{text}'::jsonb::text"))
    };
    let differing = Cell::new(0);
    let check = |text: &str| {
        let own = canonical(text).unwrap();
        let held = held(text);
        assert_eq!(own, canonical(&held).unwrap(), "{text}");
        assert_eq!(own, canonical(&own).unwrap(), "{text}");
        assert!(own.len() <= text.len().max(MAX_PAYLOAD_BYTES), "{text}");
        assert!(Facts::checked(&own).is_ok(), "{text} became {own}");
        differing.set(differing.get() + u32::from(text != held));
    };
    // what is rare: the edges of numbers, and payloads whose plain digits would be too long
    for text in [
        r#"{"n":[1e2,1.50,-0,-0.0,1e-3,1.50e1,0e5,0.0e-3,1e308,-1e-400,0e20000,1e-16383]}"#.to_owned(),
        format!("{{\"n\":[{}]}}", vec!["1e308"; 2700].join(",")),
        format!("{{\"n\":[{}]}}", vec!["1e9"; 4000].join(",")),
        format!("{{\"n\":0.{}1}}", "0".repeat(16_000)),
        format!("{{\"n\":{}e-1000}}", "1".repeat(950)),
    ] {
        check(&text);
    }
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    runner
        .run(&payload(), |text| {
            check(&text);
            Ok(())
        })
        .unwrap();
    // the twin: the two texts themselves are hardly ever equal
    assert!(differing.get() > CASES / 2, "{differing:?}");
}
