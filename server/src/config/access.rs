//! Who may send and who may watch.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::reader::{Reader, Setting, Told};
use super::{HOST, PUBLIC_KEYS, TOKEN, UNIFORM_AUTH_ERRORS, UNSAFE_NO_AUTH, Wrong};
use crate::auth::{Keys, Token};

/// Who may send and who may watch.
#[derive(Debug, Clone)]
pub enum Access {
    /// Senders sign, watchers show a token.
    Guarded {
        /// The senders' keys, beside those in the store.
        keys: Keys,
        /// A token of those who watch, beside those in the store.
        token: Option<Token>,
        /// Whether an unknown source and a bad signature are told apart by nothing.
        uniform_errors: bool,
    },
    /// Everybody on this machine may do both.
    Open,
}

impl Access {
    /// The senders' keys in the configuration; none are asked for where it is open.
    pub fn keys(&self) -> &Keys {
        static NONE: LazyLock<Keys> = LazyLock::new(Keys::default);
        match self {
            Self::Guarded { keys, .. } => keys,
            Self::Open => &NONE,
        }
    }
}

/// A server that keeps nothing has no other sources and tokens than those of its configuration.
pub(super) fn read_access(reader: &mut Reader<'_>, host: IpAddr, keeps: bool) -> Option<Access> {
    let uniform_errors = reader.parse(&UNIFORM_AUTH_ERRORS, false, SWITCH_ALLOWED, read_switch);
    if reader.parse(&UNSAFE_NO_AUTH, false, SWITCH_ALLOWED, read_switch) {
        if !host.is_loopback() {
            reader.wrong.push(Wrong::new(
                UNSAFE_NO_AUTH.name,
                format!("is true while {} is {host}", HOST.name),
                "false, or a loopback address such as 127.0.0.1",
            ));
            return None;
        }
        return Some(Access::Open);
    }
    let keys = read_keys(reader, !keeps);
    let token = read_token(reader, &TOKEN);
    if !keeps && matches!(token, Ok(None)) {
        reader.wrong.push(Wrong::new(TOKEN.name, "is not set", TOKEN_ALLOWED));
        return None;
    }
    Some(Access::Guarded { keys: keys?, token: token.ok()?, uniform_errors })
}

const SWITCH_ALLOWED: &str = "true or false";

fn read_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The keys, none where the setting is not set and need not be.
pub(super) fn read_keys(reader: &mut Reader<'_>, is_needed: bool) -> Option<Keys> {
    const ALLOWED: &str = "source:base64key, several separated by commas; a source may be named twice";
    let Some(found) = reader.find(&PUBLIC_KEYS) else {
        if is_needed {
            reader.wrong.push(Wrong::new(PUBLIC_KEYS.name, "is not set", ALLOWED));
            return None;
        }
        return Some(Keys::default());
    };
    match Keys::parse(&found.value) {
        Ok(keys) => Some(keys),
        Err(error) => {
            reader.wrong.push(Wrong::new(found.origin, format!("cannot be used: {error}"), ALLOWED));
            None
        }
    }
}

const TOKEN_ALLOWED: &str = "printable ASCII without spaces, best 32 random characters or more";

/// A token; none where the setting is not set.
pub(super) fn read_token(reader: &mut Reader<'_>, setting: &Setting) -> Result<Option<Token>, Told> {
    let Some(found) = reader.find(setting) else { return Ok(None) };
    let text = found.value.trim();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        reader.reject(setting, &found, TOKEN_ALLOWED);
        return Err(Told);
    }
    if text.len() < 16 {
        reader.warnings.push(format!(
            "{} is only {} characters long and might be guessed: 32 random characters are better",
            found.origin,
            text.len()
        ));
    }
    Ok(Some(Token::new(text)))
}
