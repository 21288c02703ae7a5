//! `install.sh` with releases that it should take, and with some that it should not.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use vibetea_tests::release::{PROGRAMS, Release};

use super::{root, skip};

const VERSION: &str = "9.8.7";

/// A release of programs that say who they are.
fn release(folder: &TempDir, programs: &[&str]) -> Release {
    Release::make(folder.path(), VERSION, programs, |program| format!("echo {program} {VERSION}"))
}

/// Changes one byte in the middle of the archive.
fn tamper(release: &Release) {
    let mut bytes = std::fs::read(release.archive()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(release.archive(), bytes).unwrap();
}

struct Ended {
    code: Option<i32>,
    said: String,
}

/// Runs an installer with the arguments in a home of its own.
fn install(installer: &Path, home: &Path, arguments: &[&str]) -> Ended {
    let output = Command::new("sh")
        .arg(installer)
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", home)
        .output()
        .unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ended { code: output.status.code(), said }
}

fn has_fetcher() -> bool {
    let there = Command::new("curl").arg("--version").output().is_ok();
    if !there {
        skip("curl", "no curl on this system, which reads a release from a folder");
    }
    there && cfg!(target_os = "linux")
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_release_that_is_what_its_checksums_say_is_installed_for_the_user() {
    if !has_fetcher() {
        return;
    }
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let release = release(&folder, &PROGRAMS);
    let url = release.url();
    let arguments = ["--from", url.as_str(), "--version", VERSION];
    let ended = install(&root().join("install.sh"), home.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("not on your PATH"), "{}", ended.said);
    let bin = home.path().join(".local/bin");
    assert_eq!(names(&bin), ["vibetea", "vibetea-monitor", "vibetea-server"]);
    for program in PROGRAMS {
        let said = Command::new(bin.join(program)).output().unwrap().stdout;
        assert_eq!(String::from_utf8(said).unwrap(), format!("{program} {VERSION}\n"));
    }
    assert_eq!(names(home.path()), [".local"], "nothing is left behind");
    // again, over what is there
    assert_eq!(install(&root().join("install.sh"), home.path(), &arguments).code, Some(0));
}

#[test]
fn a_release_that_was_tampered_with_is_refused_and_changes_nothing() {
    if !has_fetcher() {
        return;
    }
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let release = release(&folder, &PROGRAMS);
    tamper(&release);
    let url = release.url();
    let arguments = ["--from", url.as_str(), "--version", VERSION];
    let refused = |installer: &Path| {
        let ended = install(installer, home.path(), &arguments);
        (ended.code == Some(1)
            && ended.said.contains("nothing was installed")
            && names(home.path()).is_empty())
        .then_some(())
        .ok_or(ended.said)
    };
    refused(&root().join("install.sh")).unwrap();
    // the twin: an installer that compares nothing would not be found good
    let careless = folder.path().join("careless.sh");
    let text = std::fs::read_to_string(root().join("install.sh")).unwrap();
    std::fs::write(&careless, text.replace("found=$(hash_of \"$work/$archive\")", "found=$expected"))
        .unwrap();
    assert!(refused(&careless).is_err());
}

#[test]
fn a_release_without_a_checksum_or_a_program_is_refused() {
    if !has_fetcher() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let ask = |release: &Release| {
        let ended = install(
            &root().join("install.sh"),
            home.path(),
            &["--from", &release.url(), "--version", VERSION],
        );
        assert_eq!(ended.code, Some(1), "{}", ended.said);
        assert!(!home.path().join(".local/bin/vibetea").exists());
        ended.said
    };
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let unlisted = release(&folders[0], &PROGRAMS);
    std::fs::write(unlisted.sums(), "").unwrap();
    assert!(ask(&unlisted).contains("does not name"));
    let without_sums = release(&folders[1], &PROGRAMS);
    std::fs::remove_file(without_sums.sums()).unwrap();
    assert!(ask(&without_sums).contains("cannot fetch"));
    assert!(ask(&release(&folders[2], &PROGRAMS[..2])).contains("holds no vibetea-monitor"));
}

#[test]
fn a_wrong_usage_is_told_before_anything_is_fetched() {
    let home = tempfile::tempdir().unwrap();
    let installer = root().join("install.sh");
    for (arguments, told) in [
        (&[][..], "belongs to no release"),
        (&["--from", "http://example.org/x", "--version", VERSION], "allowed: https://"),
        (&["--from", "file:///tmp", "--version", "../../etc"], "allowed: a release"),
        (&["--from", "file:///tmp", "--version", VERSION, "--to", "bin"], "a folder from the root"),
        (&["--form", "file:///tmp"], "is not known"),
        (&["--from"], "wants a value"),
    ] {
        let ended = install(&installer, home.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.said);
        assert!(ended.said.contains(told), "{arguments:?}: {}", ended.said);
    }
    let help = install(&installer, home.path(), &["--help"]);
    assert_eq!((help.code, help.said.contains("Examples:")), (Some(0), true));
}
