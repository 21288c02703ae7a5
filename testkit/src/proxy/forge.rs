//! A lie of the network: a transaction is rolled back, and who asked for its commit is told that it was committed.

use std::borrow::Cow;

/// Unprepared, as a client says it, and how the database says that it is done.
const COMMIT: [&[u8]; 2] = [b"Q\0\0\0\x0bCOMMIT\0", b"C\0\0\0\x0bCOMMIT\0"];
const ROLLBACK: [&[u8]; 2] = [b"Q\0\0\0\x0dROLLBACK\0", b"C\0\0\0\x0dROLLBACK\0"];

/// What the database gets to hear. Such a message is short and comes in one piece.
pub(super) fn to_the_database(piece: &[u8]) -> Cow<'_, [u8]> {
    replaced(piece, COMMIT[0], ROLLBACK[0])
}

/// What the client is told.
pub(super) fn to_the_client(piece: &[u8]) -> Cow<'_, [u8]> {
    replaced(piece, ROLLBACK[1], COMMIT[1])
}

fn replaced<'a>(piece: &'a [u8], from: &[u8], to: &[u8]) -> Cow<'a, [u8]> {
    let Some(at) = piece.windows(from.len()).position(|window| window == from) else {
        return Cow::Borrowed(piece);
    };
    Cow::Owned([&piece[..at], to, &piece[at + from.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_and_nothing_else_becomes_a_rollback_and_back() {
        let said = [b"Q\0\0\0\x0aBEGIN\0", COMMIT[0]].concat();
        assert_eq!(*to_the_database(&said), [b"Q\0\0\0\x0aBEGIN\0", ROLLBACK[0]].concat());
        let answered = [ROLLBACK[1], b"Z\0\0\0\x05I"].concat();
        assert_eq!(*to_the_client(&answered), [COMMIT[1], b"Z\0\0\0\x05I"].concat());
        assert_eq!(*to_the_database(ROLLBACK[0]), *ROLLBACK[0]);
    }
}
