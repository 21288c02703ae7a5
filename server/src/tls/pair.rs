//! A certificate chain and its private key, as two files in PEM form.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use vibetea_protocol::Timestamp;

/// Two files that belong together, and what they hold.
#[derive(Clone)]
pub struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    certified: Arc<CertifiedKey>,
}

/// Why two files are no pair.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Whether it is the key's.
        of_the_key: bool,
        /// What the system says.
        error: io::Error,
    },
    /// Others on this machine can use the key.
    #[error("{path} has mode {mode:04o}, so others on this machine can use the key: run `chmod 600 {path}`", path = path.display())]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No certificate.
    #[error("{} holds no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    /// No key.
    #[error("{} holds no private key in PEM form, or one that is encrypted", .0.display())]
    NoKey(PathBuf),
    /// Certificate and key are not of one another, or of a kind that is not known.
    #[error("{} and {} are no pair: {error}", certificate.display(), key.display())]
    NoPair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the library says.
        error: rustls::Error,
    },
}

impl PairError {
    /// Whether it is the key's file that is wrong.
    pub const fn is_of_the_key(&self) -> bool {
        matches!(self, Self::Exposed { .. } | Self::NoKey(_) | Self::Read { of_the_key: true, .. })
    }
}

impl Pair {
    /// Reads both files; refuses a key that others can read.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, PairError> {
        let chain = read_chain(&certificate)?;
        let private = read_key(&key)?;
        match CertifiedKey::from_der(chain, private, &default_provider()) {
            Ok(certified) => Ok(Self { certificate, key, certified: Arc::new(certified) }),
            Err(error) => Err(PairError::NoPair { certificate, key, error }),
        }
    }

    /// The same files, read again.
    pub fn reload(&self) -> Result<Self, PairError> {
        Self::load(self.certificate.clone(), self.key.clone())
    }

    /// The file of the certificate chain.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file of the private key.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// When the first certificate of the chain ends; none where it cannot be read so far.
    pub fn ends(&self) -> Option<Timestamp> {
        let first = self.certified.cert.first()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(first).ok()?;
        let seconds = certificate.validity().not_after.timestamp();
        Timestamp::from_micros(seconds.checked_mul(1_000_000)?)
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let read = |error| PairError::Read { path: path.to_owned(), of_the_key: false, error };
    let text = std::fs::read(path).map_err(read)?;
    let chain: Option<Vec<_>> = CertificateDer::pem_slice_iter(&text).map(Result::ok).collect();
    chain.filter(|chain| !chain.is_empty()).ok_or_else(|| PairError::NoCertificate(path.to_owned()))
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let read = |error| PairError::Read { path: path.to_owned(), of_the_key: true, error };
    let file = std::fs::File::open(path).map_err(read)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(read)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(PairError::Exposed { path: path.to_owned(), mode });
        }
    }
    PrivateKeyDer::from_pem_reader(file).map_err(|_| PairError::NoKey(path.to_owned()))
}
