//! Who may send and who may watch, as the store keeps it.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{SourceId, Timestamp};
use vibetea_server::store::{
    AccessError, AccessStore, Activity, CODE_LIFETIME, MOST_KEYS, NewToken, Refused, Sighting, SourceFilter,
    Used, code_digest, later, token_digest,
};

use crate::support::{Place, at};

const HOUR: Duration = Duration::from_hours(1);

fn key(seed: u8) -> PublicKey {
    PublicKey::of(&SigningKey::from_bytes(&[seed; 32]))
}

fn named(name: &str) -> SourceId {
    name.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-02-03T14:30:00Z")
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> Refused {
    match outcome {
        Err(AccessError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// Which of the keys 1 to 9 a source may sign with at a moment.
async fn in_force(access: &AccessStore, source: &str, when: Timestamp) -> Vec<u8> {
    let snapshot = access.snapshot_unless(None).await.unwrap().unwrap();
    let of_source = snapshot.keys.iter().filter(|kept| kept.source.as_str() == source);
    let valid: Vec<_> = of_source.filter(|kept| kept.expires.is_none_or(|end| end > when)).collect();
    (1..=9).filter(|seed| valid.iter().any(|kept| kept.key == key(*seed))).collect()
}

#[tokio::test]
async fn a_code_registers_one_key_once_under_the_name_it_was_made_for() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    let code = access.create_code(named("laptop"), CODE_LIFETIME, now()).await.unwrap();
    let redeem = |text: &str, seed, when| access.redeem_code(code_digest(text), key(seed), None, when);
    let late = later(now(), CODE_LIFETIME);
    assert_eq!(refusal(redeem(&code, 1, late).await), Refused::InvalidCode);
    for wrong in ["", "0000-0000", &code.to_lowercase().replace('-', "")] {
        assert_eq!(refusal(redeem(wrong, 1, now()).await), Refused::InvalidCode, "{wrong}");
    }
    assert!(in_force(access, "laptop", now()).await.is_empty());
    assert_eq!(redeem(&code, 1, now()).await.unwrap().as_str(), "laptop");
    // the answer got lost; somebody else has seen the code
    assert_eq!(redeem(&code, 1, now()).await.unwrap().as_str(), "laptop");
    assert_eq!(refusal(redeem(&code, 2, now()).await), Refused::InvalidCode);
    assert_eq!(in_force(access, "laptop", now()).await, [1]);
    // a second machine of that name, or a new key after a loss
    let second = access.create_code(named("laptop"), CODE_LIFETIME, now()).await.unwrap();
    redeem(&second, 2, now()).await.unwrap();
    assert_eq!(in_force(access, "laptop", now()).await, [1, 2]);
    store.close().await;
}

#[tokio::test]
async fn of_two_who_use_one_code_one_gets_in() {
    let place = Place::new();
    let store = place.open().await;
    let code = store.access().create_code(named("laptop"), CODE_LIFETIME, now()).await.unwrap();
    let digest = code_digest(&code);
    let redeem = |seed| store.access().redeem_code(digest, key(seed), None, now());
    let outcomes = tokio::join!(redeem(1), redeem(2), redeem(3), redeem(4));
    let outcomes = [outcomes.0, outcomes.1, outcomes.2, outcomes.3];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(in_force(store.access(), "laptop", now()).await.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_key_vouches_for_the_next_one_and_ends_after_the_overlap() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    access.add_key(named("laptop"), key(1), now()).await.unwrap();
    let rotate = |old, new, when| access.add_key_vouched(named("laptop"), key(old), key(new), HOUR, when);
    let end = later(now(), HOUR);
    assert_eq!(rotate(1, 2, now()).await.unwrap(), Some(end));
    assert_eq!(in_force(access, "laptop", now()).await, [1, 2]);
    assert_eq!(in_force(access, "laptop", end).await, [2]);
    // the answer got lost: nothing changes, the overlap does not begin again
    assert_eq!(rotate(1, 2, later(now(), HOUR / 2)).await.unwrap(), Some(end));
    // whoever finds the replaced key gets no further with it
    let refused = Refused::NotVouched("laptop".to_owned());
    assert_eq!(refusal(rotate(1, 3, now()).await), refused);
    assert_eq!(refusal(rotate(1, 1, now()).await), refused);
    assert_eq!(refusal(rotate(5, 3, now()).await), refused);
    assert_eq!(refusal(rotate(1, 2, end).await), refused);
    let elsewhere = access.add_key_vouched(named("desktop"), key(1), key(3), HOUR, now());
    assert!(matches!(refusal(elsewhere.await), Refused::NotVouched(_)));
    // the new key may end the others at once
    let ended = access.add_key_vouched(named("laptop"), key(2), key(2), Duration::ZERO, now());
    assert_eq!(ended.await.unwrap(), None);
    assert_eq!(in_force(access, "laptop", now()).await, [2]);
    store.close().await;
}

#[tokio::test]
async fn a_source_has_a_few_keys_and_replaced_ones_make_room() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    for seed in 1..=4 {
        access.add_key(named("laptop"), key(seed), now()).await.unwrap();
    }
    assert_eq!(MOST_KEYS, 4);
    let refused = Refused::TooManyKeys("laptop".to_owned());
    assert_eq!(refusal(access.add_key(named("laptop"), key(5), now()).await), refused);
    access.add_key(named("laptop"), key(4), now()).await.unwrap();
    let rotate = |old, new| access.add_key_vouched(named("laptop"), key(old), key(new), HOUR, now());
    rotate(4, 5).await.unwrap();
    let kept = in_force(access, "laptop", now()).await;
    assert!(kept.len() == 4 && kept.contains(&4) && kept.contains(&5), "{kept:?}");
    // as often as it is liked
    rotate(5, 6).await.unwrap();
    rotate(6, 7).await.unwrap();
    assert_eq!(in_force(access, "laptop", now()).await.len(), 4);
    assert_eq!(in_force(access, "laptop", later(now(), HOUR)).await, [7]);
    store.close().await;
}

#[tokio::test]
async fn a_revoked_source_has_no_keys_and_no_codes_and_may_join_again() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    access.add_key(named("laptop"), key(1), now()).await.unwrap();
    let code = access.create_code(named("laptop"), CODE_LIFETIME, now()).await.unwrap();
    access.revoke_source("laptop".to_owned(), now()).await.unwrap();
    assert!(in_force(access, "laptop", now()).await.is_empty());
    assert_eq!(
        refusal(access.redeem_code(code_digest(&code), key(2), None, now()).await),
        Refused::InvalidCode
    );
    let again = access.revoke_source("laptop".to_owned(), now()).await;
    assert_eq!(refusal(again), Refused::NoSuchSource("laptop".to_owned()));
    let listed = access.sources().await.unwrap();
    assert_eq!((listed.len(), listed[0].revoked, listed[0].keys.len()), (1, Some(now()), 0));
    access.add_key(named("laptop"), key(3), later(now(), HOUR)).await.unwrap();
    assert_eq!(in_force(access, "laptop", now()).await, [3]);
    assert_eq!(access.sources().await.unwrap()[0].revoked, None);
    store.close().await;
}

#[tokio::test]
async fn a_renamed_source_takes_its_keys_along_and_tokens_show_both_names() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    for (name, seed) in [("laptop", 1), ("desktop", 2)] {
        access.add_key(named(name), key(seed), now()).await.unwrap();
    }
    let wanted = |name: &str, sources: &[&str]| NewToken {
        name: name.to_owned(),
        admin: false,
        sources: Some(sources.iter().map(|source| named(source)).collect()),
        lifetime: None,
    };
    access.create_token(wanted("a", &["laptop"]), now()).await.unwrap();
    access.create_token(wanted("b", &["desktop"]), now()).await.unwrap();
    let rename = |old: &str, new: &str| access.rename_source(named(old), named(new));
    assert_eq!(refusal(rename("laptop", "desktop").await), Refused::SourceExists("desktop".to_owned()));
    assert_eq!(refusal(rename("nobody", "somebody").await), Refused::NoSuchSource("nobody".to_owned()));
    rename("laptop", "old laptop").await.unwrap();
    assert!(in_force(access, "laptop", now()).await.is_empty());
    assert_eq!(in_force(access, "old laptop", now()).await, [1]);
    let shown: Vec<_> =
        access.tokens().await.unwrap().into_iter().map(|token| (token.name, token.sources.names())).collect();
    assert!(
        shown.contains(&("a".to_owned(), Some(vec!["laptop".to_owned(), "old laptop".to_owned()]))),
        "{shown:?}"
    );
    assert!(shown.contains(&("b".to_owned(), Some(vec!["desktop".to_owned()]))), "{shown:?}");
    store.close().await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_a_digest() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    let wanted = NewToken { name: "ada".to_owned(), admin: false, sources: None, lifetime: None };
    let issued = access.create_token(wanted.clone(), now()).await.unwrap();
    assert!(!format!("{issued:?}").contains("vt_"), "{issued:?}");
    let (token, id) = (issued.token.expose(), issued.entry.id);
    let digest = |snapshot: vibetea_server::store::AccessSnapshot| snapshot.tokens[0].digest;
    let snapshot = access.snapshot_unless(None).await.unwrap().unwrap();
    assert_eq!(digest(snapshot.clone()), token_digest(token.as_bytes()));
    for column in ["id", "name"] {
        let kept = place.column(&format!("SELECT {column} FROM viewer_token"));
        assert!(!kept[0].contains(&token[3..]), "{column}");
    }
    assert_eq!(refusal(access.create_token(wanted, now()).await), Refused::TokenNameTaken("ada".to_owned()));
    let version = snapshot.version;
    assert!(access.snapshot_unless(Some(version)).await.unwrap().is_none(), "nothing has changed");
    let rotated = access.rotate_token("ada".to_owned(), later(now(), HOUR)).await.unwrap();
    assert_eq!(rotated.entry.id, id);
    let snapshot = access.snapshot_unless(Some(version)).await.unwrap().expect("there is something new");
    assert_eq!(digest(snapshot), token_digest(rotated.token.expose().as_bytes()));
    access.revoke_token(id.clone(), now()).await.unwrap();
    assert!(access.tokens().await.unwrap().is_empty());
    assert_eq!(refusal(access.revoke_token(id.clone(), now()).await), Refused::NoSuchToken(id));
    store.close().await;
}

#[tokio::test]
async fn a_replaced_token_lives_as_long_again() {
    let place = Place::new();
    let store = place.open().await;
    let wanted = NewToken { name: "ada".to_owned(), admin: false, sources: None, lifetime: Some(HOUR) };
    store.access().create_token(wanted, now()).await.unwrap();
    // even one that is over
    let when = later(now(), 5 * HOUR);
    let rotated = store.access().rotate_token("ada".to_owned(), when).await.unwrap();
    assert_eq!(rotated.entry.expires, Some(later(when, HOUR)));
    store.close().await;
}

#[tokio::test]
async fn tokens_that_would_show_nothing_or_are_called_nothing_are_not_made() {
    let place = Place::new();
    let store = place.open().await;
    let create = |name: &str, admin, sources: Option<&[&str]>| {
        let sources = sources.map(|sources| sources.iter().map(|source| named(source)).collect());
        store.access().create_token(NewToken { name: name.to_owned(), admin, sources, lifetime: None }, now())
    };
    for name in ["", " ", "a\nb", &"x".repeat(65)] {
        assert_eq!(refusal(create(name, false, None).await), Refused::InvalidTokenName, "{name:?}");
    }
    assert!(matches!(refusal(create("a", false, Some(&[])).await), Refused::InvalidScope(_)));
    assert_eq!(refusal(create("a", true, Some(&["laptop"])).await), Refused::ScopedAdmin);
    let made = create("a", false, Some(&["laptop"])).await.unwrap();
    assert_eq!(made.entry.sources, SourceFilter::One("laptop".to_owned()));
    store.close().await;
}

#[tokio::test]
async fn what_was_seen_is_noted_and_earlier_moments_change_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let access = store.access();
    let wanted = NewToken { name: "ada".to_owned(), admin: false, sources: None, lifetime: None };
    let digest = access.create_token(wanted, now()).await.unwrap().entry.digest;
    let version = access.snapshot_unless(None).await.unwrap().unwrap().version;
    let sighting = |seen: &str, event: Option<&str>, version: Option<&str>| Activity {
        source: "laptop".to_owned(),
        sighting: Sighting { seen: at(seen), event: event.map(at), version: version.map(str::to_owned) },
    };
    let (early, late) = ("2026-02-03T14:00:00Z", "2026-02-03T15:00:00Z");
    let note = async |activity, moment| {
        access.note(vec![activity], vec![Used { digest, at: at(moment) }]).await.unwrap();
    };
    note(sighting(early, None, Some("1.0.0")), early).await;
    note(sighting(late, Some(early), None), late).await;
    note(sighting(early, None, None), early).await;
    assert_eq!(access.activity().await.unwrap(), [sighting(late, Some(early), Some("1.0.0"))]);
    assert_eq!(access.tokens().await.unwrap()[0].last_used, Some(at(late)));
    assert!(access.snapshot_unless(Some(version)).await.unwrap().is_none(), "that is no change of who may");
    store.close().await;
}
