//! Cursors that follow the ring through bursts, evictions and pages: everything once, in order.

use std::sync::Mutex;

use vibetea_protocol::{EventId, EventType, Timestamp};

use super::*;

/// A frame at a place, with a text of its own.
pub(crate) fn frame(seq: u64, source: &str, event_type: EventType, project: Option<&str>) -> Frame {
    Frame::new(
        seq,
        EventId::from_key(&format!("{seq:020}")).unwrap(),
        Arc::new(source.parse().unwrap()),
        Timestamp::from_micros(0).unwrap(),
        event_type,
        "{}",
        project.map(Into::into),
    )
}

fn frames(seqs: impl IntoIterator<Item = u64>) -> Vec<Frame> {
    seqs.into_iter().map(|seq| frame(seq, "laptop", EventType::Tool, None)).collect()
}

/// All frames that were ever published, as a store has them.
#[derive(Default)]
struct Kept(Mutex<Vec<u64>>);

impl Pages for Kept {
    type Error = std::convert::Infallible;

    async fn after(&self, seq: u64, limit: usize) -> Result<Option<Vec<Frame>>, Self::Error> {
        tokio::task::yield_now().await;
        let kept = self.0.lock().unwrap();
        let start = kept.partition_point(|kept| *kept <= seq);
        Ok(Some(frames(kept[start..].iter().copied().take(limit))))
    }
}

struct Nothing;

impl Pages for Nothing {
    type Error = std::convert::Infallible;

    async fn after(&self, _: u64, _: usize) -> Result<Option<Vec<Frame>>, Self::Error> {
        Ok(None)
    }
}

fn publish(hub: &Hub, kept: &Kept, seqs: impl IntoIterator<Item = u64> + Clone) {
    kept.0.lock().unwrap().extend(seqs.clone());
    hub.publish(frames(seqs));
}

/// How a subscriber follows the stream.
#[derive(Clone, Copy, PartialEq)]
enum Follow {
    /// As it should.
    Rightly,
    /// Planted bug: frames the ring has let go are passed over.
    SkippingWhatTheRingLetGo,
    /// Planted bug: the past is read before the place is taken from which the stream is followed.
    SubscribingAfterTheReplay,
}

/// Everything a subscriber is sent that starts behind `from` while `writer` publishes up to `last`.
async fn follow(hub: Arc<Hub>, kept: Arc<Kept>, from: u64, last: u64, how: Follow) -> Vec<u64> {
    let mut got = Vec::new();
    let mut cursor = Cursor::behind(from);
    if how == Follow::SubscribingAfterTheReplay {
        let page = kept.after(from, usize::MAX).await.unwrap().unwrap();
        got.extend(page.iter().map(|frame| frame.seq));
        tokio::task::yield_now().await;
        cursor = Cursor::behind(hub.newest());
    }
    let mut newest = hub.watch();
    while cursor.seq() < last {
        let seen = cursor.seq();
        newest.wait_for(|newest| *newest > seen).await.unwrap();
        let taken = if how == Follow::SkippingWhatTheRingLetGo {
            cursor.take(&hub, &Nothing).await.unwrap()
        } else {
            cursor.take(&hub, kept.as_ref()).await.unwrap()
        };
        if let Taken::Frames(frames) = taken {
            got.extend(frames.iter().map(|frame| frame.seq));
        }
    }
    got
}

/// Publishes 3,000 frames in uneven batches through a ring of 64 while a subscriber follows from place 100.
async fn race(how: Follow) -> (Vec<u64>, Vec<u64>) {
    let hub = Arc::new(Hub::with_bounds(64, usize::MAX));
    let kept = Arc::new(Kept::default());
    publish(&hub, &kept, 1..=200);
    let subscriber = tokio::spawn(follow(Arc::clone(&hub), Arc::clone(&kept), 100, 6000, how));
    let mut seq = 200;
    let mut size = 1;
    while seq < 6000 {
        size = size * 7 % 97;
        // places have gaps: only even ones are used
        let batch: Vec<u64> = (1..=size).map(|step| seq + 2 * step).filter(|seq| *seq <= 6000).collect();
        seq += 2 * size;
        publish(&hub, &kept, batch);
        tokio::task::yield_now().await;
    }
    let expected = kept.0.lock().unwrap().iter().copied().filter(|seq| *seq > 100).collect();
    (subscriber.await.unwrap(), expected)
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_gets_everything_once_and_in_order() {
    let (got, expected) = race(Follow::Rightly).await;
    assert_eq!(got, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_repeated_with_a_writer_on_another_thread() {
    for _ in 0..20 {
        let (got, expected) = race(Follow::Rightly).await;
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn the_check_sees_a_subscriber_that_skips() {
    let (got, expected) = race(Follow::SkippingWhatTheRingLetGo).await;
    assert_ne!(got, expected);
}

#[tokio::test]
async fn the_check_sees_a_subscriber_that_replays_before_it_subscribes() {
    let (got, expected) = race(Follow::SubscribingAfterTheReplay).await;
    assert_ne!(got, expected);
}

#[tokio::test]
async fn where_nothing_is_kept_a_gap_is_told_and_the_rest_follows() {
    let hub = Hub::with_bounds(10, usize::MAX);
    hub.publish(frames(1..=30));
    let mut cursor = Cursor::behind(5);
    assert!(matches!(cursor.take(&hub, &Nothing).await.unwrap(), Taken::Gap));
    let Taken::Frames(rest) = cursor.take(&hub, &Nothing).await.unwrap() else { panic!("a second gap") };
    assert_eq!(rest.iter().map(|frame| frame.seq).collect::<Vec<_>>(), (21..=30).collect::<Vec<_>>());
    assert_eq!(cursor.seq(), 30);
}

#[tokio::test]
async fn a_hub_that_starts_behind_a_place_serves_older_cursors_from_pages() {
    let hub = Hub::default();
    let kept = Kept::default();
    kept.0.lock().unwrap().extend(1..=10);
    hub.start_behind(10);
    let mut cursor = Cursor::behind(7);
    let Taken::Frames(page) = cursor.take(&hub, &kept).await.unwrap() else { panic!("a gap") };
    assert_eq!(page.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [8, 9, 10]);
    assert!(matches!(cursor.take(&hub, &kept).await.unwrap(), Taken::Frames(none) if none.is_empty()));
}

#[test]
fn the_ring_is_bounded_by_number_and_by_bytes() {
    let hub = Hub::with_bounds(100, usize::MAX);
    hub.publish(frames(1..=250));
    assert_eq!((hub.read().frames.len(), hub.read().floor), (100, 150));
    let one = frame(1, "laptop", EventType::Tool, None).text.len();
    let hub = Hub::with_bounds(100, 10 * one);
    hub.publish(frames(1..=50));
    assert_eq!((hub.read().frames.len(), hub.read().bytes, hub.read().floor), (10, 10 * one, 40));
    assert_eq!(hub.place_of(&EventId::from_key(&format!("{:020}", 41)).unwrap()), Some(41));
    assert_eq!(hub.place_of(&EventId::from_key(&format!("{:020}", 40)).unwrap()), None);
}

#[test]
fn a_take_is_bounded_and_never_empty_while_there_is_more() {
    let hub = Hub::default();
    hub.publish(frames(1..=1000));
    assert_eq!(hub.after(0).unwrap().len(), TAKE_FRAMES);
    let big = "x".repeat(2 * TAKE_BYTES);
    let payload = format!(r#"{{"a":"{big}"}}"#);
    let hub = Hub::default();
    let source = Arc::new("laptop".parse().unwrap());
    let time = Timestamp::from_micros(0).unwrap();
    let id = |seq: u64| EventId::from_key(&format!("{seq:020}")).unwrap();
    let large = |seq| Frame::new(seq, id(seq), Arc::clone(&source), time, EventType::Tool, &payload, None);
    hub.publish(vec![large(1), large(2)]);
    assert_eq!(hub.after(0).unwrap().len(), 1);
}
