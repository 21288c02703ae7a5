use super::broken::{Damaged, Forgetful, FullDisk, Hasty};
use super::server::{Reply, Server, status};
use super::*;
use crate::outbox::DeliveryState;

const CUTS_PER_REQUEST: usize = 26;

/// How many events go through the cuts; a thousand cuts after the commit in the long form.
fn events_through_cuts() -> u64 {
    if is_soak() { 126 } else { 30 }
}

/// Sends events, three to a request, through a proxy that cuts most connections after the server has committed and
/// before it answers, and some before the server has the request. Answers what the server has in the end.
async fn stored_through_cuts<Q: Queue + Sync>(queue: impl FnOnce(Outbox) -> Q) -> Vec<u64> {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn % CUTS_PER_REQUEST == 1 {
            return Reply::Cut;
        }
        store.commit(request);
        if turn % CUTS_PER_REQUEST == 0 { status(202) } else { Reply::Cut }
    })
    .await;
    let disk = Disk::with(events_through_cuts(), Needs::Live);
    let mut plan = Plan::to(&server);
    plan.buffer_size = 3;
    plan.timing.backoff_base = Duration::from_millis(1);
    plan.timing.backoff_cap = Duration::from_millis(1);
    let running = plan.start(&queue(disk.outbox.clone()));
    eventually("an empty outbox", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;
    server.store().numbers()
}

#[tokio::test]
async fn connections_cut_before_and_after_the_commit_lose_nothing() {
    assert_eq!(stored_through_cuts(|outbox| outbox).await, (0..events_through_cuts()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_outbox_that_acknowledges_before_the_answer_is_caught() {
    assert_ne!(stored_through_cuts(Hasty).await, (0..events_through_cuts()).collect::<Vec<_>>());
}

/// Sends three chunks of which the second fails at first; answers how many events came twice.
async fn duplicates_when_the_second_chunk_fails<Q: Queue + Sync>(queue: impl FnOnce(Outbox) -> Q) -> usize {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn == 2 {
            return status(503);
        }
        store.commit(request);
        status(200)
    })
    .await;
    let disk = Disk::with(30, Needs::Batch);
    let mut plan = Plan::to(&server);
    plan.buffer_size = 10;
    let running = plan.start(&queue(disk.outbox.clone()));
    eventually("an empty outbox", || disk.waiting(Destination::Batch) == 0).await;
    running.stop().await;
    assert_eq!(server.store().len(), 30);
    server.store().duplicates()
}

#[tokio::test]
async fn a_chunk_that_was_acknowledged_is_not_sent_again() {
    assert_eq!(duplicates_when_the_second_chunk_fails(|outbox| outbox).await, 0);
}

#[tokio::test]
async fn an_outbox_that_forgets_acknowledgements_is_caught() {
    assert_ne!(duplicates_when_the_second_chunk_fails(|outbox| Forgetful(outbox, Arc::default())).await, 0);
}

/// Accepts the third request; the first two are answered by silence and by single bytes without end.
async fn slow_server() -> Server {
    let mut turn = 0;
    Server::start(move |request, store| {
        turn += 1;
        match turn {
            1 => Reply::Silence,
            2 => Reply::Drip("HTTP/1.1 20"),
            _ => {
                store.commit(request);
                status(202)
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_silent_and_a_dripping_server_cost_one_time_limit_each_and_no_connection() {
    assert!(Timing::default().request <= Duration::from_secs(30));
    let (server, patient_server) = (slow_server().await, slow_server().await);
    let (disk, patient_disk) = (Disk::with(1, Needs::Live), Disk::with(1, Needs::Live));
    let mut plan = Plan::to(&server);
    plan.timing.request = Duration::from_secs(2);
    let running = plan.start(&disk.outbox);
    // planted bug: a sender that waits for its answer as long as it takes
    let mut patient = Plan::to(&patient_server);
    patient.timing.request = Duration::from_hours(1);
    let _patient = patient.start(&patient_disk.outbox);
    eventually("the event", || server.store().len() == 1).await;
    assert_eq!(server.requests().len(), 3);
    eventually("the connections given back", || server.open() <= 1).await;
    running.stop().await;
    eventually("the patient one's request", || !patient_server.requests().is_empty()).await;
    assert_eq!(patient_server.requests().len(), 1);
    assert_eq!(patient_disk.waiting(Destination::Live), 1);
}

#[tokio::test]
async fn an_answer_whose_body_never_ends_counts_by_its_status() {
    let server = Server::start(|request, store| {
        store.commit(request);
        Reply::Drip("HTTP/1.1 202 X\r\ncontent-length: 9999999\r\n\r\n")
    })
    .await;
    let disk = Disk::with(1, Needs::Live);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("the acknowledgement", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn passing_faults_are_outlasted_however_many_come() {
    const FAULTS: [u16; 13] = [408, 425, 429, 500, 502, 503, 504, 599, 301, 302, 307, 308, 300];
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn > 140 {
            store.commit(request);
            return status(202);
        }
        FAULTS.get(turn % (FAULTS.len() + 1)).map_or(Reply::Cut, |code| status(*code))
    })
    .await;
    let disk = Disk::with(50, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.timing.backoff_base = Duration::from_millis(1);
    plan.timing.backoff_cap = Duration::from_millis(8);
    let running = plan.start(&disk.outbox);
    eventually("trouble in the status", || {
        disk.status().live.report.is_some_and(|report| report.state == DeliveryState::Retrying)
    })
    .await;
    eventually("all events", || server.store().len() == 50).await;
    eventually("the recovery in the status", || {
        let report = disk.status().live.report.unwrap();
        report.state == DeliveryState::Delivering && report.error.is_none() && report.acknowledged.is_some()
    })
    .await;
    running.stop().await;
    assert_eq!(disk.status().live.quarantined, 0);
    assert_eq!(server.requests().len(), 141);
}

/// How long the sender waits after a 429 with this header line.
async fn wait_after(header: &'static str, cap: Duration) -> Duration {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn == 1 {
            return Reply::Answer(429, header, String::new());
        }
        store.commit(request);
        status(202)
    })
    .await;
    let disk = Disk::with(1, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.clock = Clock::fixed(now());
    plan.timing.retry_after_cap = cap;
    let running = plan.start(&disk.outbox);
    eventually("the event", || server.store().len() == 1).await;
    running.stop().await;
    let requests = server.requests();
    requests[1].at - requests[0].at
}

#[tokio::test]
async fn retry_after_is_read_from_the_answer_as_seconds_and_as_a_date() {
    let minutes = Duration::from_mins(5);
    let (seconds, date, capped) = tokio::join!(
        wait_after("retry-after: 1\r\n", minutes),
        wait_after("retry-after: Tue, 03 Feb 2026 14:30:01 GMT\r\n", minutes),
        wait_after("retry-after: 86400\r\n", Duration::from_millis(300)),
    );
    // a machine under load only waits longer
    assert!(seconds >= Duration::from_secs(1), "{seconds:?}");
    assert!(date >= Duration::from_secs(1), "{date:?}");
    assert!(capped >= Duration::from_millis(300), "{capped:?}");
}

#[tokio::test]
async fn a_dead_destination_does_not_slow_the_other() {
    let dead = Server::start(|_, _| Reply::Silence).await;
    for live_is_dead in [false, true] {
        let alive = Server::accepting().await;
        let disk = Disk::with(5, Needs::Both);
        let mut plan = Plan::to(if live_is_dead { &dead } else { &alive });
        plan.hosted = Some(if live_is_dead { alive.url() } else { dead.url() });
        plan.interval = Duration::from_millis(20);
        // whoever waits for the dead one waits for an hour
        plan.timing.request = Duration::from_hours(1);
        let _running = plan.start(&disk.outbox);
        for round in 0..5 {
            disk.put(100 + round..101 + round, Needs::Both);
            eventually("the event at the living one", || alive.store().numbers().contains(&(100 + round)))
                .await;
        }
        assert_eq!(alive.store().duplicates(), 0);
    }
}

#[tokio::test]
async fn a_full_disk_is_outlasted_and_a_damaged_store_stops_the_sender() {
    let server = Server::accepting().await;
    let disk = Disk::with(4, Needs::Live);
    let running = Plan::to(&server).start(&FullDisk(disk.outbox.clone(), Arc::default()));
    eventually("an empty outbox", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;
    assert_eq!(server.store().len(), 4);
    assert_eq!(server.store().duplicates(), 12, "what could not be noted is sent again");

    let disk = Disk::with(4, Needs::Live);
    let mut running = Plan::to(&server).start(&Damaged(disk.outbox.clone()));
    let ended = running.task.take().unwrap().await.unwrap();
    assert!(matches!(ended, Err(OutboxError::Broken(_))));
}
