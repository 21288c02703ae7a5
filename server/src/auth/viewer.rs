//! The token of those who watch.

use std::fmt;

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use vibetea_protocol::{ErrorCode, Problem};

use super::Viewers;

/// A token; only its digest is kept, and that is never shown.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
}

impl Token {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self { digest: Sha256::digest(text).into() }
    }

    /// Whether the text is the token; takes the same time for every wrong text of a length.
    pub fn is(&self, text: &[u8]) -> bool {
        let asked: [u8; 32] = Sha256::digest(text).into();
        self.digest.ct_eq(&asked).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What stands behind `Bearer` in `Authorization`: `None` without the header, `Some(None)` where it holds
/// something else.
pub fn bearer(headers: &HeaderMap) -> Option<Option<&[u8]>> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    if value.is_empty() {
        return None;
    }
    let token = value
        .split_first_chunk::<7>()
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
        .map(|(_, token)| token.trim_ascii());
    Some(token)
}

/// Whether the request shows the token in its header.
pub fn check_bearer(viewers: &Viewers, headers: &HeaderMap) -> Result<(), Problem> {
    let Viewers::Holders(token) = viewers else { return Ok(()) };
    match bearer(headers) {
        None => Err(Problem::new(
            ErrorCode::MissingAuth,
            "The header Authorization is missing: 'Bearer' and the subscriber token are needed",
        )),
        Some(Some(asked)) if token.is(asked) => Ok(()),
        Some(_) => Err(Problem::new(ErrorCode::InvalidToken, "The token is not the right one")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_token_behind_bearer_is_let_in() {
        let viewers = Viewers::Holders(Token::new("s3cret"));
        let check = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            check_bearer(&viewers, &headers).err().map(|problem| problem.error)
        };
        assert_eq!(check(Some("Bearer s3cret")), None);
        assert_eq!(check(Some("bearer  s3cret")), None);
        assert_eq!(check(None), Some(ErrorCode::MissingAuth));
        assert_eq!(check(Some("")), Some(ErrorCode::MissingAuth));
        for wrong in ["s3cret", "Basic s3cret", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Bearer S3CRET"] {
            assert_eq!(check(Some(wrong)), Some(ErrorCode::InvalidToken), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", Viewers::Holders(Token::new("s3cret"))), "Holders(Token(…))");
    }
}
