//! Which names leave.

use serde_json::{Value, json};
use vibetea_monitor::identity::Identity;
use vibetea_monitor::interpret::Interpreter;
use vibetea_monitor::privacy::{Policy, ProjectNames};

use crate::harness::{MapMemory, Reader, SILENCE, interpreter_with, main_file, payloads, read_with};
use crate::lines::{answer, at, call, file, notice, prompt, record, result};

fn tool(allowlist: Option<&str>, name: &str, input: &Value) -> Value {
    tool_under(Policy::from_allowlist(allowlist), name, input)
}

fn tool_under(policy: Policy, name: &str, input: &Value) -> Value {
    let interpreter = interpreter_with(policy);
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
fn tools_of_an_mcp_server_are_named_if_the_operator_lists_it() {
    let shown = |list: Option<&str>, name: &str| {
        tool_under(Policy::default().with_mcp_servers(list), name, &json!({}))["tool"].clone()
    };
    let list = Some(" github ,, playwright");
    for name in ["mcp__github__create_issue", "mcp__playwright__click"] {
        assert_eq!(
            (shown(list, name), shown(None, name), shown(Some(""), name)),
            (name.into(), "mcp".into(), "mcp".into())
        );
    }
    for name in
        ["mcp__gitlab__create_issue", "mcp__git__hub", "mcp____create", "mcp__github", "mcp__github__no good"]
    {
        assert_eq!(shown(list, name), "mcp", "{name}");
    }
    assert_eq!(shown(list, "github__create_issue"), "other");
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
        ("/srv/read me", Some("read me")),
        ("src/my file.rs", Some("my file.rs")),
        (r"src\main", Some("main")),
        ("a.tar.gz", Some("a.tar.gz")),
        ("grüße.md", Some("grüße.md")),
        ("Dockerfile", Some("Dockerfile")),
        // a text, not a path
        ("hunter2", None),
        ("dockerfile", None),
        ("read me.md", None),
        ("Ring Ann about the offer", None),
        ("Ring Ann about v2.0", None),
        ("请看登录页面为什么这么慢", None),
        ("Unterlassungsaufforderung.", None),
        ("Ring.Annabelle-about-it", None),
        ("a.12345678901", None),
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
    let spaced = |length: usize| format!("/x/a {}.ts", "x".repeat(length - 5));
    assert_eq!(context(None, &spaced(60)).unwrap().len(), 60);
    assert_eq!(context(None, &spaced(61)), None, "rather a sentence");
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

#[test]
fn an_agents_name_is_a_number_and_its_kind_is_built_in() {
    let agent = |kind: &str, id: &str| {
        let task = call("a1", 0, "toolu_1", "Task", &json!({"subagent_type": kind}));
        let done = result("r1", 1, "toolu_1", &json!({}), &json!({"agentId": id}));
        payloads(&read_with(&main_file(), &file(&[task, done]), &mut MapMemory::default()), "agent").remove(1)
    };
    for kind in ["Explore", "Plan", "general-purpose"] {
        assert_eq!(agent(kind, "a5bdbc1")["agentType"], kind);
    }
    for kind in ["investor-relations", "explore", ""] {
        assert_eq!(agent(kind, "a5bdbc1")["agentType"], "custom");
    }
    assert_eq!(agent("Plan", "a5bdbc1")["agentId"], "a5bdbc1");
    for id in ["acme-payroll", "A5BDBC1", "", &"a".repeat(41)] {
        assert_eq!(agent("Plan", id)["agentId"], Value::Null, "{id}");
    }
}

/// All events of a session with every kind of event, under a policy and with a key; `memory` is what earlier runs left.
fn session(policy: &Policy, key: u8, directory: &str, memory: &mut MapMemory) -> Vec<(String, Value)> {
    let identity = Identity::new(&[key; 32], &"desk".parse().unwrap());
    let interpreter = Interpreter::new(policy.clone(), identity, SILENCE);
    let mut lines = [
        prompt("u1", 0, "hi"),
        call("a1", 1, "toolu_1", "Read", &json!({"file_path": "/x/auth.ts"})),
        result("r1", 2, "toolu_1", &json!({}), &json!({})),
        call("a2", 3, "toolu_2", "Task", &json!({"subagent_type": "Plan"})),
        result("r2", 4, "toolu_2", &json!({}), &json!({"status": "async_launched", "agentId": "a5bdbc1"})),
        prompt("u2", 5, &notice("<task-id>a5bdbc1</task-id><status>failed</status>")),
        record("system", "e1", 6, &json!({"subtype": "api_error"})),
        json!({"type": "summary", "leafUuid": "e1"}),
        prompt("u3", 90, "on"),
    ];
    for line in &mut lines {
        line["cwd"] = json!(directory);
    }
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    let events = lines.iter().flat_map(|line| reader.line(line.to_string().as_bytes(), memory));
    let told = |event: &vibetea_monitor::privacy::RedactedEvent| {
        (event.event_type().as_str().to_owned(), serde_json::from_str(&event.payload_json()).unwrap())
    };
    events.map(|event| told(&event)).collect()
}

const DIRECTORY: &str = "/home/dev/work/shop";

/// The different projects that the events of a session name, `None` for those that name none.
fn projects(policy: &Policy, key: u8, directory: &str) -> Vec<Option<String>> {
    let events = session(policy, key, directory, &mut MapMemory::default());
    let kinds = ["session", "activity", "tool", "agent"];
    let named = events.iter().filter(|(kind, _)| kinds.contains(&kind.as_str()));
    let mut projects: Vec<Option<String>> =
        named.map(|(_, payload)| payload["project"].as_str().map(str::to_owned)).collect();
    assert_eq!(projects.len(), 10);
    projects.sort();
    projects.dedup();
    projects
}

fn with_projects(names: ProjectNames) -> Policy {
    Policy::default().with_projects(names)
}

#[test]
fn a_project_is_named_as_its_folder_or_by_a_hash_or_not_at_all() {
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(projects(&Policy::default(), 7, DIRECTORY), [some("shop")]);
    assert_eq!(projects(&with_projects(ProjectNames::Basename), 7, DIRECTORY), [some("shop")]);
    assert_eq!(projects(&with_projects(ProjectNames::Off), 7, DIRECTORY), [None, some("unknown")]);

    let hashed = |key, directory| -> String {
        let projects = projects(&with_projects(ProjectNames::Hash), key, directory);
        assert_eq!(projects.len(), 1, "{projects:?}");
        projects[0].clone().unwrap()
    };
    let name = hashed(7, DIRECTORY);
    assert!(name.starts_with("p-") && name.len() == 12, "{name}");
    assert!(name[2..].bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{name}");
    assert_eq!(hashed(7, "/elsewhere/shop"), name, "the same name, the same hash");
    assert_ne!(hashed(7, "/home/dev/work/shops"), name);
    assert_ne!(hashed(8, DIRECTORY), name, "another key, another hash");
    assert_eq!(hashed(7, "/home/dev"), "~", "what names nobody needs no hash");
    assert_eq!(projects(&with_projects(ProjectNames::Hash), 7, "/"), [None, some("unknown")]);
}

#[test]
fn an_option_holds_for_what_was_remembered_under_another() {
    let mut memory = MapMemory::default();
    let identity = || Identity::new(&[7; 32], &"desk".parse().unwrap());
    let before = Interpreter::new(Policy::default(), identity(), SILENCE);
    let path = main_file();
    let mut reader = Reader::new(&before, &path);
    let called = call("a1", 1, "toolu_1", "Read", &json!({"file_path": "/x/auth.ts"}));
    let events = reader.line(called.to_string().as_bytes(), &mut memory);
    assert_eq!(payloads(&events, "tool")[0]["context"], "auth.ts");

    let strict = with_projects(ProjectNames::Off).with_context(false);
    let after = Interpreter::new(strict, identity(), SILENCE);
    let state = reader.state.clone();
    let mut reader = Reader::new(&after, &path);
    reader.state = state;
    let done = result("r1", 2, "toolu_1", &json!({}), &json!({}));
    let tool = payloads(&reader.line(done.to_string().as_bytes(), &mut memory), "tool").remove(0);
    assert_eq!(
        (&tool["status"], &tool["context"], &tool["project"]),
        (&json!("completed"), &Value::Null, &Value::Null)
    );
}

#[test]
fn without_context_no_file_is_named() {
    for (context, name) in [(true, json!("auth.ts")), (false, Value::Null)] {
        let policy = Policy::from_allowlist(Some("ts")).with_context(context);
        let events = session(&policy, 7, DIRECTORY, &mut MapMemory::default());
        let named: Vec<&Value> = events
            .iter()
            .filter(|(_, payload)| payload["tool"] == "Read")
            .map(|(_, tool)| &tool["context"])
            .collect();
        assert_eq!(named, [&name, &name]);
    }
}

#[test]
fn a_home_directory_has_no_name() {
    let home = Policy::default().with_home(Some("/data/people/jane/"));
    for (policy, directory, project) in [
        (&home, "/data/people/jane", "~"),
        (&home, "/data/people/jane/", "~"),
        (&home, "/data/people/jane/shop", "shop"),
        (&home, "/data/people/janet", "janet"),
        (&Policy::default(), "/data/people/jane", "jane"),
        (&home, "/home/dev", "~"),
        (&home, "/mnt/c/Users/dev", "~"),
        (&home, r"c:\users\dev", "~"),
        (&home, "/var/home/dev", "~"),
        (&home, "/net/homes/dev", "~"),
        (&home, "/home", "home"),
        (&home, "/root", "~"),
        (&home, "/srv/root", "root"),
        (&home, "/root/shop", "shop"),
        (&home, "/home/dev/shop", "shop"),
        (&home, "/work/homes-for-sale/web", "web"),
        (&home, "https://example.test/shop", "unknown"),
        (&home, "/work/what\nis this", "unknown"),
    ] {
        let named = session(policy, 7, directory, &mut MapMemory::default());
        assert_eq!(named[0].1["project"], project, "{directory}");
    }
    let away = Policy::default().with_home(None);
    assert_eq!(session(&away, 7, "/data/people/jane", &mut MapMemory::default())[0].1["project"], "jane");
}

#[test]
fn a_project_is_never_a_path_nor_a_slug_of_one() {
    for directory in
        ["/home/dev/work/shop", r"C:\Users\dev\work\shop", "/home/dev/work/shop///", r"\\server\share\shop"]
    {
        for names in [ProjectNames::Basename, ProjectNames::Hash] {
            for (_, payload) in session(&with_projects(names), 7, directory, &mut MapMemory::default()) {
                let Some(project) = payload["project"].as_str() else { continue };
                assert!(
                    !project.contains(['/', '\\']) && !project.contains("dev") && !project.contains("work"),
                    "{project}"
                );
            }
        }
    }
    let bare = |mut record: Value| {
        record.as_object_mut().unwrap().remove("cwd");
        record
    };
    let events = read_with(
        "-home-dev-work-shop/short.jsonl",
        &file(&[bare(prompt("u1", 0, "hi")), bare(answer("a1", 1))]),
        &mut MapMemory::default(),
    );
    assert_eq!(payloads(&events, "session")[0]["project"], "unknown", "the folder's name says nothing");
    assert_eq!(events[0].timestamp().to_string(), at(0));
}

#[test]
fn ways_to_name_projects_are_three_words() {
    for (text, names) in
        [("basename", ProjectNames::Basename), ("hash", ProjectNames::Hash), ("off", ProjectNames::Off)]
    {
        assert_eq!(text.parse(), Ok(names));
    }
    for text in ["", "on", "Hash", "none"] {
        assert!(text.parse::<ProjectNames>().is_err(), "{text}");
    }
}
