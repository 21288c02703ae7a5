//! The rules of the house that a compiler does not know.

mod paths;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 400;

struct Source {
    /// From the workspace's root, `/` between components.
    path: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.has_ending(&["rs"])
    }

    fn has_ending(&self, endings: &[&str]) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| endings.iter().any(|ending| own == *ending))
    }

    fn is_code(&self) -> bool {
        self.has_ending(&["rs", "ts", "tsx", "sql", "css"])
    }

    fn is_test(&self) -> bool {
        let path = &self.path;
        path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
    }

    fn is_generated(&self) -> bool {
        self.path == "Cargo.lock" || self.path.ends_with("-lock.json") || self.path.contains("generated")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace")
}

/// Every text file of the workspace but what is built, downloaded or kept by version control.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder can be read") {
            let path: PathBuf = entry.expect("a folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if matches!(name.as_str(), "target" | ".git" | "node_modules" | "dist") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found
}

/// `file:line` of every line that breaks a rule.
fn lines_where(sources: &[Source], broken: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let lines = source.text.lines().enumerate().filter(|(_, line)| broken(source, line));
        found.extend(lines.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim())));
    }
    found
}

fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// Words that a rule forbids are put together here, so that this file does not break it.
fn word(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn modules_know_only_whom_they_may_know() {
    let rules: [(&str, &[&str]); 12] = [
        ("protocol/src/", &["vibetea_server", "vibetea_monitor"]),
        ("server/", &["vibetea_monitor"]),
        ("monitor/", &["vibetea_server"]),
        ("server/src/store", &["axum", "crate::hub", "crate::routes", "crate::auth"]),
        ("server/src/hub", &["crate::routes", "crate::auth", "axum::Router"]),
        ("server/src/auth", &["crate::routes"]),
        ("monitor/src/tail", &["crate::transcript", "crate::interpret", "crate::sender"]),
        ("monitor/src/transcript", &["std::fs", "std::net", "tokio::", "rusqlite", "tracing::"]),
        ("monitor/src/interpret", &["std::fs", "std::net", "tokio::", "rusqlite", "tracing::"]),
        ("monitor/src/outbox", &["crate::sender", "reqwest"]),
        ("monitor/src/audit", &["crate::sender", "crate::tail", "crate::transcript", "reqwest"]),
        ("monitor/src/sender", &["crate::tail", "crate::transcript", "crate::interpret", "crate::privacy"]),
    ];
    let sources = sources();
    let found = lines_where(&sources, |source, line| {
        let code = line.split("//").next().unwrap_or_default();
        source.is_rust()
            && !source.is_test()
            && rules.iter().any(|(place, strangers)| {
                source.path.starts_with(place) && strangers.iter().any(|stranger| code.contains(stranger))
            })
    });
    none(&found, "a module names one that it must not know (ARCHITECTURE.md)");
}

#[test]
fn a_file_that_outgrew_its_idea_is_parted() {
    let long = sources()
        .iter()
        .filter(|source| source.is_code() && !source.is_generated() && !source.is_test())
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect::<Vec<_>>();
    none(&long, "files of more than 400 lines hold two ideas");
}

#[test]
fn lints_are_expected_with_a_reason_and_never_switched_off() {
    let switched_off = [word(&["#[all", "ow("]), word(&["#![all", "ow("])];
    let sources = sources();
    let found = lines_where(&sources, |source, line| {
        source.is_rust() && switched_off.iter().any(|attribute| line.contains(attribute))
    });
    none(&found, "use `#[expect(lint, reason = \"…\")]`");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        word(&["todo", "!("]),
        word(&["unimplemented", "!("]),
        word(&["#[ign", "ore"]),
        word(&["TO", "DO"]),
        word(&["FIX", "ME"]),
    ];
    let sources = sources();
    let found = lines_where(&sources, |source, line| {
        source.is_code() && !source.is_generated() && marks.iter().any(|mark| line.contains(mark.as_str()))
    });
    none(&found, "unfinished work belongs in an issue");
}

#[test]
fn comments_have_no_banners() {
    let sources = sources();
    let found = lines_where(&sources, |source, line| {
        let comment = line.trim_start().strip_prefix("//").unwrap_or_default();
        let drawn = comment.chars().filter(|c| matches!(c, '-' | '=' | '*' | '#' | '~' | '─' | '═')).count();
        source.is_rust() && drawn >= 5 && drawn * 2 > comment.trim().chars().count()
    });
    none(&found, "a banner says nothing");
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    let paths = [word(&["/wo", "rk/"]), word(&["/fa", "rm/"]), word(&["/ro", "ot/"]), word(&["/Users", "/"])];
    let sources = sources();
    let found = lines_where(&sources, |source, line| {
        // transcripts of tests are full of invented home folders
        !source.is_generated() && !source.is_test() && paths.iter().any(|path| line.contains(path.as_str()))
    });
    none(&found, "paths of one machine mean nothing on another");
}

#[test]
fn migrations_of_all_stores_are_named_alike() {
    let names = |store: &str| -> BTreeSet<String> {
        std::fs::read_dir(root().join("migrations").join(store)).map_or_else(
            |_| BTreeSet::new(),
            |entries| {
                entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
            },
        )
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert!(postgres.is_empty() || sqlite == postgres, "{sqlite:?} and {postgres:?} differ");
}

#[test]
fn the_continuous_integration_runs_what_the_readme_names() {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let command = script.lines().rfind(|line| line.starts_with("cargo ")).expect("a cargo command");
    assert!(readme.contains(command), "README.md does not name `{command}`");
}
