//! What keeps an encrypted connection from coming about, in words that say what to do. None of it passes by itself.

use std::path::Path;

use rustls::CertificateError::{BadSignature, NotValidForName, NotValidForNameContext, UnknownIssuer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

/// The parameters that name files, by each of their spellings.
const FILES: [&str; 7] =
    ["sslrootcert", "ssl-root-cert", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key"];
/// Those among them that name certificates to trust.
const TRUSTED: &[&str] = &["sslrootcert", "ssl-root-cert", "ssl-ca"];
/// A certificate may stand in the URL itself.
const INLINE: &str = "-----BEGIN";

/// Why a connection that was to be encrypted was given up; `None` for every other failure.
pub(super) fn refusal(error: &sqlx::Error) -> Option<String> {
    let error = match error {
        // the driver's own words, which name neither
        sqlx::Error::Tls(error) if error.to_string() == "server does not support TLS" => {
            return Some("it offers no TLS, and the sslmode of its URL asks for it".to_owned());
        }
        sqlx::Error::Tls(error) => return Some(format!("TLS with it is not possible: {error}")),
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    let rustls::Error::InvalidCertificate(reason) = error else { return None };
    Some(match reason {
        // of an unknown one, and of one that has the name of a known one
        UnknownIssuer | BadSignature => format!(
            "the authority of its certificate is not trusted; sslrootcert names the file with the certificate of one \
             that is ({error})"
        ),
        NotValidForName | NotValidForNameContext { .. } => {
            format!("its certificate is for another host than the one in the URL ({error})")
        }
        _ => format!("its certificate is not accepted ({error})"),
    })
}

/// What is wrong with a file that a URL names: the driver takes an absent one for a database that is not up, and passes
/// over one with nothing in it.
pub(super) fn unusable_file(url: &str) -> Option<String> {
    // what is no URL is told of elsewhere
    let url = Url::parse(url).ok()?;
    let named =
        url.query_pairs().filter(|(name, file)| FILES.contains(&&**name) && !file.trim().starts_with(INLINE));
    named.into_iter().find_map(|(name, file)| {
        let told = |what: &str| Some(format!("the file {file}, which {name} names, {what}"));
        let text = match std::fs::read(Path::new(&*file)) {
            Ok(text) => text,
            Err(error) => return told(&format!("cannot be read: {error}")),
        };
        let holds_one = CertificateDer::pem_slice_iter(&text).any(|found| found.is_ok());
        if TRUSTED.contains(&&*name) && !holds_one { told("holds no certificate in PEM form") } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_at_before_anybody_connects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.pem");
        std::fs::write(&path, "nothing\n").unwrap();
        let file = path.display();
        let told = |parameters: &str| unusable_file(&format!("postgres://u:s3cret@h/d?{parameters}"));
        let absent = told("sslmode=verify-full&sslrootcert=/nowhere/ca.pem").unwrap();
        assert!(
            absent.starts_with("the file /nowhere/ca.pem, which sslrootcert names, cannot be read"),
            "{absent}"
        );
        let empty = told(&format!("sslrootcert={file}")).unwrap();
        assert!(empty.ends_with("which sslrootcert names, holds no certificate in PEM form"), "{empty}");
        assert!(told(&format!("sslkey={file}-of-nobody")).is_some());
        for good in
            ["", "sslmode=require", "sslrootcert=-----BEGIN%20CERTIFICATE-----", &format!("sslkey={file}")]
        {
            assert_eq!(told(good), None, "{good}");
        }
        assert_eq!(unusable_file("no URL"), None);
    }

    #[test]
    fn other_failures_are_not_taken_for_these() {
        for error in [
            sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into()),
            sqlx::Error::Io(std::io::Error::other(rustls::Error::HandshakeNotComplete)),
            sqlx::Error::Protocol("unexpected".into()),
        ] {
            assert_eq!(refusal(&error), None, "{error}");
        }
    }
}
