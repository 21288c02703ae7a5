use vibetea_protocol::signing::PublicKey;

use super::*;
use crate::auth::{Keys, Token};
use crate::store::{NewToken, SourceFilter, SqliteOptions, Store, later};

fn key(seed: u8) -> PublicKey {
    PublicKey::of(&ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
}

fn named(name: &str) -> SourceId {
    name.parse().unwrap()
}

fn guarded() -> Access {
    let keys = Keys::parse(&format!("laptop:{}", key(1).to_base64())).unwrap();
    Access::Guarded { keys, token: Some(Token::new("s3cret")), uniform_errors: false }
}

fn clock() -> Clock {
    Clock::fixed("2026-02-03T14:30:00Z".parse().unwrap())
}

async fn opened(dir: &tempfile::TempDir, clock: &Clock) -> (Store, Registry) {
    let options = SqliteOptions::new(dir.path().join("vibetea.db"));
    let store = Store::open_sqlite(options, clock.clone(), Box::new(|_| {})).await.unwrap();
    let registry = Registry::open(guarded(), store.access().clone(), clock.clone()).await.unwrap();
    (store, registry)
}

fn wanted(name: &str, lifetime: Option<Duration>) -> NewToken {
    NewToken { name: name.to_owned(), admin: false, sources: None, lifetime }
}

#[tokio::test]
async fn configuration_and_store_are_in_force_together() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (store, registry) = opened(&dir, &clock).await;
    let now = registry.now();
    store.access().add_key(named("laptop"), key(2), now).await.unwrap();
    store.access().add_key(named("attic"), key(3), now).await.unwrap();
    assert!(!registry.roster().knows(&named("attic"), now), "nobody looked yet");
    registry.refresh().await.unwrap();
    let roster = registry.roster();
    assert_eq!(roster.keys_of(&named("laptop"), now).unwrap().1, [&key(1), &key(2)]);
    assert_eq!(roster.keys_of(&named("attic"), now).unwrap().1, [&key(3)]);
    assert!(!roster.knows(&named("Attic"), now));
    assert_eq!(registry.viewer_with(b"s3cret"), Some(Viewer::configured()));
    assert_eq!(registry.viewer_with(b"s3cre"), None);
    store.close().await;
}

/// A store that is away changes nothing of who may, and the server says so.
#[tokio::test]
async fn what_was_known_stays_in_force_while_the_store_is_away() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (store, registry) = opened(&dir, &clock).await;
    store.access().add_key(named("attic"), key(3), registry.now()).await.unwrap();
    registry.refresh().await.unwrap();
    store.close().await;
    registry.refresh().await.unwrap_err();
    assert!(registry.roster().knows(&named("attic"), registry.now()));
    assert_eq!(registry.stale_for(), None, "for a moment that is worth no word");
    *registry.refreshed.lock().unwrap() = Instant::now().checked_sub(STALE_AFTER).unwrap();
    assert!(registry.stale_for().is_some());
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_a_viewer_with_another_scope_begins_again() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (store, registry) = opened(&dir, &clock).await;
    let now = registry.now();
    let hour = Duration::from_hours(1);
    let made = store.access().create_token(wanted("ada", Some(hour)), now).await.unwrap();
    registry.refresh().await.unwrap();
    let token = made.token.expose();
    let viewer = registry.viewer_with(token.as_bytes()).unwrap();
    let soon = Duration::from_millis(20);
    assert!(tokio::time::timeout(soon, registry.ended(&viewer)).await.is_err(), "it is good");
    let other = Viewer { sources: SourceFilter::One("laptop".to_owned()), ..viewer.clone() };
    assert_eq!(registry.ended(&other).await, Ended::Scope);
    clock.set(later(now, hour));
    assert_eq!(registry.ended(&viewer).await, Ended::Token);
    assert_eq!(registry.viewer_with(token.as_bytes()), None);
    assert_eq!(registry.holder_of(viewer.holder), None, "a ticket is worth no more");
    store.close().await;
}

#[tokio::test]
async fn a_viewer_hears_of_the_end_as_soon_as_the_server_does() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (store, registry) = opened(&dir, &clock).await;
    let now = registry.now();
    let made = store.access().create_token(wanted("ada", None), now).await.unwrap();
    registry.refresh().await.unwrap();
    let viewer = registry.viewer_with(made.token.expose().as_bytes()).unwrap();
    let configured = Viewer::configured();
    let revoke = async {
        tokio::task::yield_now().await;
        registry.revoke_token("ada".to_owned()).await.unwrap();
    };
    let (ended, ()) = tokio::join!(registry.ended(&viewer), revoke);
    assert_eq!(ended, Ended::Token);
    let soon = Duration::from_millis(20);
    assert!(tokio::time::timeout(soon, registry.ended(&configured)).await.is_err(), "that one never ends");
    store.close().await;
}
