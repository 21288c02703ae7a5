//! Certificates of an authority of the test's own.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Whom nobody trusts but the test.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate chain and its key in PEM form.
#[derive(Debug, Clone)]
pub struct Files {
    /// The chain.
    pub certificate: PathBuf,
    /// The key, readable by its owner alone.
    pub key: PathBuf,
}

impl Authority {
    /// One with a new key.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a bad one");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("a certificate can be made").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate in PEM form, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes a certificate for these names or addresses and its key into a folder, in place of an earlier one.
    pub fn issue(&self, names: &[&str], folder: &Path) -> Files {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("good names");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let files = Files { certificate: folder.join("chain.pem"), key: folder.join("key.pem") };
        write_private(&files.certificate, &certificate.pem());
        write_private(&files.key, &key.serialize_pem());
        files
    }

    /// Writes its own certificate into a folder; answers the file.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        write_private(&path, &self.pem);
        path
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn write_private(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).expect("the file can be made");
    file.write_all(text.as_bytes()).expect("the file can be written");
}
