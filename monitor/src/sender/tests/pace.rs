use super::broken::Hasty;
use super::server::{Reply, Server, status};
use super::*;

/// Long enough for a slow machine to send all that need not wait for it.
const INTERVAL: Duration = Duration::from_secs(6);

/// Batches go to `hosted`, nothing else goes anywhere.
fn hosted_plan(hosted: &Server, live: &Server, interval: Duration) -> Plan {
    let mut plan = Plan::to(live);
    plan.hosted = Some(hosted.url());
    plan.interval = interval;
    plan
}

#[tokio::test]
async fn a_full_batch_goes_at_once_and_the_rest_at_the_interval() {
    let (live, hosted) = (Server::accepting().await, Server::accepting().await);
    let disk = Disk::with(1007, Needs::Batch);
    let interval = INTERVAL;
    let began = Instant::now();
    let running = hosted_plan(&hosted, &live, interval).start(&disk.outbox);
    eventually("the full batch", || hosted.store().len() == 1000).await;
    eventually("the rest", || hosted.store().len() == 1007).await;
    let requests = hosted.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].at - began < interval);
    assert!(requests[1].at - began >= interval);
    running.stop().await;
}

/// Sends history to a hosted destination in requests of 30; how many events came before the interval was over, and in the
/// end.
async fn before_the_interval(waiting: u64, hosted: bool) -> (usize, usize) {
    let (live, batch) = (Server::accepting().await, Server::accepting().await);
    let disk = Disk::with(waiting, Needs::Batch);
    let interval = INTERVAL;
    let mut plan = hosted_plan(&batch, &live, interval);
    plan.buffer_size = 30;
    if !hosted {
        plan = Plan { live: batch.url(), hosted: None, ..plan };
    }
    let began = Instant::now();
    let running = plan.start(&disk.outbox);
    eventually("everything", || batch.store().len() as u64 == waiting).await;
    running.stop().await;
    let requests = batch.requests();
    assert!(requests.iter().all(|request| request.events().len() <= 30));
    let early = requests.iter().filter(|request| request.at - began < interval);
    (early.map(|request| request.events().len()).sum(), batch.store().len())
}

#[tokio::test]
async fn a_small_buffer_makes_small_requests_and_no_earlier_ones() {
    let (few, many, planted) = tokio::join!(
        before_the_interval(999, true),
        before_the_interval(1007, true),
        // planted bug: a sender to which a full buffer is a full batch
        before_the_interval(999, false)
    );
    assert_eq!(few, (0, 999));
    assert_eq!(many, (1000, 1007));
    assert_ne!(planted.0, 0);
}

#[tokio::test]
async fn the_rest_of_a_full_batch_does_not_wait_for_the_interval_after_a_fault() {
    let mut turn = 0;
    let hosted = Server::start(move |request, store| {
        turn += 1;
        if turn == 5 {
            return status(503);
        }
        store.commit(request);
        status(200)
    })
    .await;
    let (live, disk) = (Server::accepting().await, Disk::with(1007, Needs::Batch));
    let mut plan = hosted_plan(&hosted, &live, Duration::from_hours(1));
    plan.buffer_size = 30;
    let running = plan.start(&disk.outbox);
    eventually("the full batch", || hosted.store().len() == 1000).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(hosted.store().len(), 1000);
    running.stop().await;
    assert_eq!(hosted.store().len(), 1007);
    assert_eq!(hosted.store().duplicates(), 0);
}

#[tokio::test]
async fn a_hosted_destination_is_left_alone_until_the_interval_after_its_attempts() {
    let (live, hosted) = (Server::accepting().await, Server::start(|_, _| status(500)).await);
    let disk = Disk::with(3, Needs::Batch);
    let interval = Duration::from_secs(3);
    let mut plan = hosted_plan(&hosted, &live, interval);
    plan.retry_limit = 4;
    let running = plan.start(&disk.outbox);
    eventually("three rounds of attempts", || hosted.requests().len() >= 9).await;
    running.stop().await;
    let times: Vec<Instant> = hosted.requests().iter().map(|request| request.at).collect();
    for (index, pair) in times.windows(2).enumerate() {
        let wait = pair[1] - pair[0];
        assert_eq!(wait >= interval, index % 4 == 3, "{index}: {wait:?}");
    }
    assert_eq!(disk.waiting(Destination::Batch), 3);
}

#[tokio::test]
async fn history_goes_when_nothing_more_is_added_whatever_the_interval() {
    let server = Server::accepting().await;
    let disk = Disk::with(10, Needs::Batch);
    let running = Plan::to(&server).start(&disk.outbox);
    eventually("the history", || server.store().len() == 10).await;
    running.stop().await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn stopping_flushes_what_waits_for_an_interval() {
    let (live, hosted) = (Server::accepting().await, Server::accepting().await);
    let disk = Disk::with(10, Needs::Batch);
    let running = hosted_plan(&hosted, &live, Duration::from_hours(1)).start(&disk.outbox);
    running.stop().await;
    assert_eq!(hosted.store().len(), 10);
    assert_eq!(disk.waiting(Destination::Batch), 0);
}

/// Stops a sender whose server takes five requests and then none; answers an event that is neither confirmed nor
/// queued, if there is one.
async fn lost_by_stopping_under_load<Q: Queue + Sync>(queue: impl FnOnce(Outbox) -> Q) -> Option<u64> {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn > 5 {
            return Reply::Silence;
        }
        store.commit(request);
        status(202)
    })
    .await;
    let disk = Disk::with(500, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.buffer_size = 20;
    // whoever waits for the answer waits for an hour
    plan.timing.request = Duration::from_hours(1);
    plan.timing.last_flush = Duration::from_millis(500);
    let running = plan.start(&queue(disk.outbox.clone()));
    eventually("the load", || server.requests().len() > 5).await;
    running.stop().await;
    let queued = disk.outbox.pending(Destination::Live, 1000, usize::MAX).unwrap();
    let confirmed = 500 - queued.len();
    assert!(confirmed >= 20, "{confirmed}");
    let stored = server.store().numbers();
    (0..500).find(|number| {
        let id = crate::outbox::testing::numbered_id(*number);
        !stored.contains(number) && !queued.iter().any(|row| row.id == id)
    })
}

#[tokio::test]
async fn stopping_under_load_ends_with_everything_confirmed_or_queued() {
    assert_eq!(lost_by_stopping_under_load(|outbox| outbox).await, None);
}

#[tokio::test]
async fn an_outbox_that_counts_what_is_under_way_as_delivered_is_caught() {
    assert_ne!(lost_by_stopping_under_load(Hasty).await, None);
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_dead_server() {
    let server = Server::start(|_, _| Reply::Answer(429, "retry-after: 300\r\n", String::new())).await;
    let disk = Disk::with(5, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.timing.retry_after_cap = Duration::from_mins(5);
    plan.timing.last_flush = Duration::from_mins(2);
    let running = plan.start(&disk.outbox);
    eventually("an attempt", || server.requests().len() == 1).await;
    eventually("its answer", || disk.status().live.report.is_some()).await;
    let took = running.stop().await;
    assert!(took < Duration::from_mins(1), "{took:?}");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(disk.waiting(Destination::Live), 5);
}

#[tokio::test]
async fn a_steady_flow_writes_its_state_rarely() {
    let server = Server::accepting().await;
    let disk = Disk::new();
    let mut plan = Plan::to(&server);
    plan.timing.note_every = Duration::from_hours(1);
    let running = plan.start(&disk.outbox);
    disk.put(0..1, Needs::Live);
    eventually("the first report", || disk.status().live.report.is_some()).await;
    let first = disk.status().live.report.unwrap();
    for number in 1..10 {
        disk.put(number..number + 1, Needs::Live);
        eventually("the event", || disk.waiting(Destination::Live) == 0).await;
    }
    assert_eq!(disk.status().live.report.unwrap(), first);
    running.stop().await;
    assert!(
        disk.status().live.report.unwrap().acknowledged > first.acknowledged,
        "stopping notes the newest"
    );
}
