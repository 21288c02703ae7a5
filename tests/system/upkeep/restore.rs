//! A store is made from a whole copy alone, where there is none, and viewers learn of it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::TOKEN;
use vibetea_tests::program::loopback;
use vibetea_tests::socket::Viewer;

use super::Site;
use super::site::{events, id};

const SOON: Duration = Duration::from_secs(20);

/// A copy of a store with so many events.
fn copy(site: &Site, count: u64) -> std::path::PathBuf {
    let server = site.start();
    site.take("/events", &events(0..count));
    let file = site.file("copy");
    site.says(&[Path::new("backup"), &file]);
    Site::stop(server);
    file
}

#[test]
fn a_store_that_holds_something_or_is_in_use_is_refused_and_left_alone() {
    for site in Site::both() {
        let file = copy(&site, 20);
        let told = site.refuses(&[Path::new("restore"), &file]);
        assert!(told.contains("is not empty") && told.contains("empty store only"), "{told}");
        assert_eq!(site.ids().len(), 20);
        let other = site.like();
        let server = other.start();
        let told = other.refuses(&[Path::new("restore"), &file]);
        assert!(told.contains("in use"), "{told}");
        Site::stop(server);
        // a store that never held anything is as good as none
        other.says(&[Path::new("restore"), &file]);
        assert_eq!(other.ids().len(), 20);
    }
}

#[test]
fn a_damaged_copy_and_one_of_another_kind_are_refused_before_anything_is_written() {
    let mut files = Vec::new();
    for site in Site::both() {
        let file = copy(&site, 900);
        let whole = std::fs::read(&file).unwrap();
        let other = site.like();
        for damage in ["cut", "changed", "empty", "noise"] {
            let mut bytes = whole.clone();
            match damage {
                "cut" => bytes.truncate(whole.len() * 2 / 3),
                "changed" => {
                    bytes.iter_mut().skip(whole.len() / 2).step_by(901).take(40).for_each(|byte| *byte ^= 1);
                }
                "empty" => bytes.clear(),
                _ => bytes.fill(0x5a),
            }
            let broken = site.file("broken");
            std::fs::write(&broken, bytes).unwrap();
            let told = other.refuses(&[Path::new("restore"), &broken]);
            assert!(told.contains("broken"), "{damage}: {told}");
            assert_eq!(other.ids().len(), 0, "{damage}");
        }
        // the check takes what was not damaged
        other.says(&[Path::new("restore"), &file]);
        assert_eq!(other.ids().len(), 900);
        files.push((site, file));
    }
    if let [(sqlite, of_sqlite), (postgres, of_postgres)] = &files[..] {
        for (site, file) in [(sqlite, of_postgres), (postgres, of_sqlite)] {
            let told = site.like().refuses(&[Path::new("restore"), file]);
            assert!(told.contains("vibetea-server export"), "{told}");
        }
    }
}

#[test]
fn what_was_revoked_after_the_copy_is_good_again_and_a_sentence_says_so() {
    for site in Site::both() {
        let none = copy(&site, 20);
        let server = site.start();
        let issued = site.says(&["tokens", "create", "--name", "wall"]);
        site.says(&["sources", "add", "attic", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="]);
        let file = site.file("with-a-token");
        site.says(&[Path::new("backup"), &file]);
        site.says(&["tokens", "revoke", "wall"]);
        site.says(&["sources", "revoke", "attic"]);
        let status =
            || answers::get(loopback(site.place.port), "/api/v1/viewer", &bearer(&issued)).unwrap().status;
        assert_eq!(status(), 401);
        Site::stop(server);
        site.wipe();
        let ended = site.command(&[Path::new("restore"), &file]);
        assert!(ended.status.success(), "{}", ended.stderr);
        for word in ["the tokens 'wall'", "the sources 'attic'", "tokens revoke", "sources revoke"] {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        // it is as the sentence says, and so is the remedy
        let server = site.start();
        assert_eq!(status(), 200);
        site.says(&["tokens", "revoke", "wall"]);
        assert_eq!(status(), 401);
        Site::stop(server);
        // where the copy admits nobody there is nothing to say
        let ended = site.like().command(&[Path::new("restore"), &none]);
        assert!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr);
    }
}

/// Whether a viewer that has seen this event last is told that what follows is another stream.
fn is_reset(site: &Site, last: &str, next: u64) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let more = format!("&last_event_id={last}");
        let mut viewer = Viewer::open(loopback(site.place.port), TOKEN, &more).await;
        site.take("/events", &events(next..next + 1));
        loop {
            let frame: Value = viewer.next(SOON).await;
            if frame["id"] == id(next) {
                return false;
            }
            if frame.get("id").is_none() {
                return true;
            }
        }
    })
}

#[test]
fn viewers_that_have_seen_more_than_a_restored_store_holds_are_told_to_begin_anew() {
    for site in Site::both() {
        let file = copy(&site, 20);
        let server = site.start();
        // what comes after the copy is lost with the store
        site.take("/events", &events(20..40));
        Site::stop(server);
        site.wipe();
        site.says(&[Path::new("restore"), &file]);
        let server = site.start();
        // other events take the places of those that are lost
        site.take("/events", &events(100..130));
        assert!(is_reset(&site, &id(39), 200), "silence instead of a reset");
        assert!(!is_reset(&site, &id(19), 201), "a reset for a place that is known");
        Site::stop(server);
    }
}
