//! Who may send and who may watch.

use std::net::IpAddr;

use super::reader::Reader;
use super::{HOST, PUBLIC_KEYS, TOKEN, UNSAFE_NO_AUTH, Wrong};
use crate::auth::{Keys, Token};

/// Who may send and who may watch.
#[derive(Debug, Clone)]
pub enum Access {
    /// Senders sign, watchers show a token.
    Guarded {
        /// The senders' keys.
        keys: Keys,
        /// The watchers' token.
        token: Token,
    },
    /// Everybody on this machine may do both.
    Open,
}

pub(super) fn read_access(reader: &mut Reader<'_>, host: IpAddr) -> Option<Access> {
    let open = reader.parse(&UNSAFE_NO_AUTH, false, "true or false", |text| {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    });
    if open {
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
    let keys = read_keys(reader);
    let token = read_token(reader);
    Some(Access::Guarded { keys: keys?, token: token? })
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Keys> {
    const ALLOWED: &str = "source:base64key, several separated by commas; a source may be named twice";
    let Some(found) = reader.find(&PUBLIC_KEYS) else {
        reader.wrong.push(Wrong::new(PUBLIC_KEYS.name, "is not set", ALLOWED));
        return None;
    };
    match Keys::parse(&found.value) {
        Ok(keys) => Some(keys),
        Err(error) => {
            reader.wrong.push(Wrong::new(found.origin, format!("cannot be used: {error}"), ALLOWED));
            None
        }
    }
}

fn read_token(reader: &mut Reader<'_>) -> Option<Token> {
    const ALLOWED: &str = "printable ASCII without spaces, best 32 random characters or more";
    let Some(found) = reader.find(&TOKEN) else {
        reader.wrong.push(Wrong::new(TOKEN.name, "is not set", ALLOWED));
        return None;
    };
    let text = found.value.trim();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        reader.reject(&TOKEN, &found, ALLOWED);
        return None;
    }
    if text.len() < 16 {
        reader.warnings.push(format!(
            "{} is only {} characters long and might be guessed: 32 random characters are better",
            found.origin,
            text.len()
        ));
    }
    Some(Token::new(text))
}
