//! Which names leave.

use serde_json::{Value, json};
use vibetea_monitor::privacy::Policy;

use crate::harness::{MapMemory, Reader, interpreter_with, main_file, payloads};
use crate::lines::call;

fn tool(allowlist: Option<&str>, name: &str, input: &Value) -> Value {
    let interpreter = interpreter_with(Policy::from_allowlist(allowlist));
    let mut reader = Reader::new(&interpreter, &main_file());
    let line = call("a1", 0, "toolu_1", name, input).to_string();
    payloads(&reader.line(line.as_bytes(), &mut MapMemory::default()), "tool").remove(0)
}

fn context(allowlist: Option<&str>, path: &str) -> Option<String> {
    tool(allowlist, "Read", &json!({"file_path": path}))["context"].as_str().map(str::to_owned)
}

#[test]
fn tools_are_named_from_a_closed_list() {
    for (name, shown) in [
        ("Bash", "Bash"),
        ("TaskCreate", "TaskCreate"),
        ("mcp__acme_payroll__read_salaries", "mcp"),
        ("webReader", "other"),
        ("bash", "other"),
        ("", "other"),
    ] {
        assert_eq!(tool(None, name, &json!({}))["tool"], shown, "{name}");
    }
}

#[test]
fn only_file_tools_have_a_context_and_only_from_their_own_field() {
    let every = json!({"file_path": "/x/file.ts", "notebook_path": "/x/book.ipynb", "filePath": "/x/lsp.ts",
        "path": "/x/path.ts", "command": "cat /x/command.ts", "pattern": "/x/pattern.ts", "url": "https://x/y.ts"});
    for (name, context) in [
        ("Read", json!("file.ts")),
        ("Edit", json!("file.ts")),
        ("Write", json!("file.ts")),
        ("MultiEdit", json!("file.ts")),
        ("NotebookEdit", json!("book.ipynb")),
        ("LSP", json!("lsp.ts")),
        ("NotebookRead", Value::Null),
        ("Bash", Value::Null),
        ("Grep", Value::Null),
        ("Glob", Value::Null),
        ("WebFetch", Value::Null),
        ("WebSearch", Value::Null),
        ("LS", Value::Null),
        ("Task", Value::Null),
        ("mcp__files__read", Value::Null),
        ("other", Value::Null),
    ] {
        assert_eq!(tool(None, name, &every)["context"], context, "{name}");
    }
}

#[test]
fn a_context_is_a_plain_short_basename() {
    for (path, name) in [
        ("/home/user/src/auth.ts", Some("auth.ts")),
        (r"C:\Users\user\src\auth.ts", Some("auth.ts")),
        (r"C:\Users/user\src/auth.ts", Some("auth.ts")),
        ("src/auth.ts", Some("auth.ts")),
        ("auth.ts", Some("auth.ts")),
        ("Makefile", Some("Makefile")),
        ("/docs/read me.md", Some("read me.md")),
        ("/src/[id].tsx", Some("[id].tsx")),
        ("/src/grüße.md", Some("grüße.md")),
        ("/src/", Some("src")),
        ("/home/user/.env", None),
        (".gitignore", None),
        (r"C:\x\.npmrc", None),
        ("", None),
        ("/", None),
        ("..", None),
        ("/x/..", None),
        ("/x/a\nb.ts", None),
        ("first line\n/x/b.ts", None),
        ("/x/\u{7}.ts", None),
        ("/x/\u{202e}st.exe", None),
        ("https://example.test/reset?token=abc", None),
        ("/x/Please look at the login page and tell me why it is so slow.md", None),
    ] {
        assert_eq!(context(None, path).as_deref(), name, "{path:?}");
    }
    let long = |length: usize| format!("/x/{}.ts", "x".repeat(length - 3));
    assert_eq!(context(None, &long(100)).unwrap().len(), 100);
    assert_eq!(context(None, &long(101)), None);
    assert_eq!(context(None, &format!("{}x.ts", "/y".repeat(3000))), None, "no path is that long");
    assert_eq!(context(None, &format!("/{}/x.ts", "y ".repeat(1000))).as_deref(), Some("x.ts"));
}

#[test]
fn an_allowlist_names_extensions_with_or_without_dots() {
    for list in [".rs,.ts", "rs,ts", " .rs , ts ", "rs,,ts,,,", ",rs,ts"] {
        for (path, allowed) in [
            ("/x/file.rs", true),
            ("/x/file.ts", true),
            ("/x/file.d.ts", true),
            ("/x/file.py", false),
            ("/x/Makefile", false),
            ("/x/rs", false),
            ("/x/.rs", false),
            ("/x/filers", false),
            ("/x/file.RS", false),
        ] {
            assert_eq!(context(Some(list), path).is_some(), allowed, "{list:?} {path}");
        }
    }
    for everything in [None, Some(""), Some("  "), Some(",, ,")] {
        assert!(context(everything, "/x/file.py").is_some(), "{everything:?}");
    }
    assert!(context(Some(".tar.gz"), "/x/a.tar.gz").is_some());
    assert!(context(Some(".tar.gz"), "/x/a.gz").is_none());
}
