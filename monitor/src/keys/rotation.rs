//! A change of key, step by step. Whatever step is the last one before a crash, a key that the server takes is in place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::PublicKey;

use super::{
    KeyError, NAME_KEYS, PRIVATE_KEY, at, load, name_keys, random, read_key, sync, write_public, write_whole,
};
use crate::identity::NameKeys;

/// The key that is to follow, until the server has it: 32 raw bytes, mode 0600.
const NEXT_KEY: &str = "key.next";

/// A change of key that has begun.
#[derive(Debug)]
pub struct Rotation {
    dir: PathBuf,
    /// The key in force.
    pub old: SigningKey,
    /// The key that is to follow.
    pub new: SigningKey,
    /// Whether an earlier change did not come to its end: the server may know the new key already.
    pub resumed: bool,
}

/// Whether a change of key was begun and has not come to its end.
pub fn is_unfinished(dir: &Path) -> bool {
    dir.join(NEXT_KEY).exists()
}

/// The key of a change that has not come to its end.
pub(super) fn next_key(dir: &Path) -> Result<Option<SigningKey>, KeyError> {
    read_key(&dir.join(NEXT_KEY))
}

impl Rotation {
    /// Makes the new key beside the old one, or takes the one that an earlier change has left; keeps what names are
    /// derived with.
    pub fn begin(dir: &Path) -> Result<Self, KeyError> {
        let old = load(dir)?;
        keep_names(dir, &old)?;
        let left = next_key(dir)?;
        let resumed = left.is_some();
        let new = match left {
            Some(new) => new,
            None => make_next(dir)?,
        };
        Ok(Self { dir: dir.to_owned(), old, new, resumed })
    }

    /// Puts the new key in the place of the old one, once the server takes it.
    pub fn finish(self) -> Result<PublicKey, KeyError> {
        let (from, to) = (self.dir.join(NEXT_KEY), self.dir.join(PRIVATE_KEY));
        if let Err(error) = fs::rename(&from, &to) {
            // a second run of the same change may have been faster
            let is_done = || load(&self.dir).is_ok_and(|key| key == self.new);
            if error.kind() != io::ErrorKind::NotFound || !is_done() {
                return Err(at(&from)(error));
            }
        }
        sync(&self.dir)?;
        write_public(&self.dir, &self.new)
    }

    /// Removes the new key, which no server takes; the old one stays.
    pub fn give_up(self) -> Result<(), KeyError> {
        forget_next(&self.dir)?;
        sync(&self.dir)
    }
}

/// Removes what an unfinished change has left.
pub(super) fn forget_next(dir: &Path) -> Result<(), KeyError> {
    let path = dir.join(NEXT_KEY);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&path)(error)),
        _ => Ok(()),
    }
}

/// The first key's stay for ever: ids do not change with the key.
fn keep_names(dir: &Path, key: &SigningKey) -> Result<(), KeyError> {
    if name_keys(dir)?.is_some() {
        return Ok(());
    }
    match write_whole(dir, NAME_KEYS, 0o600, NameKeys::of(key.as_bytes()).to_bytes().as_slice(), false) {
        Ok(()) | Err(KeyError::Exists(_)) => sync(dir),
        Err(error) => Err(error),
    }
}

fn make_next(dir: &Path) -> Result<SigningKey, KeyError> {
    let key = random()?;
    match write_whole(dir, NEXT_KEY, 0o600, key.as_bytes(), false) {
        Ok(()) => sync(dir).map(|()| key),
        // a second run of the same change was faster
        Err(KeyError::Exists(path)) => next_key(dir)?.ok_or(KeyError::Missing(path)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use vibetea_protocol::{SourceId, Timestamp};

    use super::super::{KEY_BYTES, PUBLIC_KEY, create, identity};
    use super::*;
    use crate::identity::EventKind;

    fn source() -> SourceId {
        "laptop".parse().unwrap()
    }

    /// The id of one event, as a monitor with these files names it.
    fn an_id(dir: &Path) -> String {
        let at: Timestamp = "2026-02-03T14:30:00Z".parse().unwrap();
        let identity = identity(dir, &load(dir).unwrap(), &source()).unwrap();
        identity.event(EventKind::Activity, at, &[b"record"]).id.to_string()
    }

    fn public(dir: &Path) -> String {
        PublicKey::of(&load(dir).unwrap()).to_base64()
    }

    /// A server that takes the keys it was told of.
    fn takes(known: &[String], dir: &Path) -> bool {
        known.contains(&public(dir))
    }

    #[test]
    fn after_each_step_a_key_that_the_server_takes_is_in_place_and_names_are_the_same() {
        for last_step in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path();
            let mut known = vec![create(dir, false).unwrap().to_base64()];
            let id = an_id(dir);
            let mut rotation = Some(Rotation::begin(dir).unwrap());
            let new = PublicKey::of(&rotation.as_ref().unwrap().new).to_base64();
            if last_step > 0 {
                known.push(new.clone());
            }
            if last_step > 1 {
                rotation.take().unwrap().finish().unwrap();
            }
            drop(rotation);
            assert!(takes(&known, dir), "step {last_step}");
            assert_eq!(an_id(dir), id, "step {last_step}");
            assert_eq!(is_unfinished(dir), last_step < 2);

            // the next attempt goes on with the same key
            let again = Rotation::begin(dir).unwrap();
            assert_eq!(again.resumed, last_step < 2);
            assert_eq!(PublicKey::of(&again.new).to_base64() == new, last_step < 2);
            known.push(PublicKey::of(&again.new).to_base64());
            again.finish().unwrap();
            assert!(takes(&known, dir));
            assert_eq!(an_id(dir), id);
            let told = fs::read_to_string(dir.join(PUBLIC_KEY)).unwrap();
            assert_eq!(told.trim_end(), public(dir));
        }
    }

    #[test]
    fn ids_change_with_the_key_where_the_first_ones_keys_are_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), false).unwrap();
        let id = an_id(dir.path());
        Rotation::begin(dir.path()).unwrap().finish().unwrap();
        assert_eq!(an_id(dir.path()), id);
        fs::remove_file(dir.path().join(NAME_KEYS)).unwrap();
        assert_ne!(an_id(dir.path()), id, "so the test above sees the fault");
    }

    #[test]
    fn many_changes_keep_the_first_ones_names_and_leave_no_old_key() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        create(dir, false).unwrap();
        let (id, first) = (an_id(dir), load(dir).unwrap());
        for _ in 0..3 {
            Rotation::begin(dir).unwrap().finish().unwrap();
        }
        assert_eq!(an_id(dir), id);
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["key.ids", "key.priv", "key.pub"]);
        for name in ["key.ids", "key.priv"] {
            let metadata = fs::metadata(dir.join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o600, "{name}");
        }
        let kept = fs::read(dir.join(NAME_KEYS)).unwrap();
        assert!(
            !kept.windows(KEY_BYTES).any(|bytes| bytes == first.as_bytes()),
            "a key that was replaced is gone"
        );
    }

    #[test]
    fn a_change_that_is_given_up_leaves_the_old_key() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), false).unwrap();
        let before = public(dir.path());
        Rotation::begin(dir.path()).unwrap().give_up().unwrap();
        assert_eq!(public(dir.path()), before);
        assert!(!is_unfinished(dir.path()));
    }

    #[test]
    fn two_changes_at_once_come_to_one_key() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), false).unwrap();
        let (one, other) = (Rotation::begin(dir.path()).unwrap(), Rotation::begin(dir.path()).unwrap());
        let new = PublicKey::of(&one.new);
        assert_eq!(one.finish().unwrap(), new);
        assert_eq!(other.finish().unwrap(), new);
        assert_eq!(public(dir.path()), new.to_base64());
    }

    #[test]
    fn names_that_were_cut_short_are_refused_and_not_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), false).unwrap();
        Rotation::begin(dir.path()).unwrap().finish().unwrap();
        let path = dir.path().join(NAME_KEYS);
        fs::write(&path, [1; 63]).unwrap();
        let key = load(dir.path()).unwrap();
        assert!(matches!(identity(dir.path(), &key, &source()), Err(KeyError::Names(_))));
        assert!(matches!(Rotation::begin(dir.path()), Err(KeyError::Names(_))));
        fs::write(&path, [1; 64]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(identity(dir.path(), &key, &source()), Err(KeyError::Exposed { .. })));
    }
}
