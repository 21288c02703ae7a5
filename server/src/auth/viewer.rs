//! Those who watch, and the tokens they show.

use std::fmt;

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::store::SourceFilter;

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

/// Who watches, and what is shown to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Whether the admin routes answer.
    pub admin: bool,
    /// The sources that are shown; every question is narrowed to them.
    pub sources: SourceFilter,
    /// Whose token was shown.
    pub holder: Holder,
}

/// Whose token a viewer showed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// None is needed.
    Anybody,
    /// That of the configuration.
    Configured,
    /// One that the server made, by its SHA-256.
    Issued([u8; 32]),
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anybody => "Anybody",
            Self::Configured => "Configured",
            Self::Issued(_) => "Issued(…)",
        })
    }
}

impl Viewer {
    /// Where nobody is asked for a token.
    pub fn anybody() -> Self {
        Self { admin: false, sources: SourceFilter::All, holder: Holder::Anybody }
    }

    /// The holder of the configured token.
    pub fn configured() -> Self {
        Self { admin: false, sources: SourceFilter::All, holder: Holder::Configured }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_stands_behind_bearer_is_a_token() {
        let shown = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(|token| token.map(<[u8]>::to_vec))
        };
        for right in ["Bearer s3cret", "bearer  s3cret", " BEARER s3cret "] {
            assert_eq!(shown(Some(right)), Some(Some(b"s3cret".to_vec())), "{right}");
        }
        assert_eq!(shown(None), None);
        assert_eq!(shown(Some("")), None);
        for wrong in ["s3cret", "Basic s3cret", "Bearer"] {
            assert_eq!(shown(Some(wrong)), Some(None), "{wrong}");
        }
    }

    #[test]
    fn only_the_token_itself_is_the_token() {
        let token = Token::new("s3cret");
        assert!(token.is(b"s3cret"));
        for wrong in ["s3cre", "s3cret2", "S3CRET", ""] {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", Token::new("s3cret")), "Token(…)");
        assert_eq!(format!("{:?}", Holder::Issued([7; 32])), "Issued(…)");
    }
}
