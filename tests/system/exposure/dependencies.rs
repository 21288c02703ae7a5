//! What is built in, and what is not.

use std::path::Path;

/// The packages of the lock file, as `name version`.
fn packages() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let text = std::fs::read_to_string(path).unwrap();
    let field = |part: &str, name: &str| {
        let line = part.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let parts = text.split("[[package]]").skip(1);
    parts
        .map(|part| format!("{} {}", field(part, "name").unwrap(), field(part, "version").unwrap()))
        .collect()
}

/// Those of these names.
fn named(packages: &[String], names: &[&str]) -> Vec<String> {
    let of_a_name =
        |package: &&String| package.split_once(' ').is_some_and(|(name, _)| names.contains(&name));
    packages.iter().filter(of_a_name).cloned().collect()
}

#[test]
fn http_2_and_other_tls_libraries_are_not_built_in() {
    let packages = packages();
    assert_eq!(named(&packages, &["h2", "h3", "quinn", "openssl-sys", "native-tls"]), Vec::<String>::new());
    // the twin: what is built in is found by the same search
    assert_eq!(named(&packages, &["rustls"]).len(), 1);
    assert_eq!(named(&packages, &["hyper"]).len(), 1);
}

/// What the manifest says of the release's profile, line by line.
fn release_profile(manifest: &str) -> Vec<&str> {
    let (_, profile) = manifest.split_once("\n[profile.release]\n").unwrap();
    profile.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#')).collect()
}

/// A panic costs one request, or one line of a transcript, because the programs unwind.
fn unwinds(manifest: &str) -> bool {
    let is_aborted = manifest.lines().any(|line| line.replace(' ', "").starts_with("panic=\"abort\""));
    release_profile(manifest).contains(&"panic = \"unwind\"") && !is_aborted
}

#[test]
fn releases_unwind_when_something_panics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let manifest = std::fs::read_to_string(path).unwrap();
    assert!(unwinds(&manifest), "{:?}", release_profile(&manifest));
    // the twins: releases that end with the first panic
    assert!(!unwinds(&manifest.replace("panic = \"unwind\"", "panic = \"abort\"")));
    assert!(!unwinds(&format!("{manifest}\n[profile.dist]\ninherits = \"release\"\npanic = \"abort\"\n")));
}

#[test]
fn sqlite_is_one_that_keeps_what_it_committed() {
    let version: String = rusqlite::Connection::open_in_memory()
        .unwrap()
        .query_row("SELECT sqlite_version()", [], |row| row.get(0))
        .unwrap();
    let numbers = |version: &str| version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>();
    let first_good = [3, 51, 3];
    assert!(numbers(&version).as_slice() >= &first_good[..], "{version}");
    assert!(numbers("3.51.2").as_slice() < &first_good[..], "the twin");
    assert_eq!(named(&packages(), &["libsqlite3-sys"]).len(), 1, "one SQLite");
}
