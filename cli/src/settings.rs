//! What `up` tells server and monitor: the user's environment, with what belongs to one machine laid over it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use vibetea_protocol::SourceId;
use vibetea_protocol::signing::PublicKey;

/// Answers the value of a variable; an empty one counts as not set.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    vibetea_monitor::config::environment(name).filter(|value| !value.is_empty())
}

/// Where the token is kept, beside the database unless that was put elsewhere.
pub(crate) fn data_dir(lookup: Lookup<'_>) -> Option<PathBuf> {
    let absolute = |name| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let shared =
        || absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    lookup("VIBETEA_DATA_DIR").map(PathBuf::from).or_else(|| shared().map(|folder| folder.join("vibetea")))
}

/// The server's settings: this machine's key beside those that were given, and the token.
pub(crate) fn for_server<'a>(
    lookup: Lookup<'a>,
    source: &SourceId,
    key: &PublicKey,
    token: &str,
) -> impl Fn(&str) -> Option<String> + use<'a> {
    let own = format!("{source}:{}", key.to_base64());
    let token = token.to_owned();
    move |name| match name {
        "VIBETEA_PUBLIC_KEYS" => Some(match lookup(name) {
            Some(given) => format!("{own},{given}"),
            None => own.clone(),
        }),
        "VIBETEA_SUBSCRIBER_TOKEN" => Some(token.clone()),
        "VIBETEA_SUBSCRIBER_TOKEN_FILE" => None,
        _ => lookup(name),
    }
}

/// The token that was given, as itself or in a file; the error says what is wrong with the file.
pub(crate) fn given_token(lookup: Lookup<'_>) -> Result<Option<String>, String> {
    const FILE: &str = "VIBETEA_SUBSCRIBER_TOKEN_FILE";
    if let Some(token) = lookup("VIBETEA_SUBSCRIBER_TOKEN") {
        return Ok(Some(token.trim().to_owned()));
    }
    let Some(path) = lookup(FILE) else { return Ok(None) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) => Err(format!("{FILE} names {path:?}, which cannot be read: {error}")),
    }
}

/// The text as it can stand in the part of an address behind `#`.
pub(crate) fn in_fragment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The monitor's settings: it ships to the server beside it.
pub(crate) fn for_monitor(
    lookup: Lookup<'_>,
    server: SocketAddr,
    base_path: &str,
) -> impl Fn(&str) -> Option<String> {
    move |name| match name {
        "VIBETEA_SERVER_URL" => Some(format!("http://{server}{base_path}")),
        _ => lookup(name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn key() -> PublicKey {
        PublicKey::from_base64("iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=").unwrap()
    }

    #[test]
    fn given_keys_are_added_to_the_own_one() {
        let given = |name: &str| (name == "VIBETEA_PUBLIC_KEYS").then(|| "desktop:KEY".to_owned());
        let source = "laptop".parse().unwrap();
        let settings = for_server(&given, &source, &key(), "token");
        assert_eq!(
            settings("VIBETEA_PUBLIC_KEYS").unwrap(),
            "laptop:iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=,desktop:KEY"
        );
        assert_eq!(settings("VIBETEA_SUBSCRIBER_TOKEN").unwrap(), "token");
        assert_eq!(settings("PORT"), None);
    }

    #[test]
    fn a_given_token_is_used_and_the_monitor_goes_to_the_own_server() {
        let given: HashMap<&str, &str> =
            [("VIBETEA_SUBSCRIBER_TOKEN", "gi#ven\n"), ("VIBETEA_SERVER_URL", "https://elsewhere")].into();
        let lookup = |name: &str| given.get(name).map(|value| (*value).to_owned());
        assert_eq!(given_token(&lookup).unwrap().unwrap(), "gi#ven");
        assert_eq!(in_fragment("gi#ven+1"), "gi%23ven%2B1");
        let server = SocketAddr::from(([127, 0, 0, 1], 9));
        for (base, url) in [("", "http://127.0.0.1:9"), ("/tea", "http://127.0.0.1:9/tea")] {
            assert_eq!(for_monitor(&lookup, server, base)("VIBETEA_SERVER_URL").unwrap(), url);
        }
    }

    #[test]
    fn a_token_file_that_cannot_be_read_is_named() {
        let lookup =
            |name: &str| (name == "VIBETEA_SUBSCRIBER_TOKEN_FILE").then(|| "/no/such/file".to_owned());
        let error = given_token(&lookup).unwrap_err();
        assert!(
            error.contains("VIBETEA_SUBSCRIBER_TOKEN_FILE") && error.contains("/no/such/file"),
            "{error}"
        );
    }

    #[test]
    fn the_data_folder_is_the_named_one_or_the_users() {
        let with = |pairs: &'static [(&str, &str)]| {
            data_dir(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(with(&[("VIBETEA_DATA_DIR", "here"), ("HOME", "/h")]).unwrap(), PathBuf::from("here"));
        assert_eq!(
            with(&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")]).unwrap(),
            PathBuf::from("/h/.local/share/vibetea")
        );
        assert_eq!(with(&[]), None);
    }
}
