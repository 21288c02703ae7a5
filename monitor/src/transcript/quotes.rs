//! Where a JSON string ends, at a speed that does not depend on how much in it is escaped.
//!
//! In transcripts most quotes are those of code inside strings, behind a backslash: a search that stops at each of them
//! spends its time on stopping. So 64 bytes at a time become bits, of which those that are escaped are taken out
//! (Langdale and Lemire, Parsing Gigabytes of JSON per Second, 2019, section 3.1.1).

use wide::u8x16;

const BLOCK: usize = 64;
/// Bits at even places.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// The place of the first quote that no backslash escapes, in text that begins inside of a string.
pub(super) fn closing_quote(text: &[u8]) -> Option<usize> {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut escapes = Escapes::default();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(place) = escapes.closing_quote(block) {
            return Some(index * BLOCK + place);
        }
    }
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    escapes.closing_quote(&last).map(|place| blocks.len() * BLOCK + place)
}

/// What one block leaves to the next.
#[derive(Default)]
struct Escapes {
    /// 1 where the next block's first byte is escaped, otherwise 0.
    carried: u64,
}

impl Escapes {
    #[inline]
    fn closing_quote(&mut self, block: &[u8; BLOCK]) -> Option<usize> {
        let quotes = places(block, b'"') & !self.escaped(places(block, b'\\'));
        (quotes != 0).then_some(quotes.trailing_zeros() as usize)
    }

    /// What stands behind a run of backslashes of odd length. The addition of a run's first bit moves it to the place
    /// behind the run, and whether both places are even or odd tells the length.
    #[inline]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        let backslashes = backslashes & !self.carried;
        let starts = backslashes & !(backslashes << 1);
        let behind_even = backslashes.wrapping_add(starts & EVEN) & !backslashes;
        // the block's end is an even place
        let (behind_odd, over) = backslashes.overflowing_add(starts & !EVEN);
        let escaped = behind_even & !EVEN | behind_odd & !backslashes & EVEN | self.carried;
        self.carried = u64::from(over);
        escaped
    }
}

/// A bit for each place of the block where the byte is.
#[inline]
fn places(block: &[u8; BLOCK], byte: u8) -> u64 {
    let wanted = u8x16::splat(byte);
    let (parts, _) = block.as_chunks::<16>();
    let bits = |part: &[u8; 16]| u64::from(u8x16::new(*part).simd_eq(wanted).to_bitmask());
    parts.iter().rev().fold(0, |places, part| places << 16 | bits(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte, as the format's own text says it.
    fn plainly(text: &[u8]) -> Option<usize> {
        let mut escaped = false;
        text.iter().position(|byte| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_closing_quote_is_where_it_is_byte_by_byte(
            text in prop::collection::vec(prop::sample::select(vec![b'\\', b'\\', b'"', b'a', 0, 0xff]), 0..300),
            run in 0..140_usize,
            before in 0..70_usize,
        ) {
            let text = [vec![b'a'; before], vec![b'\\'; run], text].concat();
            for from in 0..text.len() {
                prop_assert_eq!(closing_quote(&text[from..]), plainly(&text[from..]));
            }
        }
    }

    #[test]
    fn runs_of_backslashes_across_blocks() {
        for before in 0..130 {
            for run in 0..130 {
                let text = [vec![b'a'; before], vec![b'\\'; run], b"\"b\"".to_vec()].concat();
                let end = before + run + if run % 2 == 0 { 0 } else { 2 };
                assert_eq!(closing_quote(&text), Some(end), "{before} bytes and {run} backslashes");
            }
        }
    }
}
