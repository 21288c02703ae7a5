use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::server::{Reply, Server, refusal, status};
use super::*;
use crate::outbox::{DeliveryReport, DeliveryState, Queued};

/// An outbox that counts an event as delivered when it is handed out: the bug the tests below must see.
#[derive(Clone)]
struct Hasty(Outbox);

/// An outbox that forgets what was acknowledged, once: the bug of sending again what a server has.
#[derive(Clone)]
struct Forgetful(Outbox, Arc<AtomicUsize>);

macro_rules! delegate {
    ($name:ident, { $($own:item)* }) => {
        impl Queue for $name {
            $($own)*
            fn depth(&self, to: Destination) -> Result<u64, OutboxError> {
                self.0.depth(to)
            }
            fn quarantine(&self, to: Destination, seq: i64, reason: &str) -> Result<(), OutboxError> {
                self.0.quarantine(to, seq, reason)
            }
            fn drop_all(&self, to: Destination, reason: &str) -> Result<u64, OutboxError> {
                self.0.drop_all(to, reason)
            }
            fn record_delivery(&self, to: Destination, report: &DeliveryReport) -> Result<(), OutboxError> {
                self.0.record_delivery(to, report)
            }
            fn subscribe(&self, to: Destination) -> watch::Receiver<u64> {
                self.0.subscribe(to)
            }
        }
    };
}

delegate!(Hasty, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        let rows = self.0.pending(to, limit, bytes)?;
        self.0.acknowledge(to, &rows.iter().map(|row| row.seq).collect::<Vec<_>>(), true)?;
        Ok(rows)
    }
    fn acknowledge(&self, _: Destination, _: &[i64], _: bool) -> Result<(), OutboxError> {
        Ok(())
    }
});

delegate!(Forgetful, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        self.0.pending(to, limit, bytes)
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        if self.1.fetch_add(1, Ordering::SeqCst) == 0 {
            return Ok(());
        }
        self.0.acknowledge(to, seqs, also_batch)
    }
});

/// Sends 60 events, three to a request, through a proxy that cuts most connections: before the server has the
/// request, or after it has committed and before it answers. Answers what the server has in the end.
async fn stored_through_cuts<Q: Queue + Sync>(queue: impl FnOnce(Outbox) -> Q) -> Vec<u64> {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
        turn += 1;
        if turn % 3 == 1 {
            return Reply::Cut;
        }
        store.commit(request);
        if turn % 3 == 2 { Reply::Cut } else { status(202) }
    })
    .await;
    let disk = Disk::with(60, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.buffer_size = 3;
    let running = plan.start(&queue(disk.outbox.clone()));
    eventually("an empty outbox", || disk.waiting(Destination::Live) == 0).await;
    running.stop().await;
    server.store().numbers()
}

#[tokio::test]
async fn connections_cut_before_and_after_the_commit_lose_nothing() {
    assert_eq!(stored_through_cuts(|outbox| outbox).await, (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_outbox_that_acknowledges_before_the_answer_is_caught() {
    assert_ne!(stored_through_cuts(Hasty).await, (0..60).collect::<Vec<_>>());
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

#[tokio::test]
async fn a_silent_and_a_dripping_server_cost_one_time_limit_each_and_no_connection() {
    let mut turn = 0;
    let server = Server::start(move |request, store| {
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
    .await;
    let disk = Disk::with(1, Needs::Live);
    let plan = Plan::to(&server);
    let running = plan.start(&disk.outbox);
    eventually("the event", || server.store().len() == 1).await;
    let requests = server.requests();
    let limit = plan.timing.request + plan.timing.backoff_cap + Duration::from_millis(500);
    for pair in requests.windows(2) {
        assert!(pair[1].at - pair[0].at < limit, "{:?}", pair[1].at - pair[0].at);
    }
    eventually("the connections given back", || server.open() <= 1).await;
    running.stop().await;
}

#[tokio::test]
async fn an_answer_whose_body_never_ends_counts_by_its_status() {
    let server = Server::start(|request, store| {
        store.commit(request);
        Reply::Drip("HTTP/1.1 202 X\r\ncontent-length: 9999999\r\n\r\n")
    })
    .await;
    let disk = Disk::with(1, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.timing.request = Duration::from_secs(5);
    let running = plan.start(&disk.outbox);
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

#[tokio::test]
async fn waits_grow_and_there_is_no_busy_loop() {
    let server = Server::start(|_, _| refusal(503, "unavailable")).await;
    let disk = Disk::with(1, Needs::Live);
    let mut plan = Plan::to(&server);
    plan.timing.backoff_base = Duration::from_millis(100);
    plan.timing.backoff_cap = Duration::from_millis(200);
    let running = plan.start(&disk.outbox);
    tokio::time::sleep(Duration::from_millis(500)).await;
    running.stop().await;
    // waits are at least a tenth of the base
    assert!(server.requests().len() <= 51, "{}", server.requests().len());
    assert_eq!(disk.waiting(Destination::Live), 1);
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
async fn retry_after_is_kept_to_as_seconds_and_as_a_date_and_capped() {
    let minutes = Duration::from_mins(5);
    let (seconds, date, long, soon) = tokio::join!(
        wait_after("retry-after: 1\r\n", minutes),
        wait_after("retry-after: Tue, 03 Feb 2026 14:30:01 GMT\r\n", minutes),
        wait_after("retry-after: 86400\r\n", Duration::from_millis(300)),
        wait_after("retry-after: 0\r\n", minutes),
    );
    for wait in [seconds, date] {
        assert!((1.0..2.0).contains(&wait.as_secs_f64()), "{wait:?}");
    }
    assert!((0.3..1.3).contains(&long.as_secs_f64()), "{long:?}");
    assert!(soon < Duration::from_secs(1), "{soon:?}");
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
        plan.timing.request = Duration::from_secs(20);
        let _running = plan.start(&disk.outbox);
        let began = Instant::now();
        for round in 0..5 {
            disk.put(100 + round..101 + round, Needs::Both);
            eventually("the event at the living one", || alive.store().numbers().contains(&(100 + round)))
                .await;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(alive.store().duplicates(), 0);
    }
}

/// An outbox on a disk that is full for a while.
#[derive(Clone)]
struct FullDisk(Outbox, Arc<AtomicUsize>);

delegate!(FullDisk, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        self.0.pending(to, limit, bytes)
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        if self.1.fetch_add(1, Ordering::SeqCst) < 3 {
            return Err(OutboxError::Full);
        }
        self.0.acknowledge(to, seqs, also_batch)
    }
});

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

#[derive(Clone)]
struct Damaged(Outbox);

delegate!(Damaged, {
    fn pending(&self, _: Destination, _: usize, _: usize) -> Result<Vec<Queued>, OutboxError> {
        Err(OutboxError::Broken("a page".to_owned()))
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        self.0.acknowledge(to, seqs, also_batch)
    }
});
