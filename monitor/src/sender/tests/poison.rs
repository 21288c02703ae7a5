use super::broken::Sweeping;
use super::server::{Reply, Server, refusal, status};
use super::*;

/// A server that refuses, all or nothing, whatever holds one of these events.
async fn server_that_refuses(poison: &'static [u64], code: u16) -> Server {
    Server::start(move |request, store| {
        if request.numbers().iter().any(|number| poison.contains(number)) {
            return refusal(code, "invalid_event");
        }
        store.commit(request);
        status(200)
    })
    .await
}

#[tokio::test]
async fn one_poison_event_among_500_is_isolated_and_the_rest_delivered_once() {
    for (poison, code, needs, destination) in [
        (&[0u64], 400, Needs::Batch, Destination::Batch),
        (&[499], 422, Needs::Batch, Destination::Batch),
        (&[137], 400, Needs::Live, Destination::Live),
        (&[256], 422, Needs::Live, Destination::Live),
    ] {
        let server = server_that_refuses(poison, code).await;
        let disk = Disk::with(500, needs);
        let running = Plan::to(&server).start(&disk.outbox);
        eventually("an empty outbox", || disk.waiting(destination) == 0).await;
        // the queue is not blocked afterwards
        disk.put(1000..1001, needs);
        eventually("a later event", || server.store().numbers().contains(&1000)).await;
        running.stop().await;

        assert_eq!(server.store().len(), 500);
        assert_eq!(server.store().duplicates(), 0);
        let status = disk.status();
        let delivery = if destination == Destination::Live { status.live } else { status.batch };
        assert_eq!(delivery.quarantined, 1);
        let requests = server.requests();
        // the first request, log2(500) + 1 to find it, what stands behind it, the later event
        assert!(requests.len() <= 1 + 9 + 1 + 1, "{} requests for {poison:?}", requests.len());
    }
}

#[tokio::test]
async fn a_sender_that_drops_what_it_was_sending_is_seen_by_the_check() {
    let server = server_that_refuses(&[137], 400).await;
    let disk = Disk::with(500, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.buffer_size = 100;
    let running = plan.start(&Sweeping(disk.outbox.clone()));
    eventually("an empty outbox", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;
    assert_ne!(server.store().len(), 499);
}

#[tokio::test]
async fn several_poison_events_are_all_found() {
    let server = server_that_refuses(&[3, 4, 5, 77, 199], 400).await;
    let disk = Disk::with(200, Needs::Batch);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("an empty outbox", || disk.waiting(Destination::Batch) == 0).await;
    running.stop().await;
    assert_eq!(server.store().len(), 195);
    assert_eq!(server.store().duplicates(), 0);
    assert_eq!(disk.status().batch.quarantined, 5);
}

#[tokio::test]
async fn the_search_outlasts_faults_and_goes_on_where_it_was() {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn % 2 == 0 {
            return if turn % 4 == 0 { status(503) } else { Reply::Cut };
        }
        if request.numbers().contains(&321) {
            return refusal(422, "invalid_event_type");
        }
        store.commit(request);
        status(200)
    })
    .await;
    let disk = Disk::with(500, Needs::Batch);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("an empty outbox", || disk.waiting(Destination::Batch) == 0).await;
    running.stop().await;
    assert_eq!(server.store().len(), 499);
    assert_eq!(server.store().duplicates(), 0);
    assert!(server.requests().len() <= 2 * 11, "{}", server.requests().len());
}

#[tokio::test]
async fn a_single_refusal_for_nothing_costs_no_event() {
    for count in [1, 2, 50] {
        let mut turn = 0;
        let server = Server::start(move |request, store| {
            turn += 1;
            if turn == 1 {
                return status(400);
            }
            store.commit(request);
            status(200)
        })
        .await;
        let disk = Disk::with(count, Needs::Live);
        let running = Plan::to(&server).start(&disk.outbox);
        eventually("an empty outbox", || disk.waiting(Destination::Live) == 0).await;
        running.stop().await;
        assert_eq!(server.store().len() as u64, count);
        assert_eq!(disk.status().live.quarantined, 0);
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_does_not_empty_the_outbox() {
    let server = Server::start(|_, _| status(400)).await;
    let disk = Disk::with(200, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.timing.refused = Duration::from_secs(10);
    let running = plan.start(&disk.outbox);
    eventually("a halt", || {
        disk.status().live.report.is_some_and(|report| report.error.as_deref() == Some("400"))
    })
    .await;
    running.stop().await;
    assert_eq!(disk.status().live.quarantined, 10);
    assert_eq!(disk.waiting(Destination::Live), 190);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_halved() {
    let server = Server::start(|request, store| {
        if request.body.len() > 20_000 {
            return status(413);
        }
        store.commit(request);
        status(200)
    })
    .await;
    let disk = Disk::with(1000, Needs::Batch);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("all events", || server.store().len() == 1000).await;
    running.stop().await;
    assert_eq!(server.store().duplicates(), 0);
    assert_eq!(disk.status().batch.quarantined, 0);
    let refused = server.requests().iter().filter(|request| request.body.len() > 20_000).count();
    assert!(refused <= 10, "{refused} of {} were too large", server.requests().len());
}

#[tokio::test]
async fn an_event_that_is_too_large_alone_is_set_aside() {
    let server = Server::start(|request, store| {
        if request.body.len() > 10_000 {
            return refusal(413, "payload_too_large");
        }
        store.commit(request);
        status(200)
    })
    .await;
    let disk = Disk::with(20, Needs::Batch);
    disk.outbox.put(500, &format!(r#"{{"sessionId":"{}"}}"#, "x".repeat(12_000)), Needs::Batch).unwrap();
    disk.put(600..620, Needs::Batch);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("an empty outbox", || disk.waiting(Destination::Batch) == 0).await;
    running.stop().await;
    assert_eq!(server.store().len(), 40);
    assert_eq!(disk.status().batch.quarantined, 1);
}
