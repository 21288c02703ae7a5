//! What the record says against what really arrived.

use super::server::{Reply, Request, Server, refusal, status};
use super::*;
use crate::audit::{AuditError, AuditReader, Entry, Verdict};
use vibetea_protocol::signing::PublicKey;

/// Every recorded request with its body.
fn recorded(plan: &Plan) -> Vec<(Entry, Vec<u8>)> {
    let reader = AuditReader::open(plan.log_folder.path()).unwrap();
    let mut found = Vec::new();
    reader
        .each(None, u64::MAX, |entry| {
            let body = reader.body(&entry)?;
            found.push((entry, body));
            Ok::<(), AuditError>(())
        })
        .unwrap();
    found
}

/// How the record differs from what the server was sent; `None` where it is the same, byte for byte.
fn difference(recorded: &[(Entry, Vec<u8>)], received: &[Request], server: &Server) -> Option<String> {
    if recorded.len() != received.len() {
        return Some(format!("{} recorded, {} received", recorded.len(), received.len()));
    }
    recorded.iter().zip(received).find_map(|((entry, body), request)| {
        let same = *body == request.body
            && entry.signature == request.headers["x-signature"]
            && entry.url == format!("{}{}", server.url(), request.path)
            && entry.events == request.events().len() as u64;
        (!same).then(|| format!("request {} is another", entry.number))
    })
}

#[tokio::test]
async fn the_record_is_what_the_server_received_byte_for_byte_whatever_it_answered() {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        match turn % 6 {
            1 => status(503),
            2 => Reply::Cut,
            3 => Reply::Silence,
            4 if request.numbers().contains(&7) => refusal(400, "invalid_event"),
            _ => {
                store.commit(request);
                status(202)
            }
        }
    })
    .await;
    let disk = Disk::with(40, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.buffer_size = 10;
    plan.timing.request = Duration::from_millis(300);
    let running = plan.start(&disk.outbox);
    eventually("an empty outbox", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;

    let (mut kept, received) = (recorded(&plan), server.requests());
    assert_eq!(difference(&kept, &received, &server), None);
    let answers: Vec<_> = kept.iter().take(3).map(|(entry, _)| entry.answer.clone().unwrap()).collect();
    assert_eq!(answers[0], "503");
    assert!(answers[1].starts_with("the connection broke"), "{answers:?}");
    assert!(answers[2].starts_with("no answer within"), "{answers:?}");
    let reader = AuditReader::open(plan.log_folder.path()).unwrap();
    let own = PublicKey::of(&key());
    assert!(kept.iter().all(|(entry, _)| reader.verify(entry, &own).unwrap() == Verdict::Sound));

    // planted bugs: a record that leaves one out, and one whose bytes are made again instead of kept
    let last = kept.pop().unwrap();
    assert!(difference(&kept, &received, &server).is_some());
    kept.push((last.0, String::from_utf8(last.1).unwrap().replace("Z\"", "+00:00\"").into_bytes()));
    assert!(difference(&kept, &received, &server).is_some());
}

#[tokio::test]
async fn attempts_that_reach_nobody_leave_nothing_in_the_record() {
    let server = Server::accepting().await;
    let disk = Disk::with(3, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.live = "http://127.0.0.1:9".to_owned();
    let running = plan.start(&disk.outbox);
    let tried = || disk.status().live.report.is_some_and(|report| report.error.is_some());
    eventually("an attempt", tried).await;
    running.stop().await;
    assert_eq!(recorded(&plan), []);
}

#[tokio::test]
async fn delivery_does_not_depend_on_the_record() {
    let server = Server::accepting().await;
    let disk = Disk::with(3, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.log = AuditLog::new(std::path::Path::new("/nowhere/at/all"));
    let running = plan.start(&disk.outbox);
    eventually("the events", || server.store().len() == 3).await;
    running.stop().await;
    assert_eq!(disk.waiting(Destination::Live), 0);
}
