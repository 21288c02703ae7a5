//! A server that keeps nothing: live events are passed on, repeated ones are not.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use vibetea_protocol::{EventId, SourceId};

use super::frame_of;
use crate::hub::Hub;
use crate::store::NewEvent;

/// Most ids that are remembered; beyond that the oldest is forgotten.
const MOST_IDS: usize = 65_536;

/// Passes live events on, each id once as long as it is remembered.
#[derive(Debug)]
pub struct Relay {
    hub: Arc<Hub>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    seq: u64,
    seen: HashSet<EventId>,
    order: VecDeque<EventId>,
}

impl Relay {
    /// A relay that spreads through this hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub, memory: Mutex::default() }
    }

    /// Spreads the events that are new; answers how many were.
    pub fn publish(&self, source: &Arc<SourceId>, events: Vec<NewEvent>) -> usize {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frames = Vec::with_capacity(events.len());
        for event in events {
            if !memory.seen.insert(event.id) {
                continue;
            }
            memory.order.push_back(event.id);
            if memory.order.len() > MOST_IDS
                && let Some(oldest) = memory.order.pop_front()
            {
                memory.seen.remove(&oldest);
            }
            memory.seq += 1;
            frames.push(frame_of(memory.seq, Arc::clone(source), &event));
        }
        let spread = frames.len();
        // under the lock, so that places reach the hub in their order
        self.hub.publish(frames);
        spread
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use vibetea_protocol::{EventType, Timestamp};

    use super::*;

    fn event(number: usize) -> NewEvent {
        let id = EventId::from_key(&format!("{number:020}")).unwrap();
        let payload = Bytes::from_static(b"{}");
        NewEvent::new(id, Timestamp::from_micros(0).unwrap(), EventType::Tool, payload)
    }

    #[test]
    fn a_repeated_id_is_passed_on_once() {
        let relay = Relay::new(Arc::new(Hub::default()));
        let source = Arc::new("laptop".parse().unwrap());
        assert_eq!(relay.publish(&source, vec![event(1), event(2), event(1)]), 2);
        assert_eq!(relay.publish(&source, vec![event(2), event(3)]), 1);
        assert_eq!(relay.hub.newest(), 3);
    }

    #[test]
    fn the_memory_is_bounded() {
        let relay = Relay::new(Arc::new(Hub::default()));
        let source = Arc::new("laptop".parse().unwrap());
        relay.publish(&source, (0..=MOST_IDS).map(event).collect());
        assert_eq!(relay.memory.lock().unwrap().seen.len(), MOST_IDS);
        assert_eq!(relay.publish(&source, vec![event(MOST_IDS)]), 0);
        assert_eq!(relay.publish(&source, vec![event(0)]), 1);
    }
}
