//! What was seen of sources and tokens since it was last written down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use vibetea_protocol::{SourceId, Timestamp};

use crate::store::{Activity, Sighting, Used};

const MICROS_PER_MINUTE: i64 = 60_000_000;
/// What a monitor calls itself before its release.
const PRODUCT: &str = "vibetea-monitor/";
/// Longest release that is noted.
const MOST_VERSION_CHARS: usize = 32;

/// Bounded by the sources and tokens there are: only those that were let in are noted.
#[derive(Debug, Default)]
pub(super) struct Seen {
    sources: Mutex<HashMap<Arc<SourceId>, Sighting>>,
    tokens: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Seen {
    pub(super) fn source(&self, source: &Arc<SourceId>, user_agent: Option<&str>, now: Timestamp) {
        let version = user_agent.and_then(release);
        self.sighting(source, now, |sighting| {
            sighting.seen = sighting.seen.max(now);
            if version.is_some() && sighting.version.as_deref() != version {
                sighting.version = version.map(str::to_owned);
            }
        });
    }

    /// `newest` is the time of the latest event of what was stored. The sighting of its request may have been taken
    /// while it was being stored.
    pub(super) fn event(&self, source: &Arc<SourceId>, newest: Timestamp, now: Timestamp) {
        self.sighting(source, now, |sighting| sighting.event = sighting.event.max(Some(newest)));
    }

    fn sighting(&self, source: &Arc<SourceId>, now: Timestamp, change: impl FnOnce(&mut Sighting)) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Sighting { seen: now, event: None, version: None };
        change(sources.entry(Arc::clone(source)).or_insert_with(new));
    }

    pub(super) fn token(&self, digest: [u8; 32], now: Timestamp) {
        let micros = now.as_micros() / MICROS_PER_MINUTE * MICROS_PER_MINUTE;
        let minute = Timestamp::from_micros(micros).unwrap_or(now);
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, minute);
    }

    /// What was seen; it is forgotten here.
    pub(super) fn take(&self) -> (Vec<Activity>, Vec<Used>) {
        let sources = std::mem::take(&mut *self.sources.lock().unwrap_or_else(PoisonError::into_inner));
        let tokens = std::mem::take(&mut *self.tokens.lock().unwrap_or_else(PoisonError::into_inner));
        let activity = |(source, sighting): (Arc<SourceId>, Sighting)| Activity {
            source: source.as_str().to_owned(),
            sighting,
        };
        let used = |(digest, at)| Used { digest, at };
        (sources.into_iter().map(activity).collect(), tokens.into_iter().map(used).collect())
    }
}

/// The release in `vibetea-monitor/1.2.3 …`; none where it is no plain word.
fn release(user_agent: &str) -> Option<&str> {
    let release = user_agent.strip_prefix(PRODUCT)?.split(' ').next()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let is_short = (1..=MOST_VERSION_CHARS).contains(&release.len());
    (is_short && release.bytes().all(is_plain)).then_some(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_short_plain_word() {
        assert_eq!(release("vibetea-monitor/0.1.0"), Some("0.1.0"));
        assert_eq!(release("vibetea-monitor/1.2.3-rc.1+linux (x86_64)"), Some("1.2.3-rc.1+linux"));
        let long = format!("vibetea-monitor/{}", "9".repeat(33));
        for other in
            ["", "curl/8", "vibetea-monitor/", "vibetea-monitor/<b>", "vibetea-monitor/1\u{7}", &long]
        {
            assert_eq!(release(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_seen_grows_and_is_taken_once() {
        let (seen, laptop) = (Seen::default(), Arc::new("laptop".parse::<SourceId>().unwrap()));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        seen.source(&laptop, Some("vibetea-monitor/1.0.0"), at("2026-02-03T14:30:01Z"));
        seen.source(&laptop, None, at("2026-02-03T14:30:00Z"));
        let now = at("2026-02-03T14:30:02Z");
        seen.event(&laptop, at("2026-02-03T12:00:00Z"), now);
        seen.event(&laptop, at("2026-02-03T11:00:00Z"), now);
        seen.token([1; 32], at("2026-02-03T14:30:59Z"));
        let (sources, tokens) = seen.take();
        let expected = Sighting {
            seen: at("2026-02-03T14:30:01Z"),
            event: Some(at("2026-02-03T12:00:00Z")),
            version: Some("1.0.0".to_owned()),
        };
        assert_eq!(sources, [Activity { source: "laptop".to_owned(), sighting: expected }]);
        assert_eq!(tokens.iter().map(|used| used.at).collect::<Vec<_>>(), [at("2026-02-03T14:30:00Z")]);
        assert!(seen.take().0.is_empty() && seen.take().1.is_empty());
    }

    #[test]
    fn an_event_that_is_stored_after_its_request_was_noted_counts() {
        let (seen, laptop) = (Seen::default(), Arc::new("laptop".parse::<SourceId>().unwrap()));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        seen.source(&laptop, None, at("2026-02-03T14:30:00Z"));
        seen.take();
        seen.event(&laptop, at("2026-02-03T12:00:00Z"), at("2026-02-03T14:30:02Z"));
        let (sources, _) = seen.take();
        assert_eq!(sources[0].sighting.event, Some(at("2026-02-03T12:00:00Z")));
        assert_eq!(sources[0].sighting.seen, at("2026-02-03T14:30:02Z"));
    }
}
