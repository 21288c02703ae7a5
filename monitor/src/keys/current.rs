//! The key that signs now: a program that runs takes a changed one without a new start.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;
use tracing::{info, warn};
use vibetea_protocol::signing::PublicKey;

use super::rotation::next_key;
use super::{PRIVATE_KEY, load};

/// A private key and what it is known by.
#[derive(Debug)]
pub struct KeyPair {
    /// The private half.
    pub key: SigningKey,
    /// The public half, base64.
    pub public: Arc<str>,
}

impl KeyPair {
    fn new(key: SigningKey) -> Arc<Self> {
        let public = PublicKey::of(&key).to_base64().into();
        Arc::new(Self { key, public })
    }
}

/// Shared by all who sign; what one of them looks up, all of them use.
#[derive(Clone)]
pub struct CurrentKey {
    shared: Arc<Shared>,
}

struct Shared {
    /// None for a key that is in no file.
    folder: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    pair: Arc<KeyPair>,
    seen: Option<Stamp>,
    /// A server did not take what was signed with `pair`.
    refused: bool,
}

/// Tells one file in a place from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(folder: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(folder.join(PRIVATE_KEY)).ok()?;
        Some(Self { inode: metadata.ino(), changed: (metadata.ctime(), metadata.ctime_nsec()) })
    }
}

impl From<SigningKey> for CurrentKey {
    /// A key that never changes.
    fn from(key: SigningKey) -> Self {
        Self::with_folder(None, key)
    }
}

impl CurrentKey {
    /// `key`, which was read from `folder`, until another one stands there.
    pub fn of(folder: &Path, key: SigningKey) -> Self {
        // no stamp yet: the first look reads the file again, whatever became of it meanwhile
        Self::with_folder(Some(folder.to_owned()), key)
    }

    fn with_folder(folder: Option<PathBuf>, key: SigningKey) -> Self {
        let state = State { pair: KeyPair::new(key), seen: None, refused: false };
        Self { shared: Arc::new(Shared { folder, state: Mutex::new(state) }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key to sign with.
    pub fn pair(&self) -> Arc<KeyPair> {
        Arc::clone(&self.state().pair)
    }

    /// A server does not take what was signed with this public key.
    pub fn refused(&self, public: &str) {
        let mut state = self.state();
        state.refused |= *state.pair.public == *public;
    }

    /// Takes the key that is in the file now. After a refusal, where a change of key has not come to its end, it takes
    /// the other one of the two: the server may take that alone by now. Blocks on the disk.
    pub fn look_again(&self) {
        let Some(folder) = &self.shared.folder else { return };
        let stamp = Stamp::of(folder);
        let (is_new, was_refused) = {
            let mut state = self.state();
            let is_new = state.seen != stamp;
            state.seen = stamp;
            (is_new, std::mem::take(&mut state.refused))
        };
        if is_new || was_refused {
            match load(folder) {
                Ok(key) if is_new && self.pair().key != key => self.take(key),
                Ok(key) if was_refused => self.take_other(folder, key),
                Ok(_) => {}
                Err(error) => {
                    warn!(%error, "the key was changed and cannot be used; the one before still signs");
                }
            }
        }
    }

    fn take_other(&self, folder: &Path, key: SigningKey) {
        let Ok(Some(next)) = next_key(folder) else { return };
        let is_next = self.pair().key == next;
        warn!(
            "the server refuses the key, and a change of key is not finished: run `vibetea-monitor rotate` again"
        );
        self.take(if is_next { key } else { next });
    }

    fn take(&self, key: SigningKey) {
        let mut state = self.state();
        if state.pair.key != key {
            state.pair = KeyPair::new(key);
            info!(public_key = &*state.pair.public, "signs with another key from now on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rotation, create};
    use super::*;

    fn begin(dir: &Path) -> CurrentKey {
        create(dir, false).unwrap();
        CurrentKey::of(dir, load(dir).unwrap())
    }

    #[test]
    fn a_changed_key_is_taken_at_the_next_look_by_all_who_sign() {
        let dir = tempfile::tempdir().unwrap();
        let current = begin(dir.path());
        let (other, before) = (current.clone(), current.pair());
        current.look_again();
        assert!(Arc::ptr_eq(&before, &current.pair()), "nothing has changed");
        let new = Rotation::begin(dir.path()).unwrap().finish().unwrap();
        assert_eq!(current.pair().public, before.public);
        current.look_again();
        assert_eq!(*other.pair().public, *new.to_base64());
    }

    #[test]
    fn a_key_that_was_changed_between_the_start_and_the_first_look_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let current = begin(dir.path());
        let new = Rotation::begin(dir.path()).unwrap().finish().unwrap();
        current.look_again();
        assert_eq!(*current.pair().public, *new.to_base64());
    }

    #[test]
    fn a_file_that_cannot_be_used_leaves_the_key_before() {
        let dir = tempfile::tempdir().unwrap();
        let current = begin(dir.path());
        let before = current.pair();
        std::fs::write(dir.path().join(PRIVATE_KEY), [1; 31]).unwrap();
        current.look_again();
        assert_eq!(current.pair().public, before.public);
    }

    #[test]
    fn a_refusal_before_the_first_look_counts() {
        let dir = tempfile::tempdir().unwrap();
        let current = begin(dir.path());
        let rotation = Rotation::begin(dir.path()).unwrap();
        current.refused(&current.pair().public);
        current.look_again();
        assert_eq!(current.pair().key, rotation.new);
    }

    /// The server has ended the old key, and the change of key never came to its end here.
    #[test]
    fn a_refusal_in_the_middle_of_a_change_tries_the_other_key() {
        let dir = tempfile::tempdir().unwrap();
        let current = begin(dir.path());
        current.look_again();
        let old = current.pair().public.clone();
        let refuse = || {
            current.refused(&current.pair().public);
            current.look_again();
            current.pair().public.clone()
        };
        assert_eq!(refuse(), old, "there is no other key");
        let rotation = Rotation::begin(dir.path()).unwrap();
        let new = PublicKey::of(&rotation.new).to_base64();
        current.look_again();
        assert_eq!(current.pair().public, old, "nobody has refused it");
        assert_eq!(*refuse(), *new);
        current.refused(&old);
        current.look_again();
        assert_eq!(*current.pair().public, *new, "a refusal of what is no longer used changes nothing");
        assert_eq!(refuse(), old);
    }
}
