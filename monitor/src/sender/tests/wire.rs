use vibetea_protocol::signing::{BodySignature, PublicKey};

use super::server::{Server, status};
use super::*;

#[tokio::test]
async fn a_live_event_goes_out_signed_as_the_contract_says() {
    let server = Server::accepting().await;
    let disk = Disk::new();
    let running = Plan::to(&server).start(&disk.outbox);
    disk.put(7..8, Needs::Live);
    eventually("the event", || server.store().len() == 1).await;
    eventually("the acknowledgement", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;

    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!(request.path, "/events");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["x-source-id"], "test-source");
    let signature = BodySignature::from_base64(&request.headers["x-signature"]).unwrap();
    assert!(PublicKey::of(&key()).verifies(&request.body, &signature));
    let mut other = request.body.clone();
    *other.last_mut().unwrap() = b' ';
    assert!(!PublicKey::of(&key()).verifies(&other, &signature));
    insta::assert_snapshot!(
        String::from_utf8(request.body.clone()).unwrap(),
        @r#"[{"id":"evt_00000000000000000007","source":"test-source","timestamp":"2026-09-21T14:13:20.000Z","type":"activity","payload":{"sessionId":"00000000-0000-4000-8000-000000000000"}}]"#
    );
}

#[tokio::test]
async fn a_batch_spells_the_type_as_the_hosted_side_does() {
    let server = Server::accepting().await;
    let disk = Disk::with(3, Needs::Batch);
    let _running = Plan::to(&server).start(&disk.outbox);
    eventually("the batch", || server.store().len() == 3).await;
    let requests = server.requests();
    assert_eq!(requests[0].path, "/ingest");
    for event in requests[0].events() {
        assert_eq!(event["eventType"], "activity");
        assert_eq!(event.get("type"), None);
    }
}

#[tokio::test]
async fn bodies_stay_below_the_limit_and_hold_a_thousand_events_at_most() {
    let server = Server::accepting().await;
    let disk = Disk::with(2300, Needs::Batch);
    let large = format!(r#"{{"sessionId":"{}"}}"#, "x".repeat(16_000));
    for number in 5000..5200 {
        disk.outbox.put(number, &large, Needs::Batch).unwrap();
    }
    let plan = Plan::to(&server);
    let _running = plan.start(&disk.outbox);
    eventually("all events", || server.store().len() == 2500).await;
    for request in server.requests() {
        assert!(request.body.len() <= crate::sender::MAX_BODY, "{}", request.body.len());
        assert!(request.events().len() <= 1000);
    }
    assert!(server.requests().len() <= 8, "{}", server.requests().len());
    assert_eq!(server.store().duplicates(), 0);
}

#[tokio::test]
async fn every_answer_of_the_200s_is_success() {
    for code in [200, 201, 202, 204] {
        let server = Server::start(move |request, store| {
            store.commit(request);
            status(code)
        })
        .await;
        let disk = Disk::with(1, Needs::Live);
        let running = Plan::to(&server).start(&disk.outbox);
        eventually("the acknowledgement", || disk.waiting(Destination::Live) == 0).await;
        running.stop().await;
        assert_eq!(server.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_connection_is_kept() {
    let server = Server::accepting().await;
    let disk = Disk::new();
    let _running = Plan::to(&server).start(&disk.outbox);
    for number in 0..20 {
        disk.put(number..number + 1, Needs::Live);
        eventually("the event", || disk.waiting(Destination::Live) == 0).await;
    }
    assert_eq!(server.requests().len(), 20);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_live_acknowledgement_is_enough_for_both_destinations_of_one_origin() {
    let server = Server::accepting().await;
    let disk = Disk::with(5, Needs::Both);
    let mut plan = Plan::to(&server);
    plan.hosted = Some(format!("{}/functions/v1", server.url()));
    plan.interval = Duration::from_hours(1);
    let running = plan.start(&disk.outbox);
    eventually("both needs", || disk.waiting(Destination::Batch) == 0).await;
    disk.put(10..11, Needs::Batch);
    // sends what waits for the interval
    running.stop().await;
    let batches: Vec<_> =
        server.requests().into_iter().filter(|request| request.path == "/functions/v1/ingest").collect();
    assert_eq!(batches.iter().flat_map(server::Request::numbers).collect::<Vec<_>>(), [10]);
}

#[tokio::test]
async fn two_origins_both_get_every_event() {
    let (live, hosted) = (Server::accepting().await, Server::accepting().await);
    let disk = Disk::with(5, Needs::Both);
    let mut plan = Plan::to(&live);
    plan.hosted = Some(hosted.url());
    plan.interval = Duration::from_millis(50);
    let _running = plan.start(&disk.outbox);
    eventually("both stores", || live.store().len() == 5 && hosted.store().len() == 5).await;
}
