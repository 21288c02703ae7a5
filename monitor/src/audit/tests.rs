use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::{PublicKey, sign_body};

use super::*;

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + second * 1_000_000).unwrap()
}

fn request(second: i64, body: &str) -> Outgoing {
    signed(1, second, body)
}

fn signed(by: u8, second: i64, body: &str) -> Outgoing {
    Outgoing {
        at: at(second),
        destination: Destination::Live,
        url: "http://127.0.0.1:8080/events".to_owned(),
        key: PublicKey::of(&key(by)).to_base64(),
        signature: sign_body(&key(by), body.as_bytes()),
        events: 2,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn entries(folder: &Path, since: Option<Timestamp>, limit: u64) -> Vec<Entry> {
    let mut found = Vec::new();
    let reader = AuditReader::open(folder).unwrap();
    reader
        .each(since, limit, |entry| {
            found.push(entry);
            Ok::<(), AuditError>(())
        })
        .unwrap();
    found
}

fn bodies(folder: &Path) -> Vec<String> {
    let reader = AuditReader::open(folder).unwrap();
    let body = |entry: &Entry| String::from_utf8(reader.body(entry).unwrap()).unwrap();
    entries(folder, None, u64::MAX).iter().map(body).collect()
}

#[test]
fn a_request_is_there_before_its_answer_and_then_with_it() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(AuditReader::open(folder.path()), Err(AuditError::Missing(_))));
    let log = AuditLog::new(folder.path());
    let number = log.begin(&request(1, "[1]")).unwrap();
    let [entry] = &entries(folder.path(), None, 10)[..] else { panic!() };
    assert_eq!((entry.at, entry.events, entry.size), (at(1), 2, 3));
    assert_eq!((entry.status, entry.answer.as_deref()), (None, None));
    log.end(number, &End::Answered(401, "401 unknown_source".to_owned()));
    let [entry] = &entries(folder.path(), None, 10)[..] else { panic!() };
    assert_eq!((entry.status, entry.answer.as_deref()), (Some(401), Some("401 unknown_source")));
}

#[test]
fn what_never_left_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::new(folder.path());
    let first = log.begin(&request(1, "[1]")).unwrap();
    let second = log.begin(&request(2, "[1]")).unwrap();
    log.end(first, &End::Silent("no answer within 30 s".to_owned()));
    log.end(second, &End::NotSent);
    let third = log.begin(&request(3, "[3]")).unwrap();
    log.end(third, &End::NotSent);
    assert_eq!(bodies(folder.path()), ["[1]"]);
    let kept: u64 = AuditReader::open(folder.path()).unwrap().counts(None).unwrap().0;
    assert_eq!(kept, 1);
}

#[test]
fn listing_is_bounded_from_the_old_side() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::new(folder.path());
    for second in 0..10 {
        log.begin(&request(second, &format!("[{second}]"))).unwrap();
    }
    let times =
        |since, limit| entries(folder.path(), since, limit).iter().map(|entry| entry.at).collect::<Vec<_>>();
    assert_eq!(times(None, 3), [at(7), at(8), at(9)]);
    assert_eq!(times(Some(at(8)), 10), [at(8), at(9)]);
}

#[test]
fn the_oldest_go_first_once_the_cap_is_reached_and_a_body_goes_with_its_last_request() {
    let folder = tempfile::tempdir().unwrap();
    let cap = 20 * ENTRY_BYTES;
    let log = AuditLog::with_cap(folder.path(), cap);
    // a body that every third request sends again
    let body = |number: i64| if number % 3 == 0 { "[again]".to_owned() } else { format!("[{number}]") };
    for number in 0..200 {
        log.begin(&request(number, &body(number))).unwrap();
    }
    let kept = entries(folder.path(), None, u64::MAX);
    assert!((15..=20).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept.last().unwrap().at, at(199));
    let first = 200 - i64::try_from(kept.len()).unwrap();
    assert_eq!(bodies(folder.path()), (first..200).map(body).collect::<Vec<_>>());
    let connection = Connection::open(folder.path().join("sent.db")).unwrap();
    assert!(stored_bytes(&connection).unwrap() <= cap);
    let alone: u64 = connection
        .query_row("SELECT count(*) FROM body WHERE sha256 NOT IN (SELECT sha256 FROM request)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(alone, 0);
    // a restart counts what is there
    drop(log);
    let log = AuditLog::with_cap(folder.path(), cap);
    log.begin(&request(200, "[200]")).unwrap();
    assert!(stored_bytes(&connection).unwrap() <= cap);
}

/// Records three requests, lets `damage` change one value, and says what a check of all of them finds.
fn verdicts(damage: &str) -> Vec<Verdict> {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::new(folder.path());
    log.begin(&request(1, "[1]")).unwrap();
    log.begin(&request(2, "[2]")).unwrap();
    log.begin(&signed(2, 3, "[3]")).unwrap();
    drop(log);
    let connection = Connection::open(folder.path().join("sent.db")).unwrap();
    assert_eq!(connection.execute(damage, []).unwrap(), 1, "{damage}");
    let reader = AuditReader::open(folder.path()).unwrap();
    let own = PublicKey::of(&key(1));
    entries(folder.path(), None, 9).iter().map(|entry| reader.verify(entry, &own).unwrap()).collect()
}

#[test]
fn a_check_finds_what_was_changed_afterwards() {
    use Verdict::{OtherKey, Sound, WrongHash, WrongSignature};
    assert_eq!(verdicts("UPDATE request SET at = at WHERE number = 2"), [Sound, Sound, OtherKey]);
    let second = "WHERE sha256 = (SELECT sha256 FROM request WHERE number = 2)";
    for (damage, verdict) in [
        (format!("UPDATE body SET compressed = x'305b395d' {second}"), WrongHash),
        (format!("UPDATE body SET compressed = x'ff' {second}"), WrongHash),
        (format!("DELETE FROM body {second}"), WrongHash),
        (format!("UPDATE body SET size = 1000000000 {second}"), WrongHash),
        ("UPDATE request SET signature = (SELECT signature FROM request WHERE number = 1) WHERE number = 2".to_owned(), WrongSignature),
        ("UPDATE request SET signature = 'none' WHERE number = 2".to_owned(), WrongSignature),
        ("UPDATE request SET sha256 = (SELECT sha256 FROM request WHERE number = 1) WHERE number = 2".to_owned(), WrongSignature),
    ] {
        assert_eq!(verdicts(&damage), [Sound, verdict, OtherKey], "{damage}");
    }
}

#[test]
fn a_record_that_cannot_be_written_is_counted_and_one_that_is_damaged_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let log = AuditLog::new(&state);
    // the folder is not there
    assert_eq!(log.begin(&request(1, "[1]")), None);
    assert_eq!(log.begin(&request(2, "[2]")), None);
    std::fs::create_dir(&state).unwrap();
    assert!(log.begin(&request(3, "[3]")).is_some());
    assert_eq!(AuditReader::open(&state).unwrap().counts(None).unwrap(), (1, 2));
    drop(log);

    std::fs::write(state.join("sent.db"), "no record, but long enough to look like one ".repeat(100))
        .unwrap();
    let log = AuditLog::new(&state);
    assert!(log.begin(&request(4, "[4]")).is_some());
    assert_eq!(bodies(&state), ["[4]"]);
    assert!(state.join("sent.db.corrupt").is_file());
}

#[cfg(unix)]
#[test]
fn the_record_is_private_and_does_not_wait_for_the_disk() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::new(folder.path());
    log.begin(&request(1, "[1]")).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let state = log.shared.state.lock().unwrap();
    let connection = &state.open.as_ref().unwrap().connection;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    // NORMAL: in WAL mode the disk is waited for at checkpoints only
    assert_eq!(pragma("synchronous"), 1);
}

#[test]
fn a_newer_record_is_left_alone_and_delivery_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    AuditLog::new(folder.path()).begin(&request(1, "[1]")).unwrap();
    let newer = Connection::open(folder.path().join("sent.db")).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    assert_eq!(AuditLog::new(folder.path()).begin(&request(2, "[2]")), None);
    assert!(matches!(AuditReader::open(folder.path()), Err(AuditError::Newer(_))));
    newer.pragma_update(None, "user_version", 1).unwrap();
    assert_eq!(bodies(folder.path()), ["[1]"]);
}
