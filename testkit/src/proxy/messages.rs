//! What a client of `PostgreSQL` says, as far as a network has to know it.

use std::collections::HashMap;

/// The first messages have no letter in front.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Finds statements in the bytes that a client sends.
#[derive(Debug, Default)]
pub(super) struct Messages {
    is_started: bool,
    pending: Vec<u8>,
    /// Texts of statements that were given a name.
    prepared: HashMap<Vec<u8>, String>,
}

impl Messages {
    /// The statements that are run or prepared by what ends in this piece, in capitals.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<String> {
        self.pending.extend_from_slice(piece);
        let mut statements = Vec::new();
        let mut at = 0;
        while let Some((kind, body, end)) = self.next(at) {
            at = end;
            let body = self.pending[body].to_vec();
            match kind {
                None => {
                    let code = body.first_chunk().map(|code| u32::from_be_bytes(*code));
                    self.is_started = !matches!(code, Some(SSL_REQUEST | GSS_REQUEST));
                }
                Some(b'Q') => statements.push(text(&body)),
                Some(b'P') => {
                    let (name, rest) = split(&body);
                    self.prepared.insert(name.to_vec(), text(rest));
                    statements.push(text(rest));
                }
                Some(b'B') => {
                    let (_, rest) = split(&body);
                    statements.extend(self.prepared.get(split(rest).0).cloned());
                }
                Some(_) => {}
            }
        }
        self.pending.drain(..at);
        statements
    }

    /// Letter, place of the body and end of the message that begins at a place, once it is whole.
    fn next(&self, at: usize) -> Option<(Option<u8>, std::ops::Range<usize>, usize)> {
        let start = at + usize::from(self.is_started);
        let length = u32::from_be_bytes(*self.pending.get(start..)?.first_chunk()?);
        let end = start + usize::try_from(length).ok()?;
        let kind = self.is_started.then(|| self.pending[at]);
        (self.pending.len() >= end).then(|| (kind, start + 4..end, end))
    }
}

/// A text that a zero ends, and what follows.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(split(bytes).0).trim_start().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::Messages;

    fn message(kind: &[u8], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [kind, &length, body].concat()
    }

    #[test]
    fn statements_are_found_whatever_the_pieces() {
        let said = [
            message(b"", &80_877_103_u32.to_be_bytes()),
            message(b"", b"\0\x03\0\0user\0vibetea\0\0"),
            message(b"Q", b"listen vibetea_live\0"),
            message(b"P", b"s1\0select 'a long one'\0\0\0"),
            message(b"D", b"Ss1\0"),
            message(b"B", b"\0s1\0\0\0\0\0\0\0"),
            message(b"Q", b"COMMIT\0"),
        ]
        .concat();
        for size in [1, 3, 7, said.len()] {
            let mut messages = Messages::default();
            let found: Vec<String> = said.chunks(size).flat_map(|piece| messages.take(piece)).collect();
            assert_eq!(
                found,
                ["LISTEN VIBETEA_LIVE", "SELECT 'A LONG ONE'", "SELECT 'A LONG ONE'", "COMMIT"],
                "{size}"
            );
        }
    }
}
