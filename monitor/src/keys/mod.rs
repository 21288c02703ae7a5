//! The signing key: made once, kept where nobody else can read it, changed without losing the names that were made
//! with it.
//!
//! The private half never leaves this module but as a [`SigningKey`], which wipes itself.

mod current;
mod rotation;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use vibetea_protocol::SourceId;
use vibetea_protocol::signing::PublicKey;
use zeroize::Zeroizing;

use crate::identity::{Identity, NameKeys};
pub use current::{CurrentKey, KeyPair};
pub use rotation::{Rotation, is_unfinished};

/// The private key's file: 32 raw bytes, mode 0600.
pub const PRIVATE_KEY: &str = "key.priv";
/// The public key's file: base64 and a line end, mode 0644.
pub const PUBLIC_KEY: &str = "key.pub";

/// What ids and hashed names are derived with once the key they came from was replaced: 64 raw bytes, mode 0600.
pub const NAME_KEYS: &str = "key.ids";

const KEY_BYTES: usize = 32;

/// A key cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing was made yet.
    #[error("there is no key at {}: make one with `vibetea-monitor init`, or join a server with `vibetea-monitor enroll`", .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("there is a key at {} already: `vibetea-monitor rotate` changes it and tells the server; `vibetea-monitor init --force` replaces it, and the server must then be told the new one", .0.display())]
    Exists(PathBuf),
    /// Others on this machine can read or write it.
    #[error("the key at {path} has mode {mode:04o}, others can use it: run `chmod 600 {path}`", path = path.display())]
    Exposed {
        /// The private key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No key of ours.
    #[error("the key at {} is not {KEY_BYTES} bytes long: restore it, or replace it with `vibetea-monitor init --force`", .0.display())]
    Length(PathBuf),
    /// Not what a change of key leaves there.
    #[error("{} is not {} bytes long: restore it; it keeps the names of events the same since the key was changed, and without it every event would be stored a second time", .0.display(), NameKeys::BYTES)]
    Names(PathBuf),
    /// The machine gives no random bytes.
    #[error("no random bytes for a key: {0}")]
    Random(getrandom::Error),
    /// Anything the file system says.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::Io { path, source }
}

/// Makes a key pair in `dir`, which is created with mode 0700 where it is not there. A key that is there
/// already stays unless `replace` is set.
pub fn create(dir: &Path, replace: bool) -> Result<PublicKey, KeyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at(dir))?;
    let private = dir.join(PRIVATE_KEY);
    if !replace && private.try_exists().map_err(at(&private))? {
        return Err(KeyError::Exists(private));
    }
    let key = random()?;
    write_whole(dir, PRIVATE_KEY, 0o600, key.as_bytes(), replace)?;
    rotation::forget_next(dir)?;
    write_public(dir, &key)
}

fn random() -> Result<SigningKey, KeyError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(KeyError::Random)?;
    Ok(SigningKey::from_bytes(&bytes))
}

fn write_public(dir: &Path, key: &SigningKey) -> Result<PublicKey, KeyError> {
    let public = PublicKey::of(key);
    write_whole(dir, PUBLIC_KEY, 0o644, format!("{}\n", public.to_base64()).as_bytes(), true)?;
    sync(dir)?;
    Ok(public)
}

/// A name in a folder is on the disk only after this.
fn sync(dir: &Path) -> Result<(), KeyError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at(dir))
}

/// Puts a file in place whole or not at all. The name is taken by a hard link where nothing may be replaced, so
/// of two that run at once only one makes the key.
fn write_whole(dir: &Path, name: &str, mode: u32, bytes: &[u8], replace: bool) -> Result<(), KeyError> {
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.{:016x}", getrandom::u64().map_err(KeyError::Random)?));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        // the mode at creation is narrowed by the umask, never widened
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if replace {
            return fs::rename(&temporary, &path);
        }
        fs::hard_link(&temporary, &path)?;
        fs::remove_file(&temporary)
    })();
    written.map_err(|error| {
        // it holds a key: better gone, whatever stopped it from getting its name
        let _ = fs::remove_file(&temporary);
        if error.kind() == io::ErrorKind::AlreadyExists { KeyError::Exists(path) } else { at(&path)(error) }
    })
}

/// Reads the private key; refuses one that others can use.
pub fn load(dir: &Path) -> Result<SigningKey, KeyError> {
    let path = dir.join(PRIVATE_KEY);
    read_key(&path)?.ok_or(KeyError::Missing(path))
}

/// Nothing where it is not there.
fn read_key(path: &Path) -> Result<Option<SigningKey>, KeyError> {
    let Some(bytes) = read_secret(path, KEY_BYTES)? else { return Ok(None) };
    match <&[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(Some(SigningKey::from_bytes(bytes))),
        Err(_) => Err(KeyError::Length(path.to_owned())),
    }
}

/// How the holder of `key` names events in the name of `source`: as before its key was changed, if it was.
pub fn identity(dir: &Path, key: &SigningKey, source: &SourceId) -> Result<Identity, KeyError> {
    Ok(Identity::with(&name_keys(dir)?.unwrap_or_else(|| NameKeys::of(key.as_bytes())), source))
}

/// What a change of key has left; nothing where there was none.
fn name_keys(dir: &Path) -> Result<Option<NameKeys>, KeyError> {
    let path = dir.join(NAME_KEYS);
    let Some(bytes) = read_secret(&path, NameKeys::BYTES)? else { return Ok(None) };
    match <&[u8; NameKeys::BYTES]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(Some(NameKeys::from_bytes(bytes))),
        Err(_) => Err(KeyError::Names(path)),
    }
}

/// At most one byte more than `length` of a file that its owner alone can use; nothing where it is not there.
fn read_secret(path: &Path, length: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let mode = file.metadata().map_err(at(path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(length as u64 + 1).read_to_end(&mut bytes).map_err(at(path))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_key_is_made_for_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("deep/keys");
        let public = create(&dir, false).unwrap();
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&dir.join(PRIVATE_KEY)), 0o600);
        assert_eq!(mode(&dir.join(PUBLIC_KEY)), 0o644);
        assert_eq!(fs::metadata(dir.join(PRIVATE_KEY)).unwrap().len(), 32);
        assert_eq!(fs::read_to_string(dir.join(PUBLIC_KEY)).unwrap().trim_end(), public.to_base64());
        assert_eq!(PublicKey::of(&load(&dir).unwrap()), public);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn a_key_is_replaced_only_when_told_so() {
        let dir = tempfile::tempdir().unwrap();
        let first = create(dir.path(), false).unwrap();
        assert!(matches!(create(dir.path(), false), Err(KeyError::Exists(_))));
        assert_eq!(PublicKey::of(&load(dir.path()).unwrap()), first);
        let second = create(dir.path(), true).unwrap();
        assert_ne!(first, second);
        assert_eq!(PublicKey::of(&load(dir.path()).unwrap()), second);
    }

    #[test]
    fn of_many_that_make_a_key_at_once_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let made: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| create(dir.path(), false))).collect();
            makers.into_iter().filter_map(|maker| maker.join().unwrap().ok()).collect()
        });
        let [public] = made.as_slice() else { panic!("{} were made", made.len()) };
        assert_eq!(PublicKey::of(&load(dir.path()).unwrap()), *public);
        assert_eq!(fs::read_to_string(dir.path().join(PUBLIC_KEY)).unwrap().trim_end(), public.to_base64());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_key_names_the_command_that_makes_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = load(dir.path()).unwrap_err().to_string();
        assert!(text.contains("vibetea-monitor init"), "{text}");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_cure() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), false).unwrap();
        let path = dir.path().join(PRIVATE_KEY);
        for exposed in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(exposed)).unwrap();
            let text = load(dir.path()).unwrap_err().to_string();
            assert!(text.contains(&format!("chmod 600 {}", path.display())), "{text}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(load(dir.path()).is_ok());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(PRIVATE_KEY);
        for length in [0, 31, 33, 64] {
            let _ = fs::remove_file(&path);
            write_whole(dir.path(), PRIVATE_KEY, 0o600, &vec![1; length], true).unwrap();
            assert!(matches!(load(dir.path()), Err(KeyError::Length(_))), "{length}");
        }
    }
}
