//! What `up` makes once and keeps: the key that signs and the token that watches.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use vibetea_monitor::keys::{self, KeyError};
use vibetea_protocol::signing::PublicKey;

const TOKEN_FILE: &str = "subscriber.token";
const TOKEN_BYTES: usize = 32;
/// Far more than a token; a file that is longer is not ours.
const LONGEST_TOKEN: u64 = 1024;

/// A secret cannot be made, kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// Of the key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Of the token.
    #[error("cannot keep the subscriber token in {}: {error}", path.display())]
    Token { path: PathBuf, error: io::Error },
}

impl SecretError {
    /// Whether somebody has to change a setting or a file's mode before it can work.
    pub(crate) const fn is_configuration(&self) -> bool {
        matches!(self, Self::Key(KeyError::Exposed { .. } | KeyError::Length(_)))
    }
}

/// The public half of the key in `folder`, made now where there is none.
pub(crate) fn public_key(folder: &Path) -> Result<PublicKey, SecretError> {
    match keys::load(folder) {
        Ok(key) => Ok(PublicKey::of(&key)),
        Err(KeyError::Missing(_)) => Ok(keys::create(folder, false)?),
        Err(error) => Err(error.into()),
    }
}

/// The token kept in `folder`, made now where there is none; the file is for its owner alone.
pub(crate) fn subscriber_token(folder: &Path) -> Result<String, SecretError> {
    let path = folder.join(TOKEN_FILE);
    let kept = read_token(&path).and_then(|kept| kept.map_or_else(|| make_token(folder, &path), Ok));
    kept.map_err(|error| SecretError::Token { path, error })
}

fn read_token(path: &Path) -> io::Result<Option<String>> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(LONGEST_TOKEN).read_to_string(&mut text)?;
    let token = text.trim();
    if token.len() < TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(io::Error::other("it holds no token; remove it and a new one is made"));
    }
    Ok(Some(token.to_owned()))
}

fn make_token(folder: &Path, path: &Path) -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let token = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // written whole under another name first: a token that was cut off would be kept for ever
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(format!("{token}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_made_once_for_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("deep/data");
        let token = subscriber_token(&folder).unwrap();
        assert_eq!(subscriber_token(&folder).unwrap(), token);
        assert_eq!(token.len(), 64);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(TOKEN_FILE))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_token_file_that_holds_something_else_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKEN_FILE);
        std::fs::write(&path, "short").unwrap();
        assert!(subscriber_token(folder.path()).unwrap_err().to_string().contains("holds no token"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
    }
}
