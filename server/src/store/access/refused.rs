//! Why a change of who may was not made.

use crate::store::StoreError;

/// Why a change was not made; the words are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No source of that name may send.
    #[error("there is no source '{0}'")]
    NoSuchSource(String),
    /// A source of that name is, or was, registered.
    #[error("the source '{0}' is registered already, or was; choose another name")]
    SourceExists(String),
    /// The source has as many keys as it may have.
    #[error("the source '{0}' has {max} keys already, which is the most it may have; `vibetea-server sources revoke` ends them all", max = super::MOST_KEYS)]
    TooManyKeys(String),
    /// As many sources are registered as may be.
    #[error("{0} sources are registered, which is the most there may be")]
    TooManySources(i64),
    /// As many codes wait as may.
    #[error(
        "{0} enrolment codes wait to be used, which is the most there may be; each ends after 15 minutes"
    )]
    TooManyCodes(i64),
    /// The code is none, or was used, or is too old.
    #[error("the enrolment code is wrong, was used already or has expired")]
    InvalidCode,
    /// The code was made for another name than the monitor is set to.
    #[error("the enrolment code was made for another source than the one that asks")]
    OtherSource,
    /// The key that vouches is not one of the source's, or has been replaced itself.
    #[error("the key that vouches is none that the source '{0}' holds for good")]
    NotVouched(String),
    /// There is no token of that id or name.
    #[error("there is no token '{0}'")]
    NoSuchToken(String),
    /// A token of that name is in use.
    #[error("there is a token named '{0}' already; choose another name, or revoke or rotate that one")]
    TokenNameTaken(String),
    /// The name is none.
    #[error("the name of a token is 1 to 64 characters without control characters")]
    InvalidTokenName,
    /// The token would show nothing, or more sources than can be listed.
    #[error("a token names 1 to {0} sources, or none to show all of them")]
    InvalidScope(usize),
    /// An admin token changes everything and so shows everything.
    #[error("an admin token shows all sources: leave the sources away")]
    ScopedAdmin,
    /// As many tokens are in use as may be.
    #[error("{0} tokens are in use, which is the most there may be")]
    TooManyTokens(i64),
}

/// Why something about who may was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccessError {
    /// It was refused, and nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine has no randomness for a secret.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}
