//! The golden cases, sent to all.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use vibetea_tests::answers::Answer as Told;
use vibetea_tests::stored::Stored;

use crate::fixtures::{Answer, Case, Route, load_all};
use crate::homes::{Homes, NAMES, ingest};

/// The hosted functions know the batch route alone.
fn cases() -> Vec<Case> {
    load_all().into_iter().filter(|case| case.route == Route::Ingest).collect()
}

fn answer_of(told: &Told, stored: Option<Vec<Value>>) -> Answer {
    let json = told.json();
    Answer {
        status: told.status,
        error: json["error"].as_str().map(str::to_owned),
        message: json["message"].as_str().map(str::to_owned),
        inserted: json["inserted"].as_u64(),
        stored,
    }
}

/// A row as cases write it: milliseconds where these are enough.
fn row(stored: &Stored) -> Value {
    let timestamp = stored.timestamp.replace("000Z", "Z");
    json!({ "id": stored.id, "source": stored.source, "timestamp": timestamp, "type": stored.event_type,
            "payload": stored.payload })
}

/// Ids of the rows that differ, or that one of them lacks.
fn different(one: &[Stored], other: &[Stored]) -> Vec<String> {
    let lacks = |rows: &[Stored], row: &Stored| !rows.iter().any(|candidate| is_same(candidate, row));
    let mut ids: Vec<String> = other
        .iter()
        .filter(|row| lacks(one, row))
        .chain(one.iter().filter(|row| lacks(other, row)))
        .map(|row| row.id.clone())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

fn is_same(one: &Stored, other: &Stored) -> bool {
    let columns =
        |row: &Stored| (row.id.clone(), row.source.clone(), row.timestamp.clone(), row.event_type.clone());
    columns(one) == columns(other) && is_same_json(&one.payload, &other.payload)
}

/// Equal where numbers are equal however they are written: a database of JSON values writes them in its own way.
fn is_same_json(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_json(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| is_same_json(value, other))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        (one, other) => one == other,
    }
}

#[test]
fn every_golden_case_has_the_same_answer_and_leaves_the_same_rows_everywhere() {
    let cases = cases();
    assert!(cases.len() > 300, "{} cases", cases.len());
    let sources: BTreeSet<String> = cases.iter().map(|case| case.source.clone()).collect();
    let Some(homes) = Homes::start(&sources) else { return };
    let mut told = String::new();
    let mut answers = Vec::new();
    for case in &cases {
        let all = homes.addresses().map(|home| ingest(home, &case.source, &case.body()));
        for (name, answer) in NAMES.iter().zip(&all).skip(1) {
            if (answer.status, answer.json()) != (all[0].status, all[0].json()) {
                writeln!(
                    told,
                    "{}: {name}: {} {} instead of {} {}",
                    case.name, answer.status, answer.body, all[0].status, all[0].body
                )
                .unwrap();
            }
        }
        answers.push(all);
    }
    let rows = homes.rows();
    assert!(rows[0].len() > 50, "{} rows", rows[0].len());
    for (name, other) in NAMES.iter().zip(&rows).skip(1) {
        assert_eq!(different(other, &rows[0]), [""; 0], "{name}");
    }
    for (case, all) in cases.iter().zip(&answers) {
        let ids = |event: &Value| event["id"].as_str().unwrap().to_owned();
        let stored = case.expect.stored.as_ref().map(|events| {
            let of = |id: &String| rows[0].iter().find(|stored| stored.id == *id).map(row);
            events.iter().map(ids).filter_map(|id| of(&id)).collect()
        });
        told += &case.disagreement(&answer_of(&all[0], stored));
    }
    assert!(told.is_empty(), "\n{told}");
    // a row that one of them has otherwise is seen
    let id = &rows[0][0].id;
    homes.shell().execute(&format!("UPDATE public.events SET source = source || '2' WHERE id = '{id}'"));
    assert_eq!(different(&homes.rows()[1], &rows[0]), [id.as_str()]);
}
