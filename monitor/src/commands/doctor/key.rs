//! The key that signs.

use std::path::Path;

use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::PublicKey;

use super::Line;
use crate::config::IdentityConfig;
use crate::keys::{self, KeyError, PUBLIC_KEY};

const CHECK: &str = "key";

/// The key, if it can be used.
pub(super) fn check(identity: &IdentityConfig, lines: &mut Vec<Line>) -> Option<SigningKey> {
    let dir = &identity.key_dir;
    let key = match keys::load(dir) {
        Ok(key) => key,
        Err(error) => {
            lines.push(refused(&error));
            return None;
        }
    };
    if is_weak(&key) {
        lines.push(Line::fail(
            CHECK,
            format!(
                "the key in {} is one byte repeated: a damaged file, and anybody could guess it",
                dir.display()
            ),
            "make a new one with `vibetea-monitor init --force`, and tell the server",
        ));
        return None;
    }
    if let Err(error) = keys::identity(dir, &key, &identity.source) {
        lines.push(refused(&error));
        return None;
    }
    if keys::is_unfinished(dir) {
        lines.push(Line::warn(
            CHECK,
            "a change of key was begun and did not come to its end",
            "run `vibetea-monitor rotate` again; it goes on where it stopped",
        ));
        return Some(key);
    }
    let public = PublicKey::of(&key);
    lines.push(public_half(dir, &public).unwrap_or_else(|| {
        let message = format!(
            "the key in {} is for its owner alone; its public half is {}",
            dir.display(),
            public.to_base64()
        );
        Line::pass(CHECK, message)
    }));
    Some(key)
}

fn refused(error: &KeyError) -> Line {
    let (message, remedy) = match error {
        KeyError::Missing(path) => (
            format!("there is no key at {}", path.display()),
            "make one with `vibetea-monitor init`".to_owned(),
        ),
        KeyError::Exposed { path, mode } => (
            format!("the key at {} has mode {mode:04o}: others can use it", path.display()),
            format!(
                "run `chmod 600 {}`; if others may have read it, make a new one with `vibetea-monitor init --force`",
                path.display()
            ),
        ),
        KeyError::Length(path) => (
            format!("the key at {} is not 32 bytes long", path.display()),
            "restore it, or make a new one with `vibetea-monitor init --force`".to_owned(),
        ),
        KeyError::Names(path) => (
            format!("{}, which names events as before the key was changed, is cut short", path.display()),
            "restore it; without it every event would be stored a second time".to_owned(),
        ),
        KeyError::Exists(_) | KeyError::Random(_) | KeyError::Io { .. } => {
            (error.to_string(), "give this user the right to read it".to_owned())
        }
    };
    Line::fail(CHECK, message, remedy)
}

/// A file of zeros, as a crash of the machine leaves it, is a valid private key.
fn is_weak(key: &SigningKey) -> bool {
    let bytes = key.as_bytes();
    bytes.iter().all(|byte| *byte == bytes[0])
}

/// What is wrong with the file that people copy from when they register the key.
fn public_half(dir: &Path, public: &PublicKey) -> Option<Line> {
    let path = dir.join(PUBLIC_KEY);
    let told = match std::fs::read_to_string(&path) {
        Ok(text) if text.trim() == public.to_base64() => return None,
        Ok(_) => "holds another key",
        Err(_) => "cannot be read",
    };
    Some(Line::warn(
        CHECK,
        format!("the private key can be used, but {} {told}", path.display()),
        format!("register this public key, and put it there: {}", public.to_base64()),
    ))
}
