//! Every parser of outside bytes against mutated examples; the long form in `cargo xtask soak`.

use std::time::Duration;

use vibetea_tests::dice::Dice;
use vibetea_tests::fuzz::{TARGETS, Target};

use crate::crash::is_soak;

/// Fewer would say that something is far too slow, or that nothing was tried.
const FEWEST: u64 = 300;

fn patience() -> Duration {
    if is_soak() { Duration::from_mins(2) } else { Duration::from_secs(2) }
}

fn holds(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    match target.run(patience(), &mut Dice::new()) {
        Ok(tried) => assert!(tried > FEWEST, "only {tried} inputs"),
        Err(broken) => panic!("input {} breaks {name}: {}", broken.after, broken.input.escape_ascii()),
    }
}

#[test]
fn no_body_breaks_the_rules_of_events() {
    holds("ingest_body");
}

#[test]
fn no_signature_or_key_has_two_spellings_or_verifies_by_chance() {
    holds("signature_header");
}

#[test]
fn no_head_of_an_upgrade_breaks_what_reads_it() {
    holds("socket_hello");
}

#[test]
fn no_line_of_a_transcript_breaks_the_monitor_or_gives_what_a_server_refuses() {
    holds("transcript_line");
}

/// The twins: parsers with a planted bug each, which the same runs find.
#[test]
fn planted_bugs_in_parsers_are_found() {
    fn takes_any_length(data: &[u8]) {
        assert_ne!(data.len(), 89, "an index out of bounds");
    }
    fn trusts_its_quotes(data: &[u8]) {
        let odd = data.iter().fold(false, |odd, byte| odd != (*byte == b'"'));
        assert!(!(odd && data.starts_with(b"[{")), "a missing quote");
    }
    fn stumbles_over_text(data: &[u8]) {
        assert!(std::str::from_utf8(data).is_ok(), "no UTF-8");
    }
    fn believes_everybody(data: &[u8]) {
        let named = data.windows(16).any(|window| window.eq_ignore_ascii_case(b"x-forwarded-for:"));
        let is_upgrade = data.starts_with(b"/ws?ticket=");
        assert!(!(named && is_upgrade), "a stranger that says who it is");
    }
    for (name, check) in [
        ("signature_header", takes_any_length as fn(&[u8])),
        ("ingest_body", trusts_its_quotes),
        ("transcript_line", stumbles_over_text),
        ("socket_hello", believes_everybody),
    ] {
        let seeds = TARGETS.iter().find(|target| target.name == name).unwrap().seeds;
        let planted = Target { name, check, seeds };
        assert!(planted.run(Duration::from_secs(20), &mut Dice::new()).is_err(), "{name}");
    }
}

#[test]
fn every_target_has_a_binary_for_the_fuzzer() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for target in &TARGETS {
        let source =
            std::fs::read_to_string(folder.join(format!("fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(source.contains(&format!("vibetea_tests::fuzz::{}", target.name)), "{source}");
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{manifest}");
    }
}
