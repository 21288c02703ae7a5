//! The certificate that this server shows: read from two files, checked, and read anew when they change.

mod follow;
mod own;
mod pair;

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub(crate) use follow::follow;
pub(crate) use own::asking;
pub use pair::{Pair, PairError};

/// The pair in use; handshakes that begin take the newest one.
#[derive(Debug)]
pub(crate) struct InUse(RwLock<Arc<CertifiedKey>>);

impl InUse {
    /// Shows this pair from the start.
    pub(crate) fn new(pair: &Pair) -> Arc<Self> {
        Arc::new(Self(RwLock::new(pair.certified())))
    }

    fn replace(&self, pair: &Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair.certified();
    }
}

impl ResolvesServerCert for InUse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS 1.2 and 1.3, HTTP/1.1 alone.
pub(crate) fn settings(shown: Arc<InUse>) -> Arc<ServerConfig> {
    let mut settings = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_no_client_auth()
        .with_cert_resolver(shown);
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(settings)
}
