//! Copies that are made while events stream in hold everything that was acknowledged before they were begun.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::TOKEN;
use vibetea_tests::program::loopback;
use vibetea_tests::wait::until_so;

use super::Site;
use super::site::{LONG, events, id};
use crate::crash::is_soak;

/// The key of a source that is registered.
const ATTIC: &str = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

/// Makes a copy in a file; answers what was said of it.
type Copy = fn(&Site, &Path) -> String;

fn by_command(site: &Site, file: &Path) -> String {
    let said = site.says(&[Path::new("backup"), file]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    said
}

/// Ends the stream of events, also where something fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Who may send and who may watch, without when they last did.
fn admitted(site: &Site) -> Vec<Value> {
    let list = |what| -> Value { serde_json::from_str(&site.says(&[what, "list", "--json"])).unwrap() };
    let (mut sources, mut tokens) = (list("sources"), list("tokens"));
    let sources = sources["sources"].as_array_mut().unwrap();
    let tokens = tokens["tokens"].as_array_mut().unwrap();
    let all = sources.iter_mut().chain(tokens).map(|entry| {
        let fields = entry.as_object_mut().unwrap();
        fields.retain(|name, _| !name.starts_with("last") && name != "version");
        entry.take()
    });
    all.collect()
}

/// Copies again and again while events come, and restores each copy elsewhere; what was missing in the first bad one.
fn lost_in_copies(site: &Site, copy: Copy) -> Vec<String> {
    let server = site.start();
    site.says(&["tokens", "create", "--name", "wall", "--source", "attic", "--expires", "90d"]);
    site.says(&["tokens", "create", "--name", "root", "--admin"]);
    site.says(&["sources", "add", "attic", ATTIC]);
    let acknowledged = Mutex::new(BTreeSet::new());
    let over = AtomicBool::new(false);
    let lost = std::thread::scope(|scope| {
        let _end = End(&over);
        scope.spawn(|| {
            let mut first = 0;
            while !over.load(Ordering::Relaxed) {
                let path = ["/ingest", "/events"][usize::from(first % 200 == 0)];
                site.take(path, &events(first..first + 20));
                acknowledged.lock().unwrap().extend((first..first + 20).map(id));
                first += 20;
            }
        });
        let found = (0..if is_soak() { 40 } else { 3 }).find_map(|round| {
            let enough = 200 * (round + 1);
            until_so(LONG, "events are acknowledged", || acknowledged.lock().unwrap().len() > enough);
            let before = acknowledged.lock().unwrap().clone();
            let file = site.file(&format!("copy-{round}"));
            let said = copy(site, &file);
            let lost = missing(site, &file, &said, &before);
            (!lost.is_empty()).then_some(lost)
        });
        found.unwrap_or_default()
    });
    Site::stop(server);
    lost
}

/// Restores a copy elsewhere; answers what of these events is not in it.
fn missing(site: &Site, file: &Path, said: &str, before: &BTreeSet<String>) -> Vec<String> {
    let other = site.like();
    let restored = other.says(&[Path::new("restore"), file]);
    if !said.is_empty() {
        assert_eq!(restored, said);
    }
    assert_eq!(other.says(&["digest"]), restored);
    let found = other.ids();
    let different: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(found.len(), different.len(), "an event stands twice in a copy");
    // it goes on from there: counts hold, and what comes again is known
    let server = other.start();
    let told = other.says(&["doctor"]);
    for line in ["integrity", "counts", "schema"] {
        let passes = told
            .lines()
            .any(|told| !told.starts_with("fail") && !told.starts_with("warn") && told.contains(line));
        assert!(passes, "{told}");
    }
    let again = other.take("/ingest", &events(0..40));
    assert_eq!(again.json()["inserted"], 0, "{again:?}");
    other.take("/events", &events(90_000_000..90_000_002));
    assert_eq!(other.ids().len(), found.len() + 2);
    Site::stop(server);
    let (theirs, ours) = (admitted(&other), admitted(site));
    assert_eq!(ours.len(), 4, "{ours:?}");
    let strangers =
        ours.iter().filter(|entry| !theirs.contains(entry)).map(|entry| entry["name"].to_string());
    before.difference(&different).cloned().chain(strangers).collect()
}

#[test]
fn a_copy_holds_what_was_acknowledged_before_it_was_begun() {
    for site in Site::both() {
        assert_eq!(lost_in_copies(&site, by_command), [] as [String; 0]);
    }
}

/// Planted bug: the file is copied without its log.
#[test]
fn a_copy_without_the_log_is_seen_by_the_check() {
    let plain: Copy = |site, file| {
        std::fs::copy(site.place.database(), file).unwrap();
        String::new()
    };
    // a file whose schema is still in the log alone is no store at all
    let lost = std::panic::catch_unwind(|| lost_in_copies(&Site::sqlite(), plain));
    assert!(lost.is_err() || !lost.unwrap().is_empty());
}

/// Which of the texts stand anywhere in a file.
fn held<'a>(file: &Path, texts: &[&'a str]) -> Vec<&'a str> {
    let bytes = std::fs::read(file).unwrap();
    let is_held = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    texts.iter().filter(is_held).copied().collect()
}

#[test]
fn no_token_and_no_code_is_in_a_copy() {
    for site in Site::both() {
        let server = site.start();
        let token = site.says(&["tokens", "create", "--name", "wall screen"]);
        let line = site.says(&["enroll", "attic"]);
        let (_, code) = line.split_once("--code ").unwrap();
        let code = code.split_whitespace().next().unwrap();
        assert!(token.starts_with("vt_") && code.len() == 9, "{token} {code}");
        // one that was shown is no other than before
        let viewed = answers::get(loopback(site.place.port), "/api/v1/totals", &bearer(&token)).unwrap();
        assert_eq!(viewed.status, 200);
        site.take("/ingest", &events(0..20));
        let file = site.file("copy");
        by_command(&site, &file);
        Site::stop(server);
        let without_dash = code.replace('-', "");
        let secrets = [TOKEN, &token, &token[3..], code, &without_dash];
        assert_eq!(held(&file, &secrets), [] as [&str; 0]);
        // the twin: what the copy does hold is found by the same search
        assert_eq!(held(&file, &["wall screen", "attic", &id(7)[4..]]).len(), 3);
    }
}

/// Planted bug: a token is left out.
#[test]
fn a_copy_without_a_token_is_seen_by_the_check() {
    let careless: Copy = |site, file| {
        by_command(site, file);
        rusqlite::Connection::open(file)
            .unwrap()
            .execute("DELETE FROM viewer_token WHERE name = 'wall'", [])
            .unwrap();
        String::new()
    };
    assert_eq!(lost_in_copies(&Site::sqlite(), careless), ["\"wall\""]);
}

/// Planted bug: the tables of a database are copied one after the other, each at its own moment.
#[test]
fn a_copy_of_two_moments_is_seen_by_the_check() {
    let Some(site) = Site::postgres() else { return };
    let torn: Copy = |site, file| {
        let (early, late) = (file.with_extension("early"), file.with_extension("late"));
        by_command(site, &early);
        let stored = site.ids().len();
        until_so(LONG, "more events are stored", || site.ids().len() > stored + 100);
        by_command(site, &late);
        std::fs::write(file, joined(&early, &late)).unwrap();
        String::new()
    };
    assert!(std::panic::catch_unwind(|| lost_in_copies(&site, torn)).is_err());
}

/// The later copy with the events of the earlier one, which is as whole as any to who only looks at its bytes.
fn joined(early: &Path, late: &Path) -> String {
    const EVENTS: &str = "{\"table\":\"public.events\"";
    const END: &str = "\n\\.\n";
    let parts = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let begin = text.find(EVENTS).unwrap();
        let end = begin + text[begin..].find(END).unwrap() + END.len();
        let foot = text[..text.len() - 1].rfind('\n').unwrap() + 1;
        [&text[..begin], &text[begin..end], &text[end..foot]].map(str::to_owned)
    };
    let ([_, events, _], [before, _, after]) = (parts(early), parts(late));
    let body = before + &events + &after;
    let hash = Sha256::digest(&body).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("{body}{{\"sha256\":\"{hash}\"}}\n")
}

#[test]
fn nothing_is_written_over_and_a_store_that_is_not_there_is_not_made() {
    for site in Site::both() {
        if site.is_sqlite() {
            let told = site.refuses(&[Path::new("backup"), &site.file("none")]);
            assert!(told.contains("there is no database"), "{told}");
            assert!(!site.place.database().exists());
        }
        let server = site.start();
        site.take("/ingest", &events(0..20));
        let file = site.file("mine");
        std::fs::write(&file, "mine").unwrap();
        let told = site.refuses(&[Path::new("backup"), &file]);
        assert!(told.contains("exists already"), "{told}");
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
        let told = site.refuses(&[Path::new("backup"), &site.file("no/such/folder")]);
        assert!(told.contains("cannot be written"), "{told}");
        Site::stop(server);
    }
}
