//! The same events in either store.

use vibetea_testkit::Cluster;

use crate::support::{Place, id, line, other_line};

/// Payloads that the two stores keep differently.
const ODD: [&str; 9] = [
    r#"{ "b" : 1, "a" : 2, "b" : 3 }"#,
    r#"{"n":[1e2,1.50,-0,0.0,1E-3,123456789012345678901234567890.10,1e308,1e-300]}"#,
    r#"{"\u0061":"\u00e9\/\ud83d\ude00\u001f\u007f\u2028","A":"","é":0,"z":1,"aa":2}"#,
    r#"{"durationMs":12.50,"tool":"Read","status":"completed","sessionId":"s","project":"shop"}"#,
    r#"{"a":{"a":{"a":[[[{"a":[{"a":{"a":{"a":{"a":{"a":[]}}}}}]}]]]}}}"#,
    "{\"t\":\"\u{7f}\u{2028}\u{feff}e\u{301}\"}",
    r#"{"":null,"true":true,"false":[false,null]}"#,
    r#"{"n":[10000000000000000000000000,0.000000000000000000000000001,9007199254740993]}"#,
    "{}",
];

fn odd_lines() -> String {
    let line = |(number, payload): (usize, &&str)| {
        let id = id(900_000 + number).replace("00009", "0AzZ9");
        format!(
            r#"{{"id":"{id}","source":"laptop","timestamp":"2026-02-01T00:00:01Z","type":"tool","payload":{payload}}}"#
        ) + "\n"
    };
    ODD.iter().enumerate().map(line).collect()
}

#[test]
fn a_round_trip_through_both_stores_leaves_the_same_bytes_and_digests() {
    let Some(cluster) = Cluster::shared() else { return };
    let (tea, chai) = (cluster.database(), cluster.database());
    let first = Place::new();
    first.import(&((0..4000).rev().map(other_line).collect::<String>() + &odd_lines()));
    let exported = first.export(&[]);
    assert_eq!(exported.lines().count(), 4000 + ODD.len());

    let second = Place::on(tea.url());
    second.import(&exported);
    assert!(second.export(&[]) == exported, "the bytes of PostgreSQL differ");
    let third = Place::new();
    third.import(&second.export(&[]));
    assert!(third.export(&[]) == exported, "the bytes differ after the way back");
    let digest = first.digest();
    assert_eq!((second.digest(), third.digest()), (digest.clone(), digest.clone()));

    // straight from what was sent, which the two keep differently
    let fourth = Place::on(chai.url());
    fourth.import(&((0..4000).map(line).collect::<String>() + &odd_lines()));
    assert_eq!(fourth.digest(), digest);
    let range = ["--source", "laptop", "--from", "2026-02-01T00:00:01Z", "--to", "2026-02-01T00:10:00Z"];
    let part = first.export(&range);
    assert!(part.lines().count() > 500, "{part}");
    assert!(fourth.export(&range) == part, "the bytes of a range differ");

    // planted bug: one event more
    fourth.import(&line(4000));
    assert_ne!(fourth.digest(), digest);
}
