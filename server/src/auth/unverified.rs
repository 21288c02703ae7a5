//! Room for bodies whose sender is not proven yet. Anybody may send them, so all of them together have a most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Bodies are kept in pieces of this size, in bytes: one that goes leaves room of just the size that others need.
const PIECE: usize = 16 * 1024;

/// The bodies that are arriving, and how much is set aside for them.
#[derive(Debug)]
pub struct Unverified {
    most: usize,
    arriving: Mutex<Arriving>,
}

#[derive(Debug, Default)]
struct Arriving {
    last: u64,
    set_aside: usize,
    /// The one that began first comes first.
    bodies: BTreeMap<u64, Held>,
}

/// What has come of a body, in pieces that are full but for the last; nothing once it is given up.
type Pieces = Arc<Mutex<Option<Vec<Vec<u8>>>>>;

#[derive(Debug)]
struct Held {
    room: usize,
    pieces: Pieces,
    give_up: CancellationToken,
}

/// A body that is arriving; what it takes is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    all: Arc<Unverified>,
    number: u64,
    pieces: Pieces,
    given_up: CancellationToken,
}

/// The body had to go, so that others find room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GivenUp;

impl Unverified {
    /// At most so many bytes.
    pub fn new(most: usize) -> Self {
        Self { most, arriving: Mutex::default() }
    }

    /// A body begins to arrive.
    pub(super) fn begin(this: &Arc<Self>) -> Share {
        let (pieces, given_up) = (Arc::new(Mutex::new(Some(Vec::new()))), CancellationToken::new());
        let held = Held { room: 0, pieces: Arc::clone(&pieces), give_up: given_up.clone() };
        let mut arriving = lock(&this.arriving);
        arriving.last += 1;
        let number = arriving.last;
        arriving.bodies.insert(number, held);
        Share { all: Arc::clone(this), number, pieces, given_up }
    }
}

impl Share {
    /// Keeps what has come. Where there is too little room, the bodies that began first are given up at once, be it this
    /// one: who sends what it has is whole soon, and who holds room on purpose is not.
    pub(super) fn keep(&self, mut data: &[u8]) -> Result<(), GivenUp> {
        let left = lock(&self.pieces).as_ref().ok_or(GivenUp)?.last().map_or(0, |last| PIECE - last.len());
        let new = data.len().saturating_sub(left).div_ceil(PIECE);
        if new > 0 {
            self.set_aside(new * PIECE);
        }
        // somebody else may have given it up in the meantime
        let mut pieces = lock(&self.pieces);
        let pieces = pieces.as_mut().ok_or(GivenUp)?;
        if let Some(last) = pieces.last_mut() {
            let (first, rest) = data.split_at(left.min(data.len()));
            last.extend_from_slice(first);
            data = rest;
        }
        for part in data.chunks(PIECE) {
            let mut piece = Vec::with_capacity(PIECE);
            piece.extend_from_slice(part);
            pieces.push(piece);
        }
        Ok(())
    }

    fn set_aside(&self, more: usize) {
        let mut arriving = lock(&self.all.arriving);
        let Some(own) = arriving.bodies.get_mut(&self.number) else { return };
        own.room += more;
        arriving.set_aside += more;
        while arriving.set_aside > self.all.most
            && let Some((_, first)) = arriving.bodies.pop_first()
        {
            arriving.set_aside -= first.room;
            *lock(&first.pieces) = None;
            first.give_up.cancel();
        }
    }

    /// The whole body.
    pub(super) fn take(self) -> Result<Vec<u8>, GivenUp> {
        let mut pieces = lock(&self.pieces).take().ok_or(GivenUp)?;
        // most are small
        Ok(if pieces.len() > 1 { pieces.concat() } else { pieces.pop().unwrap_or_default() })
    }

    /// Returns once this body has to go.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut arriving = lock(&self.all.arriving);
        if let Some(own) = arriving.bodies.remove(&self.number) {
            arriving.set_aside -= own.room;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(share: &Share, pieces: usize) -> Result<(), GivenUp> {
        share.keep(&vec![b'x'; pieces * PIECE])
    }

    #[test]
    fn the_body_that_began_first_goes_and_the_newest_find_room() {
        let all = Arc::new(Unverified::new(10 * PIECE));
        let (first, second) = (Unverified::begin(&all), Unverified::begin(&all));
        assert_eq!((keep(&first, 6), keep(&second, 4)), (Ok(()), Ok(())));
        let third = Unverified::begin(&all);
        assert_eq!(keep(&third, 6), Ok(()));
        assert!(lock(&first.pieces).is_none(), "its memory is free before it hears of that");
        assert!(first.given_up.is_cancelled() && !second.given_up.is_cancelled());
        assert_eq!((keep(&first, 1), first.take()), (Err(GivenUp), Err(GivenUp)));
        assert_eq!(lock(&all.arriving).set_aside, 10 * PIECE, "what was given up gives nothing back twice");
        assert_eq!(second.take().map(|body| body.len()), Ok(4 * PIECE));
        assert_eq!(lock(&all.arriving).set_aside, 6 * PIECE);
        drop(third);
        assert!(lock(&all.arriving).set_aside == 0 && lock(&all.arriving).bodies.is_empty());
    }

    #[test]
    fn a_body_that_is_too_much_by_itself_goes() {
        let all = Arc::new(Unverified::new(PIECE));
        let only = Unverified::begin(&all);
        assert_eq!((keep(&only, 1), only.keep(b"x")), (Ok(()), Err(GivenUp)));
        assert_eq!(lock(&all.arriving).set_aside, 0);
    }

    #[test]
    fn a_body_is_what_came_however_it_came() {
        let sent: Vec<u8> = (0..=250).cycle().take(3 * PIECE + 7).collect();
        for size in [1, 7, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, sent.len()] {
            let all = Arc::new(Unverified::new(4 * PIECE));
            let share = Unverified::begin(&all);
            for part in sent.chunks(size) {
                assert_eq!(share.keep(part), Ok(()));
            }
            assert_eq!(lock(&all.arriving).set_aside, 4 * PIECE, "in parts of {size}");
            assert!(share.take().unwrap() == sent, "in parts of {size}");
        }
        assert_eq!(Unverified::begin(&Arc::new(Unverified::new(0))).take(), Ok(Vec::new()));
    }
}
