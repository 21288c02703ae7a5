//! Small damage to examples.

use crate::dice::Dice;

/// Pieces that parsers stumble over.
const WORDS: [&[u8]; 26] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc0\xaf",
    "\u{202e}".as_bytes(),
    b"\x1b[31m",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-1",
    b"1e400",
    b"99999999999999999999",
    b"%00",
    b"%2e%2e/",
    b"=",
    b"&",
    b"..",
];
/// Longest input.
const LONGEST: usize = 64 * 1024;

/// One of the examples after one to eight changes.
pub(super) fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.pick(seeds).clone();
    bytes.truncate(LONGEST);
    for _ in 0..=dice.below(8) {
        change(&mut bytes, seeds, dice);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let (from, to) = range(bytes.len(), dice);
    match dice.below(7) {
        0 if from < bytes.len() => bytes[from] ^= 1 << dice.below(8),
        1 => drop(bytes.drain(from..to)),
        2 if bytes.len() < LONGEST => {
            let piece = bytes[from..to].to_vec();
            bytes.splice(to..to, piece);
        }
        3 => bytes.truncate(to),
        4 => {
            let other = dice.pick(seeds);
            let (begin, end) = range(other.len().min(4096), dice);
            bytes.splice(from..to, other[begin..end].iter().copied());
        }
        _ => {
            let word = *dice.pick(&WORDS);
            let end = if dice.once_in(2) { from } else { to };
            bytes.splice(from..end, word.iter().copied());
        }
    }
}

/// A part of something of this length, mostly a short one.
fn range(length: usize, dice: &mut Dice) -> (usize, usize) {
    let below = |limit: usize, dice: &mut Dice| {
        usize::try_from(dice.below(u64::try_from(limit).unwrap_or(u64::MAX))).unwrap_or(0)
    };
    let from = below(length + 1, dice);
    let most = if dice.once_in(8) { length - from } else { (length - from).min(16) };
    (from, from + below(most + 1, dice))
}
