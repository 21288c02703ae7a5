use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Home, SECRET, Server, eventually, fs};

const SESSION: &str = "00000007-0000-4000-8000-000000000000";

impl Home {
    fn write(&self, path: &str, records: &[Value]) {
        let file = self.path(".claude/projects").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        fs::write(file, lines.join("\n") + "\n").unwrap();
    }

    /// Something of every kind: old and new, calls and results in two files, a subagent, an end, what is unknown.
    fn write_transcripts(&self, copied: bool) {
        let shop = format!("-home-dev-shop/{SESSION}.jsonl");
        let base = |uuid: u32, at: &str| {
            json!({
                "sessionId": SESSION, "cwd": "/home/dev/shop", "timestamp": at, "version": "2.0.0",
                "uuid": format!("00000007-0000-4000-9000-{uuid:012}"), "isSidechain": false, "userType": "external",
            })
        };
        let with = |mut record: Value, more: Value| {
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            record
        };
        let call = |id: &str, name: &str, input: Value| {
            json!({"type": "assistant", "message": {"role": "assistant", "content": [
                {"type": "tool_use", "id": id, "name": name, "input": input}]}})
        };
        let result = |id: &str| {
            json!({"type": "user", "message": {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": id, "content": SECRET}]}})
        };
        let typed = json!({"type": "user", "message": {"role": "user", "content": SECRET}});
        self.write(
            &shop,
            &[
                with(base(1, "2026-01-01T10:00:00.000Z"), typed.clone()),
                with(
                    base(2, "2026-01-01T10:00:01.000Z"),
                    call("toolu_1", "Edit", json!({"file_path": "/home/dev/shop/till.rs"})),
                ),
                with(base(3, "2026-01-01T10:00:02.500Z"), result("toolu_1")),
                with(
                    base(4, "2026-01-01T10:00:03.000Z"),
                    call("toolu_2", "Task", json!({"subagent_type": "Explore", "prompt": SECRET})),
                ),
                json!({"type": "shopping-list", "secret": SECRET}),
                with(base(5, "2026-01-01T12:00:00.000Z"), typed.clone()),
            ],
        );
        let agent = json!({"agentId": "a1b2c3d", "isSidechain": true});
        self.write(
            &format!("-home-dev-shop/{SESSION}/subagents/agent-a1b2c3d.jsonl"),
            &[
                with(
                    with(
                        base(6, "2026-01-01T10:00:04.000Z"),
                        call("toolu_3", "Bash", json!({"command": SECRET})),
                    ),
                    agent.clone(),
                ),
                with(with(base(7, "2026-01-01T10:00:05.000Z"), result("toolu_3")), agent),
            ],
        );
        // a copy of a record in another session
        if copied {
            let copy = format!("-home-dev-shop/{}.jsonl", SESSION.replace("07-", "08-"));
            self.write(&copy, &[with(base(5, "2026-01-01T12:00:00.000Z"), typed)]);
        }
    }

    fn preview(&self, environment: &[(&str, &str)]) -> BTreeSet<String> {
        let ended = self.run(&["preview"], environment);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains("xylophone"), "{text}");
        }
        let lines: BTreeSet<String> = ended.stdout.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), ended.stdout.lines().count(), "an event is shown twice");
        lines
    }
}

/// The events of all requests, each in the very bytes that were sent.
fn sent(server: &Server) -> BTreeSet<String> {
    server
        .bodies()
        .iter()
        .flat_map(|body| serde_json::from_str::<Vec<Box<RawValue>>>(body).unwrap())
        .map(|event| event.get().to_owned())
        .collect()
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap_or_default()))
        .collect();
    found.sort();
    found
}

#[test]
fn preview_prints_the_very_bytes_that_a_run_then_sends() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    home.write_transcripts(true);
    home.write_session(9, 0..3);
    let previewed = home.preview(&[]);
    assert_eq!(previewed.len(), 15, "{previewed:#?}");
    assert!(!home.path(".local").exists(), "it left something in the state folder");

    let mut monitor = home.start(&server.url, &[]);
    eventually("as many events", || sent(&server).len() >= previewed.len());
    monitor.signal("-TERM");
    monitor.wait();
    assert_eq!(sent(&server), previewed);

    // what would deceive a person is seen: another key, another rule for names
    fs::create_dir(home.path("other")).unwrap();
    fs::write(home.path("other/key.priv"), [9; 32]).unwrap();
    super::set_mode(&home.path("other/key.priv"), 0o600);
    let other = home.path("other");
    assert!(home.preview(&[("VIBETEA_KEY_PATH", other.to_str().unwrap())]).is_disjoint(&previewed));
    let without_names = home.preview(&[("VIBETEA_BASENAME_ALLOWLIST", "md")]);
    assert_eq!(without_names.difference(&previewed).count(), 2, "the two events that named till.rs");

    // beside what a run has kept, it shows the same and changes nothing
    let kept = contents(&home.path(".local"));
    assert!(kept.iter().any(|(path, _)| path.ends_with("outbox.db")));
    assert_eq!(home.preview(&[]), previewed);
    assert_eq!(contents(&home.path(".local")), kept);
}

#[test]
fn preview_needs_no_key_and_says_so() {
    let home = Home::new();
    home.write_transcripts(false);
    let ended = home.run(&["preview"], &[]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 10);
    assert!(!home.path(".vibetea").exists());
    insta::assert_snapshot!(ended.stderr, @"
    There is no key yet (`vibetea-monitor init` makes one): the ids below are made with a throw-away key; everything else is as it would be.
    Read: 2 transcripts, 2.6 kB, 8 lines
    Would leave in the name of 'test-source': 10 events
      type         events  first       last
      session           2  2026-01-01  2026-01-01
      activity          2  2026-01-01  2026-01-01
      tool              5  2026-01-01  2026-01-01
      agent             1  2026-01-01  2026-01-01
    Left out: 1 line of 1 unknown type
    ");
}

#[test]
fn one_file_is_previewed_under_the_ids_that_a_run_gives_it() {
    let home = Home::with_key();
    home.write_transcripts(false);
    let all = home.preview(&[]);
    let file = home.path(&format!(".claude/projects/-home-dev-shop/{SESSION}.jsonl"));
    let one = home.run(&["preview", file.to_str().unwrap()], &[]);
    let lines: BTreeSet<String> = one.stdout.lines().map(str::to_owned).collect();
    assert!(!lines.is_empty() && lines.is_subset(&all) && lines.len() < all.len(), "{}", one.stdout);

    // elsewhere it is read as if its folder were a project's
    let elsewhere = home.path(&format!("backup/-home-dev-shop/{SESSION}.jsonl"));
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::copy(&file, &elsewhere).unwrap();
    assert_eq!(home.run(&["preview", elsewhere.to_str().unwrap()], &[]).stdout, one.stdout);

    let nothing = home.path("backup/-home-dev-shop/notes.txt");
    fs::write(&nothing, SECRET).unwrap();
    for (path, word) in [(nothing.to_str().unwrap(), "no transcript"), ("/nowhere/x.jsonl", "cannot read")] {
        let ended = home.run(&["preview", path], &[]);
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
}

#[test]
fn preview_goes_by_the_wanted_history() {
    let home = Home::with_key();
    home.write_transcripts(false);
    home.write_session(9, 0..3);
    let all = home.preview(&[]);
    assert!(home.preview(&[("VIBETEA_HISTORY", "off")]).is_empty());
    let days = home.preview(&[("VIBETEA_HISTORY", "2d")]);
    assert_eq!(days.len(), 4, "{days:#?}");
    assert!(days.is_subset(&all));
}

#[test]
fn without_transcripts_the_remedy_is_named() {
    let ended = Home::with_key().run(&["preview"], &[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("--claude-dir"), "{}", ended.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let home = Home::with_key();
    home.write_session(1, 0..4000);
    let mut child = home.command(&["preview"], &[]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("{\"id\":\"evt_"));
    drop(lines);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(0), String::new()));
}

/// The most memory that previewing so many megabytes took, in kibibytes; looked at before the last events are taken.
fn peak(megabytes: usize) -> Option<u64> {
    const PROMPTS: usize = 2000;
    let home = Home::with_key();
    home.write_session(1, 0..u32::try_from(PROMPTS).unwrap());
    let file = home.path(".claude/projects/-home-dev-shop/00000001-0000-4000-8000-000000000000.jsonl");
    let padding = "x".repeat(megabytes * (1 << 20) / PROMPTS);
    let padded = fs::read_to_string(&file).unwrap().replace(SECRET, &padding);
    fs::write(&file, padded).unwrap();
    let mut child = home.command(&["preview"], &[]).spawn().unwrap();
    // the pipe holds less than all events, so that at most the last part of them is not looked at
    let mut stdout = child.stdout.take().unwrap();
    let (mut part, mut bytes, mut peak) = (vec![0; 4096], 0, None);
    loop {
        let read = stdout.read(&mut part).unwrap();
        if read == 0 {
            break;
        }
        bytes += read;
        peak = read_peak(child.id()).or(peak);
    }
    assert!(child.wait().unwrap().success() && bytes > 300_000, "{bytes} bytes");
    peak
}

fn read_peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn memory_does_not_grow_with_the_transcripts() {
    let long = super::long_form();
    let (Some(small), Some(large)) = (peak(4), peak(if long { 1024 } else { 48 })) else {
        println!("skipped: no /proc on this system");
        return;
    };
    println!("peak memory: {small} KiB for 4 MB, {large} KiB for more");
    assert!(large < small + 12 * 1024, "{small} KiB and then {large} KiB");
}
