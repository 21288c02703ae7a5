//! Which files are found, and what it costs to look for them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::super::testing::{Desk, Planted, now};

const HOUR: i64 = 3600 * 1_000_000_000;

/// Three hundred folders that no file event told of, each with a file that is never touched again.
fn new_folders(look: impl Fn(&mut Desk)) -> Result<(), String> {
    let mut desk = Desk::new(Planted::Nothing);
    desk.append("old/a.jsonl", "old\n");
    desk.read_all();
    let mut lines = vec!["old".to_owned()];
    for number in 0..300 {
        desk.append(&format!("new-{number}/s.jsonl"), format!("{number}\n"));
        lines.push(number.to_string());
    }
    look(&mut desk);
    desk.drain();
    desk.expect(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn files_in_new_folders_are_found_by_one_look() {
    new_folders(|desk| desk.tail.glance(now())).unwrap();
    new_folders(|desk| {
        desk.tail.scan(now());
    })
    .unwrap();
    assert!(new_folders(|_| {}).is_err(), "a reader that waits for file events was not found");
}

#[test]
fn a_glance_finds_new_files_and_changes_where_something_changed_lately() {
    let mut desk = Desk::new(Planted::Nothing);
    desk.append("p/warm.jsonl", "1\n");
    desk.append("p/s/subagents/agent-1.jsonl", "2\n");
    desk.read_all();
    desk.append("p/warm.jsonl", "3\n");
    desk.append("p/new.jsonl", "4\n");
    desk.append("p/s/subagents/agent-2.jsonl", "5\n");
    desk.append("p/t/subagents/agent-3.jsonl", "6\n");
    desk.append("q/r/subagents/workflows/wf_1/agent-4.jsonl", "7\n");
    desk.tail.glance(now());
    desk.drain();
    desk.expect(&["1", "2", "3", "4", "5", "6", "7"]).unwrap();
    // hours later the files have grown cold, and a look at everything is what finds a change
    desk.append("p/warm.jsonl", "8\n");
    desk.tail.glance(now() + 2 * HOUR);
    desk.drain();
    assert_eq!(desk.delivered.len(), 7);
    desk.tail.scan(now() + 2 * HOUR);
    desk.drain();
    assert_eq!(desk.delivered.last().unwrap(), "8");
}

const PROJECTS: u64 = 100;
const FILES: u64 = 15_000;

#[test]
fn fifteen_thousand_still_files_are_neither_opened_nor_read() {
    let mut desk = Desk::new(Planted::Nothing);
    for number in 0..FILES {
        let path = desk.path(&format!("p{}/{number}.jsonl", number % PROJECTS));
        if number < PROJECTS {
            fs::create_dir(path.parent().unwrap()).unwrap();
        }
        fs::write(path, "{}\n").unwrap();
    }
    desk.read_all();
    // what was read at once is looked at twice: a change can hide behind the clock's grain
    desk.read_all();
    assert_eq!(desk.delivered.len() as u64, FILES);
    still_files_cost_looks_alone(&mut desk).unwrap();
    desk.planted = Planted::LooksInside;
    assert!(
        still_files_cost_looks_alone(&mut desk).is_err(),
        "a reader that opens still files was not found"
    );
}

fn still_files_cost_looks_alone(desk: &mut Desk) -> Result<(), String> {
    let before = desk.tail.touched();
    let later = now() + 2 * HOUR;
    let cost = |after: super::super::Touched| {
        (after.opened - before.opened, after.read - before.read, after.looked - before.looked)
    };
    let scans = 3;
    for _ in 0..scans {
        desk.tail.scan(later);
        desk.drain();
    }
    let (opened, read, looked) = cost(desk.tail.touched());
    let open = desk.tail.open_files() as u64;
    if (opened, read) != (0, 0) || looked > scans * (FILES + PROJECTS + 1 + open) {
        return Err(format!("{scans} looks at everything: {opened} opened, {read} read, {looked} looks"));
    }
    let glances = 10;
    for _ in 0..glances {
        desk.tail.glance(later);
        desk.drain();
    }
    let (opened, read, all) = cost(desk.tail.touched());
    if (opened, read) != (0, 0) || all - looked > glances * (PROJECTS + 1 + open) {
        return Err(format!("{glances} glances: {opened} opened, {read} read, {} looks", all - looked));
    }
    Ok(())
}

/// A folder in which everything but one file is not to be touched.
fn strange_folder() -> (Desk, tempfile::TempDir) {
    let desk = Desk::new(Planted::Nothing);
    let outside = tempfile::tempdir().unwrap();
    desk.append("p/good.jsonl", "good\n");
    fs::write(outside.path().join("secret.jsonl"), "outside\n").unwrap();
    assert!(Command::new("mkfifo").arg(desk.path("p/pipe.jsonl")).status().unwrap().success());
    // only the administrator may make a device
    let device = Command::new("mknod").arg(desk.path("p/device.jsonl")).args(["c", "1", "5"]).output();
    if !device.is_ok_and(|made| made.status.success()) {
        eprintln!("not checked: a device cannot be made here");
    }
    fs::create_dir(desk.path("p/folder.jsonl")).unwrap();
    desk.append("p/locked.jsonl", "locked\n");
    fs::set_permissions(desk.path("p/locked.jsonl"), fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(desk.path("p/locked.jsonl")).is_ok() {
        eprintln!("not checked: this user can read everything");
        fs::remove_file(desk.path("p/locked.jsonl")).unwrap();
    }
    symlink("..", desk.path("p/loop")).unwrap();
    symlink("loop.jsonl", desk.path("p/loop.jsonl")).unwrap();
    symlink(outside.path().join("secret.jsonl"), desk.path("p/link.jsonl")).unwrap();
    symlink(outside.path(), desk.path("q")).unwrap();
    (desk, outside)
}

#[test]
fn what_is_no_plain_file_inside_is_neither_opened_nor_followed() {
    let (mut desk, outside) = strange_folder();
    let _socket = UnixListener::bind(desk.path("p/socket.jsonl")).unwrap();
    desk.read_all();
    let mut said = vec![desk.path("q/secret.jsonl"), outside.path().join("secret.jsonl")];
    for entry in fs::read_dir(desk.path("p")).unwrap() {
        said.push(entry.unwrap().path());
    }
    // a hint about any of them changes nothing
    for path in said {
        desk.tail.look(&path, now());
        desk.drain();
    }
    desk.expect(&["good"]).unwrap();
    assert!(desk.descriptors() <= 1);

    let naive = |folder: &Path| {
        let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("secret.jsonl"));
        inside.filter(|path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file())).count()
    };
    assert_eq!(naive(desk.root()), 1, "the link out of the folder leads nowhere, so nothing was checked");
}

/// Between the look and the read anything can come to the path.
#[test]
fn a_folder_that_becomes_a_link_is_not_followed_out() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a.jsonl"), "outside\n").unwrap();
    let mut desk = Desk::new(Planted::Nothing);
    desk.append("p/a.jsonl", "inside\n");
    desk.tail.scan(now());
    fs::rename(desk.path("p"), outside.path().join("p")).unwrap();
    symlink(outside.path(), desk.path("p")).unwrap();
    desk.drain();
    desk.read_all();
    desk.tail.look(&desk.path("p/a.jsonl"), now());
    desk.drain();
    desk.expect(&[]).unwrap();
}
