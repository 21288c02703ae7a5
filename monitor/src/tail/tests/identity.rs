//! Which file is which: what is written anew, moved, copied, linked or deleted.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::super::testing::{Desk, Planted, holds_unless};

const OLD: &str = "{\"old\":1}\n{\"old\":2}\n{\"old\":3}\n";

fn rewritten(planted: Planted, text: &str) -> Result<(), String> {
    let mut desk = Desk::new(planted);
    desk.append("p/a.jsonl", OLD);
    desk.read_all();
    desk.rewrite("p/a.jsonl", text);
    desk.read_all();
    let mut lines: Vec<&str> = OLD.lines().collect();
    lines.extend(text.lines());
    desk.expect(&lines)
}

#[test]
fn what_is_written_anew_and_shorter_is_read_from_its_beginning() {
    let shorter = "{\"n\":1}\n{\"n\":2}\n";
    holds_unless(&[Planted::TrustsThePath], |planted| rewritten(planted, shorter));
}

#[test]
fn what_is_written_anew_and_longer_is_read_from_its_beginning() {
    let longer = "{\"new\":\"longer than the old one\"}\n{\"new\":\"and of other lines\"}\n{\"new\":3}\n";
    holds_unless(&[Planted::TrustsThePath], |planted| rewritten(planted, longer));
}

#[test]
fn what_is_written_anew_with_the_same_first_line_is_read_from_its_beginning() {
    let longer = "{\"old\":1}\n{\"other\":\"second\"}\n{\"other\":\"third\"}\n{\"other\":\"fourth\"}\n";
    let planted = [Planted::TrustsThePath, Planted::TrustsTheFirstLine];
    holds_unless(&planted, |planted| rewritten(planted, longer));
}

fn inode(desk: &Desk, file: &str) -> u64 {
    fs::metadata(desk.path(file)).unwrap().ino()
}

/// Deletes a file and makes another until it has the same inode; `false` where the file system gives new ones.
fn made_anew_with_the_same_inode(desk: &Desk, file: &str, text: &str) -> bool {
    let before = inode(desk, file);
    (0..1000).any(|_| {
        fs::remove_file(desk.path(file)).unwrap();
        desk.append(file, text);
        inode(desk, file) == before
    })
}

#[test]
fn another_file_with_the_same_inode_is_read_from_its_beginning() {
    let other = "{\"other\":\"longer than what was read\"}\n{\"other\":2}\n{\"other\":3}\n";
    let check = |planted| {
        let mut desk = Desk::new(planted);
        desk.append("p/a.jsonl", OLD);
        desk.read_all();
        // what is open keeps its inode
        desk.restart();
        if !made_anew_with_the_same_inode(&desk, "p/a.jsonl", other) {
            return None;
        }
        desk.read_all();
        let mut lines: Vec<&str> = OLD.lines().collect();
        lines.extend(other.lines());
        Some(desk.expect(&lines))
    };
    let Some(outcome) = check(Planted::Nothing) else {
        eprintln!("not checked: this file system does not use inodes again");
        return;
    };
    outcome.unwrap();
    let trusting = check(Planted::TrustsThePath);
    assert!(trusting.is_none_or(|outcome| outcome.is_err()), "a reader that trusts the inode was not found");
}

#[test]
fn files_with_the_same_beginning_are_different_files() {
    let first = format!("{{\"same\":\"{}\"}}\n", "x".repeat(8192));
    holds_unless(&[Planted::KnowsByTheFirstLine], |planted| {
        let mut desk = Desk::new(planted);
        desk.append("p/a.jsonl", format!("{first}a\n"));
        desk.append("p/b.jsonl", format!("{first}b\n"));
        desk.read_all();
        let first = first.trim_end();
        desk.expect(&[first, "a", first, "b"])
    });
}

#[test]
fn a_renamed_a_moved_and_a_linked_file_go_on_where_they_were() {
    holds_unless(&[Planted::ForgetsPlaces], |planted| {
        let mut desk = Desk::new(planted);
        for file in ["p/renamed.jsonl", "p/moved.jsonl", "p/linked.jsonl"] {
            desk.append(file, format!("{file} 1\n"));
        }
        desk.append("q/other.jsonl", "other\n");
        desk.read_all();
        fs::rename(desk.path("p/renamed.jsonl"), desk.path("p/name.jsonl")).unwrap();
        fs::rename(desk.path("p/moved.jsonl"), desk.path("q/moved.jsonl")).unwrap();
        fs::hard_link(desk.path("p/linked.jsonl"), desk.path("q/link.jsonl")).unwrap();
        desk.read_all();
        for file in ["p/name.jsonl", "q/moved.jsonl"] {
            desk.append(file, format!("{file} 2\n"));
        }
        desk.read_all();
        let moved = ["p/name.jsonl 2", "q/moved.jsonl 2"];
        let before = ["p/renamed.jsonl 1", "p/moved.jsonl 1", "p/linked.jsonl 1", "other"];
        desk.expect(&[moved.as_slice(), before.as_slice()].concat())
    });
}

/// Two names of one file are two files to a tail; the record's own name says later that they are copies.
#[test]
fn what_is_appended_to_a_linked_file_comes_by_each_name() {
    let mut desk = Desk::new(Planted::Nothing);
    desk.append("p/a.jsonl", "first\n");
    desk.read_all();
    fs::hard_link(desk.path("p/a.jsonl"), desk.path("p/b.jsonl")).unwrap();
    desk.read_all();
    desk.append("p/b.jsonl", "second\n");
    desk.read_all();
    desk.expect(&["first", "second", "second"]).unwrap();
}

#[test]
fn a_deleted_file_that_is_open_is_read_to_its_end_and_closed() {
    holds_unless(&[Planted::ClosesFiles], |planted| {
        let mut desk = Desk::new(planted);
        let mut lines = Vec::new();
        for number in 0..100 {
            let file = format!("p/{number}.jsonl");
            desk.append(&file, format!("{number} read\n"));
            desk.read_all();
            desk.append(&file, format!("{number} unread\n"));
            fs::remove_file(desk.path(&file)).unwrap();
            desk.read_all();
            lines.extend([format!("{number} read"), format!("{number} unread")]);
            if desk.descriptors() > 0 {
                return Err("a descriptor stays open".to_owned());
            }
        }
        desk.expect(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    });
}

#[test]
fn what_replaced_an_open_file_comes_after_the_rest_of_it() {
    let mut desk = Desk::new(Planted::Nothing);
    desk.append("p/a.jsonl", "old read\n");
    desk.read_all();
    desk.append("p/a.jsonl", "old unread\n");
    fs::remove_file(desk.path("p/a.jsonl")).unwrap();
    desk.append("p/a.jsonl", "new\n");
    desk.read_all();
    assert_eq!(desk.delivered, ["old read", "old unread", "new"]);
}
