//! The address of a hosted project's database, without its secret wherever it is told.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Parameters that a URL may have; one that is not known might hold a secret in the wrong place.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A database to read from. Shown as host, port, database and user.
#[derive(Clone)]
pub struct HostedSource {
    options: PgConnectOptions,
}

/// Why a text is no address of a database. Never holds the text: there is a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It starts otherwise.
    #[error("it does not start with postgres:// or postgresql://")]
    Scheme,
    /// It is no URL, or a part of it cannot be used.
    #[error("{0}")]
    Malformed(String),
    /// It has a parameter that nobody knows.
    #[error("it has an unknown parameter; known are {}", PARAMETERS.join(", "))]
    Parameter,
}

impl FromStr for HostedSource {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(InvalidUrl::Scheme);
        }
        // the library's words name the part, never its content
        let url = Url::parse(text).map_err(|error| InvalidUrl::Malformed(error.to_string()))?;
        if url.query_pairs().any(|(name, _)| !PARAMETERS.contains(&&*name)) {
            return Err(InvalidUrl::Parameter);
        }
        let options = text
            .parse::<PgConnectOptions>()
            .map_err(|_| InvalidUrl::Malformed("one of its parameters cannot be used".to_owned()))?;
        Ok(Self { options })
    }
}

impl From<PgConnectOptions> for HostedSource {
    fn from(options: PgConnectOptions) -> Self {
        Self { options }
    }
}

impl HostedSource {
    /// For a connection that a pooler between may share: it keeps nothing from one statement to the next.
    pub(super) fn options(&self) -> PgConnectOptions {
        self.options
            .clone()
            .application_name("vibetea-import")
            .statement_cache_capacity(0)
            .extra_float_digits(None)
    }
}

impl fmt::Display for HostedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        match options.get_socket() {
            Some(socket) => write!(f, "{}", socket.display())?,
            None => f.write_str(options.get_host())?,
        }
        let user = options.get_username();
        write!(f, ":{}/{} as {user}", options.get_port(), options.get_database().unwrap_or(user))
    }
}

impl fmt::Debug for HostedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostedSource({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_its_password() {
        let source: HostedSource =
            "postgresql://reader:s3cret@db.example.org:6543/postgres?sslmode=require".parse().unwrap();
        assert_eq!(source.to_string(), "db.example.org:6543/postgres as reader");
        assert!(!format!("{source:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_told() {
        for text in [
            "s3cret",
            "mysql://u:s3cret@h/d",
            "postgres://u:s3cret@h:port/d",
            "postgres://u:s3cret@[h/d",
            "postgres://u@h/d?sslmode=s3cret",
            "postgres://u@h/d?pasword=s3cret",
        ] {
            let error = text.parse::<HostedSource>().unwrap_err();
            assert!(
                !error.to_string().contains("s3cret") && !format!("{error:?}").contains("s3cret"),
                "{error}"
            );
        }
    }
}
