//! Looks for marked words in bytes that left, were kept or were told: as they are, in pieces, encoded or hashed.

use std::collections::HashSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Length of a piece that counts as found.
const PIECE: usize = 8;

fn hex(bytes: &[u8]) -> String {
    each(bytes, |byte, text| write!(text, "{byte:02x}"))
}

fn each(bytes: &[u8], form: impl Fn(u8, &mut String) -> std::fmt::Result) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        form(*byte, &mut text).unwrap();
        text
    })
}

/// Base64 of the word behind 0, 1 and 2 other bytes, without the characters that depend on neighbours.
fn base64_inside(word: &str, engine: &impl base64::Engine) -> Vec<String> {
    let behind = |others: usize| {
        let whole = engine.encode([&b"xx"[..others], word.as_bytes()].concat());
        let inside = if others == 0 { 0 } else { 4 };
        whole[inside..inside + 16].to_owned()
    };
    (0..3).map(behind).collect()
}

/// Every form of a word that is looked for, by name.
pub(crate) fn forms(word: &str) -> Vec<(&'static str, String)> {
    assert!(word.len() >= 14, "'{word}' is too short to be looked for");
    let hashes = [
        ("sha-256", Sha256::digest(word).to_vec()),
        ("sha-1", Sha1::digest(word).to_vec()),
        ("md5", Md5::digest(word).to_vec()),
    ];
    let mut forms = vec![
        ("plain", word.to_owned()),
        ("reversed", word.chars().rev().collect()),
        ("hex", hex(word.as_bytes())),
        ("url", each(word.as_bytes(), |byte, text| write!(text, "%{byte:02X}"))),
        ("json escapes", each(word.as_bytes(), |byte, text| write!(text, "\\u{byte:04x}"))),
    ];
    for (name, hash) in hashes {
        forms.push((name, hex(&hash)));
        forms.push((name, STANDARD.encode(&hash)[..16].to_owned()));
    }
    forms.extend(base64_inside(word, &STANDARD).into_iter().map(|form| ("base64", form)));
    forms.extend(base64_inside(word, &URL_SAFE).into_iter().map(|form| ("base64 for URLs", form)));
    forms
}

/// The words of which a trace is in the bytes, each with its form. Case does not matter. Of the word itself,
/// forwards or backwards, any piece of eight characters counts; of other forms the first sixteen characters.
pub(crate) fn traces<'w>(words: &'w [String], bytes: &[u8]) -> Vec<(&'w str, &'static str)> {
    let upper = bytes.to_ascii_uppercase();
    let pieces: HashSet<&[u8]> = upper.windows(PIECE).collect();
    let has = |form: &[u8]| form.windows(PIECE).all(|piece| pieces.contains(piece));
    let mut found = Vec::new();
    for word in words {
        for (name, form) in forms(word) {
            let form = form.to_ascii_uppercase().into_bytes();
            let there = match name {
                "plain" | "reversed" => form.windows(PIECE).any(|piece| pieces.contains(piece)),
                // escapes are long before they hold eight characters
                "url" | "json escapes" => has(&form[..form.len().min(24)]),
                _ => has(&form[..form.len().min(16)]),
            };
            if there {
                found.push((word.as_str(), name));
            }
        }
    }
    found
}

#[test]
fn every_form_of_a_word_is_found() {
    let word = "QBCDFGHJKLMNPR".to_owned();
    let words = std::slice::from_ref(&word);
    for (name, form) in forms(&word) {
        for text in [form.clone(), form.to_lowercase(), format!("{{\"context\":\"x{form}y\"}}")] {
            let found = traces(words, text.as_bytes());
            assert!(found.iter().any(|(_, of)| *of == name), "{name}: {text}");
        }
    }
    assert_eq!(traces(words, &word.as_bytes()[3..11]), [(word.as_str(), "plain")]);
    for others in 0..3 {
        let text = STANDARD.encode(format!("{}{word} and more", &"xx"[..others]));
        assert!(!traces(words, text.as_bytes()).is_empty(), "behind {others}: {text}");
    }
    assert_eq!(traces(words, b"QBCDFGH JKLMNPR evt_"), []);
}
