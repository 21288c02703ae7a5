//! What a server is told before it starts, as far as it shows on the wire.

use crate::harness::{SOURCE, Setup, TOKEN, body, event, key_of, send, try_send};

impl Setup {
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Registers no source by itself.
    pub(crate) fn without_sources(mut self) -> Self {
        self.sources.clear();
        self
    }

    /// What the server has to say about a configuration it takes.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.load().unwrap().warnings
    }

    /// What the server has to say about a configuration it does not take.
    pub(crate) fn refused(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

#[tokio::test]
async fn secrets_may_stand_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "token-from-a-file-1234567890\n").unwrap();
    let keys = dir.path().join("keys");
    let key = vibetea_protocol::signing::PublicKey::of(&key_of(SOURCE)).to_base64();
    std::fs::write(&keys, format!("{SOURCE}:{key}\n")).unwrap();
    let server = Setup::new()
        .without("VIBETEA_SUBSCRIBER_TOKEN")
        .without_sources()
        .with("VIBETEA_SUBSCRIBER_TOKEN_FILE", token.to_str().unwrap())
        .with("VIBETEA_PUBLIC_KEYS_FILE", keys.to_str().unwrap())
        .start()
        .await;
    assert_eq!(server.view("/query").await.status, 401);
    let request = server.request(reqwest::Method::GET, "/query").bearer_auth("token-from-a-file-1234567890");
    assert_eq!(send(request).await.status, 200);
    assert_eq!(server.post("/ingest", SOURCE, body(&[event(1)])).await.status, 200);
}

#[tokio::test]
async fn the_default_database_is_a_file_in_the_data_directory() {
    let server = Setup::new().without("VIBETEA_DATABASE_URL").start().await;
    server.ingest(&[event(1)]).await;
    let files: Vec<String> = std::fs::read_dir(server.home().dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(files.iter().any(|name| name == "vibetea.db"), "{files:?}");
}

#[tokio::test]
async fn old_names_are_read_with_a_warning() {
    let setup = Setup::new().without("VIBETEA_SUBSCRIBER_TOKEN").with("VIBETEA_AUTH_TOKEN", TOKEN);
    let setup = setup.without("PORT").with("VIBETEA_PORT", "0");
    let warnings = setup.warnings().join("\n");
    assert!(warnings.contains("VIBETEA_AUTH_TOKEN") && warnings.contains("VIBETEA_PORT"), "{warnings}");
    assert!(!warnings.contains(TOKEN));
    let server = setup.start().await;
    assert_eq!(server.view("/query").await.status, 200);
}

#[test]
fn every_wrong_setting_is_named_with_what_it_held_and_what_is_allowed() {
    let error = Setup::new()
        .with("PORT", "99999")
        .with("VIBETEA_RATE_LIMIT_PER_SEC", "many")
        .with("VIBETEA_RATE_LIMIT_BURST", "-1")
        .with("VIBETEA_DATABASE_URL", "mysql://user:hunter2@db/vibetea")
        .with("VIBETEA_PUBLIC_KEYS", "laptop:bm90IGEga2V5")
        .with("VIBETEA_SUBSCRIBER_TOKEN", "a secret with spaces")
        .with("VIBETEA_ALLOWED_HOSTS", "http://x/")
        .with("VIBETEA_CORS_ORIGINS", "example.org")
        .with("VIBETEA_HOST", "everywhere")
        .refused();
    for name in [
        "PORT",
        "VIBETEA_RATE_LIMIT_PER_SEC",
        "VIBETEA_RATE_LIMIT_BURST",
        "VIBETEA_DATABASE_URL",
        "VIBETEA_PUBLIC_KEYS",
        "VIBETEA_SUBSCRIBER_TOKEN",
        "VIBETEA_ALLOWED_HOSTS",
        "VIBETEA_CORS_ORIGINS",
        "VIBETEA_HOST",
    ] {
        assert!(error.contains(name), "{name} is not named: {error}");
    }
    for held in ["99999", "many", "-1", "everywhere", "example.org"] {
        assert!(error.contains(held), "{held} is not shown: {error}");
    }
    for secret in ["hunter2", "a secret with spaces"] {
        assert!(!error.contains(secret), "{secret} is shown: {error}");
    }
}

#[test]
fn a_server_that_lets_everybody_in_stays_on_this_machine() {
    for host in ["0.0.0.0", "::", "192.168.1.7"] {
        let error = Setup::without_auth().with("VIBETEA_HOST", host).refused();
        assert!(error.contains("VIBETEA_UNSAFE_NO_AUTH") && error.contains(host), "{error}");
    }
}

#[test]
fn keys_and_token_are_asked_for_where_nothing_else_keeps_them() {
    let error = Setup::relay().without("VIBETEA_SUBSCRIBER_TOKEN").without_sources().refused();
    assert!(error.contains("VIBETEA_PUBLIC_KEYS") && error.contains("VIBETEA_SUBSCRIBER_TOKEN"), "{error}");
    Setup::new().without("VIBETEA_SUBSCRIBER_TOKEN").without_sources().load().unwrap();
}

/// Keys that would accept signatures nobody made, and encodings of a point that are not its own.
#[test]
fn weak_keys_are_not_registered() {
    use base64::Engine as _;
    let mut weak = [[0; 32]; 3];
    weak[0][0] = 1;
    weak[1] = [0xff; 32];
    weak[1][0] = 0xec;
    weak[1][31] = 0x7f;
    for key in weak {
        let text = base64::engine::general_purpose::STANDARD.encode(key);
        let error = Setup::new().with("VIBETEA_PUBLIC_KEYS", format!("laptop:{text}")).refused();
        assert!(error.contains("VIBETEA_PUBLIC_KEYS"), "{error}");
    }
}

#[tokio::test]
async fn two_servers_on_one_file_are_not_let() {
    let server = Setup::new().start().await;
    let second = Setup::at(server.home()).try_start().await;
    assert!(second.is_err(), "the second says that the database is in use");
    assert!(try_send(server.request(reqwest::Method::GET, "/health")).await.is_some());
}
