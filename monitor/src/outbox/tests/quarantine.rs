//! What a person does with events that were set aside, beside a running monitor and without one.

use super::*;

/// A store in which these events were set aside for the batch destination; the even ones still wait for the live one.
fn with_set_aside(numbers: &[u64]) -> (tempfile::TempDir, Outbox) {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    for number in numbers {
        let needs = if number % 2 == 0 { Needs::Both } else { Needs::Batch };
        outbox.put(*number, &format!(r#"{{"n":{number}}}"#), needs).unwrap();
    }
    for seq in seqs(&outbox, Destination::Batch) {
        outbox.quarantine(Destination::Batch, seq, "400 invalid_event").unwrap();
    }
    (folder, outbox)
}

fn listed(folder: &Path) -> Vec<EventId> {
    Quarantine::open(folder).unwrap().list().unwrap().into_iter().map(|event| event.id).collect()
}

#[test]
fn what_was_set_aside_is_listed_with_its_reason() {
    let (folder, _outbox) = with_set_aside(&[1, 2]);
    let quarantine = Quarantine::open(folder.path()).unwrap();
    assert!(quarantine.is_running());
    let events = quarantine.list().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!((events[0].id, events[0].destination), (numbered_id(1), Destination::Batch));
    assert_eq!((events[0].reason.as_str(), events[0].payload.as_str()), ("400 invalid_event", r#"{"n":1}"#));
}

#[test]
fn a_retry_beside_a_running_monitor_is_noticed_by_it() {
    let (folder, outbox) = with_set_aside(&[1, 2, 3, 4]);
    let added = outbox.subscribe(Destination::Batch);
    assert_eq!(depths(&outbox), [2, 0]);
    assert!(!outbox.notice_others().unwrap(), "nobody else has written");

    let mut beside = Quarantine::open(folder.path()).unwrap();
    assert_eq!(beside.retry(Selection::Ids(&[numbered_id(3), numbered_id(2)])).unwrap(), 2);
    assert_eq!(listed(folder.path()), [numbered_id(1), numbered_id(4)]);
    // planted bug: a monitor that does not look keeps its old counts and sleeps on
    assert_eq!(depths(&outbox), [2, 0]);
    assert!(!added.has_changed().unwrap());

    assert!(outbox.notice_others().unwrap());
    assert!(added.has_changed().unwrap());
    assert_eq!(depths(&outbox), [2, 2]);
    assert!(!outbox.notice_others().unwrap());
    let waiting = outbox.pending(Destination::Batch, 10, usize::MAX).unwrap();
    let waiting: Vec<_> = waiting.iter().map(|event| (event.id, event.payload.as_str())).collect();
    assert_eq!(waiting, [(numbered_id(2), r#"{"n":2}"#), (numbered_id(3), r#"{"n":3}"#)]);

    outbox.acknowledge(Destination::Batch, &seqs(&outbox, Destination::Batch), false).unwrap();
    outbox.acknowledge(Destination::Live, &seqs(&outbox, Destination::Live), false).unwrap();
    assert_eq!((depths(&outbox), outbox.bytes()), ([0, 0], 0), "counts and rows agree to the end");
    let counters = Outbox::status(folder.path()).unwrap().counters;
    assert_eq!(counters.get("retried_batch"), Some(&2));
}

#[test]
fn events_that_were_put_back_survive_the_check_of_the_next_start() {
    let (folder, outbox) = with_set_aside(&[1, 2, 3]);
    drop(outbox);
    let mut quarantine = Quarantine::open(folder.path()).unwrap();
    assert!(!quarantine.is_running());
    assert_eq!(quarantine.retry(Selection::All).unwrap(), 3);
    drop(quarantine);
    let outbox = open(folder.path());
    assert_eq!(depths(&outbox), [1, 3]);
    assert_eq!(listed(folder.path()), []);
}

#[test]
fn an_event_that_is_refused_again_is_set_aside_again() {
    let (folder, outbox) = with_set_aside(&[1]);
    Quarantine::open(folder.path()).unwrap().retry(Selection::All).unwrap();
    outbox.notice_others().unwrap();
    let seq = seqs(&outbox, Destination::Batch)[0];
    outbox.quarantine(Destination::Batch, seq, "422 invalid_event_type").unwrap();
    let events = Quarantine::open(folder.path()).unwrap().list().unwrap();
    assert_eq!(
        events.iter().map(|event| event.reason.as_str()).collect::<Vec<_>>(),
        ["422 invalid_event_type"]
    );
}

#[test]
fn what_is_dropped_is_gone_and_counted_and_an_unknown_id_changes_nothing() {
    let (folder, _outbox) = with_set_aside(&[1, 2, 3]);
    let mut quarantine = Quarantine::open(folder.path()).unwrap();
    let error = quarantine.discard(Selection::Ids(&[numbered_id(1), numbered_id(9)])).unwrap_err();
    assert!(error.to_string().contains("evt_00000000000000000009"), "{error}");
    assert_eq!(listed(folder.path()).len(), 3);
    assert_eq!(quarantine.discard(Selection::Ids(&[numbered_id(1)])).unwrap(), 1);
    assert_eq!(quarantine.discard(Selection::All).unwrap(), 2);
    assert_eq!(quarantine.discard(Selection::All).unwrap(), 0);
    let status = Outbox::status(folder.path()).unwrap();
    assert_eq!((status.batch.quarantined, status.counters.get("discarded_batch")), (0, Some(&3)));
}

/// Refuses some more events than are kept; how many of all that were ever set aside are neither there nor counted as
/// given up.
fn unaccounted(harm: impl FnOnce(&Connection)) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    let store = Connection::open(folder.path().join("outbox.db")).unwrap();
    let fill = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
                INSERT INTO quarantine SELECT printf('%020d', n), 1, 0, 1, '{}', '400 invalid_event', 0 FROM number";
    store.execute(fill, [MOST_SET_ASIDE.cast_signed()]).unwrap();
    for number in 1..=3 {
        outbox.put(20_000 + number, "{}", Needs::Live).unwrap();
        outbox
            .quarantine(Destination::Live, seqs(&outbox, Destination::Live)[0], "400 invalid_event")
            .unwrap();
    }
    harm(&store);
    let status = Outbox::status(folder.path()).unwrap();
    assert_eq!(status.live.quarantined, 3, "the newest are kept");
    assert_eq!(status.live.quarantined + status.batch.quarantined, MOST_SET_ASIDE);
    MOST_SET_ASIDE - status.batch.quarantined - status.batch.given_up
}

#[test]
fn what_is_given_up_for_newer_ones_is_counted() {
    assert_eq!(unaccounted(|_| {}), 0);
    // planted bug: a store that does not count them
    let uncounted = |store: &Connection| {
        assert_eq!(store.execute("DELETE FROM counter WHERE name LIKE 'dropped%'", []).unwrap(), 1);
    };
    assert_eq!(unaccounted(uncounted), 3);
}

#[test]
fn a_folder_without_a_store_has_nothing_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Quarantine::open(folder.path()), Err(OutboxError::Missing { .. })));
}
