use std::sync::atomic::{AtomicBool, Ordering};

use super::server::{Reply, Server, refusal, status};
use super::*;
use crate::heard::Log;
use crate::outbox::DeliveryState;

#[tokio::test]
async fn a_monitor_that_is_not_registered_keeps_everything_and_delivers_once_it_is() {
    for (code, word) in [(401, "unknown_source"), (403, "forbidden"), (401, "invalid_signature")] {
        let registered = Arc::new(AtomicBool::new(false));
        let server = {
            let registered = registered.clone();
            Server::start(move |request, store| {
                if !registered.load(Ordering::SeqCst) {
                    return refusal(code, word);
                }
                store.commit(request);
                status(202)
            })
            .await
        };
        let disk = Disk::with(20, Needs::Live);
        let running = Plan::to(&server).start(&disk.outbox);
        eventually("several attempts", || server.requests().len() >= 4).await;
        let report = disk.status().live.report.unwrap();
        assert_eq!(report.state, DeliveryState::Refused);
        assert_eq!(report.error, Some(format!("{code} {word}")));
        assert_eq!(disk.waiting(Destination::Live), 20);

        registered.store(true, Ordering::SeqCst);
        eventually("all events", || server.store().len() == 20).await;
        running.stop().await;
        let status = disk.status().live;
        assert_eq!(status.report.unwrap().state, DeliveryState::Delivering);
        assert_eq!(status.quarantined, 0);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for code in [301, 302, 307, 308] {
        let other = Server::accepting().await;
        let header: &'static str = format!("location: {}/events\r\n", other.url()).leak();
        let server = Server::start(move |_, _| Reply::Answer(code, header, String::new())).await;
        let disk = Disk::with(3, Needs::Live);
        let running = Plan::to(&server).start(&disk.outbox);
        eventually("several attempts", || server.requests().len() >= 4).await;
        running.stop().await;
        assert_eq!(other.connections(), 0, "{code}");
        assert_eq!(disk.waiting(Destination::Live), 3);
        // the check can see a client that does follow
        let follower = reqwest::Client::builder().no_proxy().build().unwrap();
        let _ = follower.post(server.url()).body("[]").send().await;
        assert_ne!(other.connections(), 0);
    }
}

/// Lets a server without a batch route answer with `reply`; answers how many requests it took to believe it.
async fn attempts_until_history_is_given_up(reply: Reply) -> usize {
    let server = Server::start(move |request, store| {
        if request.path == "/ingest" {
            return reply.clone();
        }
        store.commit(request);
        status(202)
    })
    .await;
    let disk = Disk::with(40, Needs::Batch);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("history given up", || disk.waiting(Destination::Batch) == 0).await;
    let attempts = server.requests().len();
    let state = || disk.status().batch.report.map(|report| report.state);
    eventually("the state", || state() == Some(DeliveryState::NoHistory)).await;
    assert_eq!(disk.status().counters["dropped_batch_no_history"], 40);
    // what comes later is given up too, and the live route is untouched
    disk.put(100..105, Needs::Batch);
    disk.put(200..205, Needs::Live);
    eventually("the later history", || disk.waiting(Destination::Batch) == 0).await;
    eventually("the live events", || server.store().len() == 5).await;
    running.stop().await;
    assert_eq!(disk.status().counters["dropped_batch_no_history"], 45);
    attempts
}

#[tokio::test]
async fn a_server_without_a_batch_route_keeps_no_history() {
    assert_eq!(attempts_until_history_is_given_up(refusal(404, "not_found")).await, 1);
    // without our server's own word it may be a proxy whose server is just being replaced
    assert!(attempts_until_history_is_given_up(status(404)).await >= 10);
}

/// History comes three times to a server without a batch route; how often the log says that it keeps none.
async fn said_of_history(starts: usize) -> usize {
    let server = Server::start(|_, _| refusal(404, "not_found")).await;
    let log = Log::default();
    let _heard = log.listen();
    let disk = Disk::new();
    for start in 0..starts {
        let running = Plan::to(&server).start(&disk.outbox);
        for round in 0..3 {
            let first = (start * 100 + round * 10) as u64;
            disk.put(first..first + 5, Needs::Batch);
            eventually("history given up", || disk.waiting(Destination::Batch) == 0).await;
        }
        running.stop().await;
    }
    log.lines("keeps no history")
}

#[tokio::test]
async fn that_a_server_keeps_no_history_is_said_once() {
    assert_eq!(said_of_history(1).await, 1);
    // planted bug: a sender that forgets what it has said, as a new one does
    assert_eq!(said_of_history(2).await, 2);
}

#[tokio::test]
async fn a_missing_route_of_a_named_batch_destination_is_a_wrong_url() {
    let (live, hosted) = (Server::accepting().await, Server::start(|_, _| status(404)).await);
    let disk = Disk::with(5, Needs::Batch);
    let mut plan = Plan::to(&live);
    plan.hosted = Some(hosted.url());
    plan.interval = Duration::from_millis(20);
    let running = plan.start(&disk.outbox);
    eventually("several attempts", || hosted.requests().len() >= 5).await;
    running.stop().await;
    assert_eq!(disk.waiting(Destination::Batch), 5);
    assert_eq!(disk.status().batch.report.unwrap().state, DeliveryState::Refused);
}

#[tokio::test]
async fn of_an_answer_only_its_code_word_is_kept() {
    let text = format!(r#"{{"message":"{}","error":"Some Secret"}}"#, "y".repeat(100_000));
    let server = Server::start(move |_, _| Reply::Answer(401, "", text.clone())).await;
    let disk = Disk::with(1, Needs::Live);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("a report", || disk.status().live.report.is_some()).await;
    running.stop().await;
    assert_eq!(disk.status().live.report.unwrap().error.as_deref(), Some("401"));
}
