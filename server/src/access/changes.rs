//! Changes of who may, made through a running server: each is in force on every server when its call returns.

use std::time::Duration;

use vibetea_protocol::api::{RegisteredSources, ViewerTokens};
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{SourceId, Timestamp};

use super::{KNOWN_EVERYWHERE, Registry, registered_sources, viewer_tokens};
use crate::store::{
    AccessError, AccessStore, CODE_LIFETIME, IssuedToken, NewToken, StoreError, StoredToken, code_digest,
};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The source stands in the configuration, where alone it can be changed.
    #[error(
        "the source '{0}' stands in the server's configuration: change VIBETEA_PUBLIC_KEYS and start the server again"
    )]
    Configured(String),
    /// Refused, or the store failed.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Access(error.into())
    }
}

impl Registry {
    /// Every source that stands in the configuration, or is or was registered.
    pub async fn sources(&self) -> Result<RegisteredSources, ChangeError> {
        self.note().await;
        let store = self.store()?;
        let (stored, activity) = (store.sources().await?, store.activity().await?);
        Ok(registered_sources(self.configured.keys(), stored, activity, self.now()))
    }

    /// The tokens that were not revoked, the newest first.
    pub async fn tokens(&self) -> Result<ViewerTokens, ChangeError> {
        self.note().await;
        Ok(viewer_tokens(self.store()?.tokens().await?))
    }

    /// Makes a code, `XXXX-XXXX`, with which one monitor joins under that name within 15 minutes. It can be used with any
    /// server at once.
    pub async fn create_code(&self, source: SourceId) -> Result<String, ChangeError> {
        Ok(self.store()?.create_code(source, CODE_LIFETIME, self.now()).await?)
    }

    /// Registers a key under the name that the code was made for, unless another one is wanted. The same key may come
    /// again with its code, no other.
    /// A wrong code costs one look at an index, whatever it is.
    pub async fn redeem_code(
        &self,
        code: &str,
        key: PublicKey,
        wanted: Option<SourceId>,
    ) -> Result<SourceId, ChangeError> {
        let source = self.store()?.redeem_code(code_digest(code), key, wanted, self.now()).await?;
        self.spread().await?;
        Ok(source)
    }

    /// Takes a key that one of the source's own keys in the store vouches for; the source's other keys end after the
    /// overlap. The answer is when the last of them does; none where there is no other.
    pub async fn add_key_vouched(
        &self,
        source: SourceId,
        old: PublicKey,
        new: PublicKey,
        overlap: Duration,
    ) -> Result<Option<Timestamp>, ChangeError> {
        let end = self.store()?.add_key_vouched(source, old, new, overlap, self.now()).await?;
        self.spread().await?;
        Ok(end)
    }

    /// Gives a source another name; what it has sent keeps the old one.
    pub async fn rename_source(&self, old: SourceId, new: SourceId) -> Result<(), ChangeError> {
        for name in [&old, &new] {
            self.changeable(name)?;
        }
        self.store()?.rename_source(old, new).await?;
        self.spread().await
    }

    /// Ends all keys of a source.
    pub async fn revoke_source(&self, source: SourceId) -> Result<(), ChangeError> {
        self.changeable(&source)?;
        self.store()?.revoke_source(source.as_str().to_owned(), self.now()).await?;
        self.spread().await
    }

    /// Makes a token.
    pub async fn create_token(&self, wanted: NewToken) -> Result<IssuedToken, ChangeError> {
        let issued = self.store()?.create_token(wanted, self.now()).await?;
        self.spread().await?;
        Ok(issued)
    }

    /// Puts a new token in the place of one, which ends.
    pub async fn rotate_token(&self, id: String) -> Result<IssuedToken, ChangeError> {
        let issued = self.store()?.rotate_token(id, self.now()).await?;
        self.spread().await?;
        Ok(issued)
    }

    /// Ends a token; answers which.
    pub async fn revoke_token(&self, id: String) -> Result<StoredToken, ChangeError> {
        let revoked = self.store()?.revoke_token(id, self.now()).await?;
        self.spread().await?;
        Ok(revoked)
    }

    fn changeable(&self, source: &SourceId) -> Result<(), ChangeError> {
        if self.is_configured(source) {
            return Err(ChangeError::Configured(source.as_str().to_owned()));
        }
        Ok(())
    }

    fn store(&self) -> Result<&AccessStore, StoreError> {
        self.store.as_ref().ok_or_else(|| StoreError::Unavailable("this server keeps nothing".to_owned()))
    }

    /// Waits until this server and all others know of a change.
    async fn spread(&self) -> Result<(), ChangeError> {
        self.refresh().await?;
        if self.store.as_ref().is_some_and(AccessStore::has_other_servers) {
            tokio::time::sleep(KNOWN_EVERYWHERE).await;
        }
        Ok(())
    }
}
