//! What takes minutes and hours in life, in virtual time: a wire that answers as it is told, and no socket.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::broken::Impatient;
use super::*;
use crate::outbox::{DeliveryState, Queued};
use crate::sender::answer::{Answer, Reason, Verdict, judge, retry_after};
use crate::sender::courier::Courier;
use crate::sender::record::Recorder;
use crate::sender::rules::Rules;
use crate::sender::wire::{Request, Wire};

type Reply = dyn FnMut(usize) -> Answer + Send;

/// A server without a network: `reply` is told how many requests came before.
struct Script {
    reply: Mutex<Box<Reply>>,
    attempts: Mutex<Vec<Instant>>,
    delivered: AtomicUsize,
}

impl Script {
    fn new(reply: impl FnMut(usize) -> Answer + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            reply: Mutex::new(Box::new(reply)),
            attempts: Mutex::default(),
            delivered: AtomicUsize::new(0),
        })
    }

    fn gaps(&self) -> Vec<Duration> {
        self.attempts.lock().unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn delivered(&self) -> usize {
        self.delivered.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Wire for Arc<Script> {
    fn request(&self, rows: &[Queued], _: usize) -> Request {
        let body = Bytes::from_static(b"[]");
        Request { body, signature: String::new(), public_key: "".into(), events: rows.len() }
    }

    async fn post(&self, request: Request) -> Answer {
        let before = {
            let mut attempts = self.attempts.lock().unwrap();
            attempts.push(Instant::now());
            attempts.len() - 1
        };
        let answer = self.reply.lock().unwrap()(before);
        if answer.verdict == Verdict::Accepted {
            self.delivered.fetch_add(request.events, std::sync::atomic::Ordering::SeqCst);
        }
        answer
    }

    fn address(&self) -> &'static str {
        "http://127.0.0.1:1/events"
    }
}

fn answer(status: u16) -> Answer {
    judge(status, None, None)
}

/// Ships what waits in the queue by the script, until everything is delivered or `limit` of virtual time is over.
async fn ship<Q: Queue + Sync>(queue: Q, disk: &Disk, script: &Arc<Script>, timing: Timing, limit: Duration) {
    let rules = Rules { most_events: 1000, ..Rules::default() };
    ship_to(Destination::Live, rules, queue, disk, script, timing, limit).await;
}

/// The same for either destination, by its rules.
async fn ship_to<Q: Queue + Sync>(
    destination: Destination,
    rules: Rules,
    queue: Q,
    disk: &Disk,
    script: &Arc<Script>,
    timing: Timing,
    limit: Duration,
) {
    let clock = Clock::fixed(now());
    let recorder = Recorder::new(AuditLog::new(disk.folder.path()), destination, clock.clone());
    let courier = Courier::new(destination, (queue, script.clone()), recorder, rules, timing, clock);
    let stop = CancellationToken::new();
    let task = tokio::spawn(courier.run(stop.clone()));
    let end = Instant::now() + limit;
    while disk.waiting(destination) > 0 && Instant::now() < end {
        sleep(Duration::from_millis(500)).await;
    }
    stop.cancel();
    task.await.unwrap().unwrap();
}

const HOUR: Duration = Duration::from_hours(1);

/// Sends 50 events through so many faults of every passing kind; what is wrong with how that went.
async fn outlast<Q: Queue + Sync>(
    faults: usize,
    timing: Timing,
    queue: impl FnOnce(Outbox) -> Q,
) -> Result<(), String> {
    let statuses = [408, 425, 429, 500, 502, 503, 504];
    let script = Script::new(move |before| {
        if before == faults {
            return answer(202);
        }
        statuses.get(before % (statuses.len() + 1)).map_or_else(
            || Answer {
                verdict: Verdict::Later { after: None },
                reason: Reason::NoAnswer("the connection broke".to_owned()),
                asks: None,
            },
            |status| answer(*status),
        )
    });
    let disk = Disk::with(50, Needs::Live);
    ship(queue(disk.outbox.clone()), &disk, &script, timing, 20 * HOUR).await;
    let gaps = script.gaps();
    if script.delivered() != 50 || disk.status().live.quarantined > 0 {
        return Err(format!(
            "{} of 50 events were delivered after {} attempts",
            script.delivered(),
            gaps.len() + 1
        ));
    }
    if gaps.len() != faults {
        return Err(format!("{} attempts", gaps.len() + 1));
    }
    let longest = Duration::from_mins(1) + Duration::from_millis(2);
    if let Some(long) = gaps.iter().find(|gap| **gap > longest) {
        return Err(format!("a wait of {long:?}"));
    }
    // once the cap is reached the waits are spread evenly below it: 30 s on average, and everything from end to end
    let late = &gaps[10..];
    let share = |from: u64, to: u64| {
        let within = late.iter().filter(|gap| (from..to).contains(&gap.as_secs())).count();
        within * 100 / late.len()
    };
    for from in [0, 15, 30, 45] {
        let percent = share(from, from + 15);
        if !(15..36).contains(&percent) {
            return Err(format!("{percent} % of the waits are from {from} to {} s", from + 15));
        }
    }
    if gaps[0] > Duration::from_millis(1002) {
        return Err(format!("a first wait of {:?}", gaps[0]));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_thousand_faults_are_outlasted_with_spread_waits_of_a_minute_at_most() {
    outlast(1000, Timing::default(), |outbox| outbox).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_gives_up_or_waits_too_long_or_all_at_once_is_seen_by_the_check() {
    let given_up = outlast(200, Timing::default(), |outbox| Impatient(outbox, Arc::default())).await;
    assert!(given_up.unwrap_err().contains("were delivered"));
    let too_long = Timing { backoff_cap: Duration::from_mins(2), ..Timing::default() };
    assert!(outlast(200, too_long, |outbox| outbox).await.unwrap_err().contains("a wait of"));
    let hasty = Timing { backoff_cap: Duration::from_secs(5), ..Timing::default() };
    assert!(outlast(200, hasty, |outbox| outbox).await.unwrap_err().contains('%'));
}

/// The time between a 429 with this `Retry-After` and the next attempt.
async fn wait_after(value: Option<&str>) -> Duration {
    let cap = Timing::default().retry_after_cap;
    let after = value.and_then(|value| retry_after(value, now(), cap));
    let script = Script::new(move |before| if before == 0 { judge(429, None, after) } else { answer(202) });
    let disk = Disk::with(1, Needs::Live);
    ship(disk.outbox.clone(), &disk, &script, Timing::default(), HOUR).await;
    let gaps = script.gaps();
    assert_eq!(gaps.len(), 1);
    gaps[0]
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_server_asks_for_is_kept_to_the_second_and_capped_at_five_minutes() {
    for (value, seconds) in [
        ("120", 120),
        ("Tue, 03 Feb 2026 14:31:30 GMT", 90),
        ("301", 300),
        ("86400", 300),
        ("99999999999999999999", 300),
        ("Tue, 03 Feb 2099 14:30:00 GMT", 300),
    ] {
        assert_eq!(wait_after(Some(value)).await.as_secs(), seconds, "{value}");
    }
    for nothing in ["0", "soon", "Tue, 03 Feb 2026 14:29:00 GMT"] {
        let wait = wait_after(Some(nothing)).await;
        assert!(
            wait >= Duration::from_millis(100) && wait <= Duration::from_millis(1002),
            "{nothing}: {wait:?}"
        );
    }
    // planted bug: a sender that does not read the header
    assert_ne!(wait_after(None).await.as_secs(), 120);
}

/// An hour of 401s, then the key is registered: what is wrong with how that went.
async fn wait_for_registration<Q: Queue + Sync>(queue: impl FnOnce(Outbox) -> Q) -> Result<(), String> {
    let began = Instant::now();
    let script = Script::new(move |_| {
        let registered = began.elapsed() >= HOUR;
        if registered { answer(202) } else { judge(401, Some("unknown_source".to_owned()), None) }
    });
    let disk = Disk::with(20, Needs::Live);
    ship(queue(disk.outbox.clone()), &disk, &script, Timing::default(), HOUR / 2).await;
    let report = disk.status().live.report.unwrap();
    if (report.state, report.error.as_deref()) != (DeliveryState::Refused, Some("401 unknown_source")) {
        return Err(format!("the status says {report:?}"));
    }
    ship(disk.outbox.clone(), &disk, &script, Timing::default(), HOUR).await;
    let attempts = script.gaps().len() + 1;
    if script.delivered() != 20 || disk.status().live.quarantined > 0 {
        return Err(format!("{} of 20 events were delivered", script.delivered()));
    }
    if !(200..=250).contains(&attempts) {
        return Err(format!("{attempts} attempts in an hour"));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_registration_costs_nothing_but_an_attempt_now_and_then() {
    wait_for_registration(|outbox| outbox).await.unwrap();
    let given_up = wait_for_registration(|outbox| Impatient(outbox, Arc::default())).await;
    assert_eq!(given_up, Err("0 of 20 events were delivered".to_owned()));
}

/// History waits while a proxy, whose server is being replaced, answers 404 for so many minutes, with another fault in
/// between if one is given; how many of 50 events the server has in the end.
async fn delivered_after_a_replacement(minutes: u64, fault: Option<u16>, timing: Timing) -> usize {
    let began = Instant::now();
    let script = Script::new(move |before| match fault {
        _ if began.elapsed() >= Duration::from_mins(minutes) => answer(200),
        Some(fault) if before == 5 => answer(fault),
        _ => answer(404),
    });
    let disk = Disk::with(50, Needs::Batch);
    let rules = Rules { most_events: 1000, may_be_missing: true, ..Rules::default() };
    ship_to(Destination::Batch, rules, disk.outbox.clone(), &disk, &script, timing, HOUR).await;
    let longest = script.gaps().into_iter().max().unwrap_or_default();
    assert!(longest <= Duration::from_secs(62), "{longest:?}");
    let status = disk.status();
    let dropped = status.counters.get("dropped_batch_no_history").copied().unwrap_or(0);
    assert_eq!(script.delivered() as u64 + dropped, 50);
    let state = status.batch.report.unwrap().state;
    assert_eq!(state == DeliveryState::NoHistory, dropped > 0, "{state:?}");
    script.delivered()
}

#[tokio::test(start_paused = true)]
async fn history_outlasts_a_proxy_whose_server_is_being_replaced() {
    let timing = Timing::default();
    assert_eq!(delivered_after_a_replacement(14, None, timing).await, 50);
    // another answer says that there is more behind it than a server without the route
    assert_eq!(delivered_after_a_replacement(16, Some(502), timing).await, 50);
    // a server of before there was history is believed in the end
    assert_eq!(delivered_after_a_replacement(40, None, timing).await, 0);
    // planted bug: a sender that believes the proxy
    let hasty = Timing { missing_for: Duration::from_secs(20), ..timing };
    assert_eq!(delivered_after_a_replacement(14, None, hasty).await, 0);
}
