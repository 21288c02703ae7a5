//! What values look like and how they are written: odd inputs, odd results, keys in any order, lines of any length.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::harness::{MapMemory, events, main_file, payloads, read_with};
use crate::lines::{bash, call, done, prompt, result};

#[test]
fn what_a_tool_says_of_itself_may_be_anything() {
    for said in [json!({"stdout": "x"}), json!("Error: x"), json!([{"type": "text"}]), json!(null), json!(7)]
    {
        let found = events(&[bash("a1", 1, "toolu_1"), result("r1", 2, "toolu_1", &json!({}), &said)]);
        assert_eq!(payloads(&found, "tool").len(), 2, "{said}");
    }
    let mut absent = done("r1", 2, "toolu_1");
    absent.as_object_mut().unwrap().remove("toolUseResult");
    assert_eq!(payloads(&events(&[bash("a1", 1, "toolu_1"), absent]), "tool").len(), 2);
}

#[test]
fn the_model_may_write_any_input() {
    for input in [
        json!({}),
        json!({"file_path": ""}),
        json!({"file_path": {"path": "/x/secret.ts"}}),
        json!({"file_path": ["/x/secret.ts"]}),
        json!({"file_path\n</parameter>\n<parameter name=\"limit": "/x/secret.ts"}),
        json!({"path": "/x/secret.ts", "File_Path": "/x/secret.ts"}),
    ] {
        let tools = payloads(&events(&[call("a1", 0, "toolu_1", "Read", &input)]), "tool");
        assert_eq!((tools.len(), &tools[0]["context"]), (1, &Value::Null), "{input}");
    }
}

#[test]
fn paths_of_every_file_tool_may_be_of_windows() {
    let input = json!({"file_path": r"C:\Users\dev\shop\a.ts", "notebook_path": r"D:\b.ipynb", "filePath": r"src\c.rs"});
    for (tool, name) in [("Read", "a.ts"), ("NotebookEdit", "b.ipynb"), ("LSP", "c.rs")] {
        let tools = payloads(&events(&[call("a1", 0, "toolu_1", tool, &input)]), "tool");
        assert_eq!(tools[0]["context"], name);
    }
}

/// JSON text with the keys of every object in the order of `keys`.
fn written(value: &Value, keys: &dyn Fn(&Map<String, Value>) -> Vec<String>) -> String {
    match value {
        Value::Object(fields) => {
            let field = |key: String| format!("{}:{}", json!(key), written(&fields[&key], keys));
            format!("{{{}}}", keys(fields).into_iter().map(field).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| written(item, keys)).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[test]
fn keys_may_stand_in_any_order() {
    let sorted = |fields: &Map<String, Value>| -> Vec<String> {
        fields.keys().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    let reversed = |fields: &Map<String, Value>| sorted(fields).into_iter().rev().collect();
    let type_first = |fields: &Map<String, Value>| {
        let mut keys = sorted(fields);
        keys.sort_by_key(|key| key != "type");
        keys
    };
    let records = [
        prompt("u1", 0, "hi"),
        call("a1", 1, "toolu_1", "Read", &json!({"file_path": "/x/a.ts", "limit": 3})),
        done("r1", 2, "toolu_1"),
    ];
    let text = |keys: &dyn Fn(&Map<String, Value>) -> Vec<String>| {
        let lines: String = records.iter().map(|record| written(record, keys) + "\n").collect();
        read_with(&main_file(), lines.as_bytes(), &mut MapMemory::default())
    };
    let expected = events(&records);
    assert_eq!(expected.len(), 4);
    assert_eq!(text(&sorted), expected);
    assert_eq!(text(&reversed), expected);
    assert_eq!(text(&type_first), expected);
}

#[test]
fn lines_may_be_megabytes_long() {
    for megabytes in [1, 64] {
        let text = "x".repeat(megabytes << 20);
        let long = result("r1", 2, "toolu_1", &json!({"content": text}), &json!(null));
        let found = events(&[bash("a1", 1, "toolu_1"), long, prompt("u1", 3, "thanks")]);
        assert_eq!(found.len(), 4, "{megabytes} MB");
    }
}
