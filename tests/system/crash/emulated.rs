//! A monitor of forty lines with a bug on request. Its crashes are emulated (it forgets what it has not saved); the
//! server it sends to is the real one, and so is the check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use vibetea_monitor::identity::Identity;
use vibetea_protocol::Timestamp;
use vibetea_protocol::signing::sign_body;
use vibetea_tests::dice::Dice;
use vibetea_tests::exactly_once::{self, Difference};
use vibetea_tests::oracle::{self, Expected, Natural};
use vibetea_tests::place::{Place, SOURCE, source};
use vibetea_tests::program::loopback;
use vibetea_tests::{answers, stored};

use super::writer::Writer;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    RandomIds,
    OffsetByFileSize,
}

/// See the module.
pub(super) struct EmulatedMonitor<'a> {
    place: &'a Place,
    bug: Option<Bug>,
    key: SigningKey,
    identity: Identity,
    /// What survives a crash: how far each file has been sent.
    saved: BTreeMap<PathBuf, usize>,
}

impl<'a> EmulatedMonitor<'a> {
    /// Lets it follow eight growing files through some hundred crashes; what the check says.
    pub(super) fn trial(bug: Option<Bug>, dice: &mut Dice) -> Result<(), Difference> {
        const TURNS: u32 = 300;
        const LINES_PER_TURN: u32 = 5;
        let place = Place::new();
        let public_key = place.make_keys();
        let _server = place.start_server(&public_key);
        let mut writer = Writer::new(&place.claude(), 8);
        let mut monitor = EmulatedMonitor::new(&place, bug);
        for _ in 0..TURNS {
            (0..LINES_PER_TURN).for_each(|_| writer.line(dice));
            monitor.turn(dice);
        }
        writer.finish();
        monitor.turn(&mut Dice::from_seed(1));
        let expected: BTreeSet<String> =
            writer.expected.iter().map(|(natural, at)| oracle::id(&monitor.identity, natural, *at)).collect();
        exactly_once::compare(&expected, &stored::ids(&place.database()).expect("the database can be read"))
    }

    fn new(place: &'a Place, bug: Option<Bug>) -> Self {
        let private = place.private_key();
        let identity = Identity::new(&private, &source());
        Self { place, bug, key: SigningKey::from_bytes(&private), identity, saved: BTreeMap::new() }
    }

    /// Reads what is new in each file and sends it; one time in three it dies after the server has it and before
    /// it has saved how far it came.
    fn turn(&mut self, dice: &mut Dice) {
        for path in transcripts(self.place) {
            let bytes = std::fs::read(&path).expect("a transcript can be read");
            let from = self.saved.get(&path).copied().unwrap_or(0);
            let unread = &bytes[from.min(bytes.len())..];
            let complete = unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let events: Vec<Value> = unread[..complete]
                .split(|byte| *byte == b'\n')
                .filter_map(|line| serde_json::from_slice(line).ok())
                .flat_map(|record| self.events(&record))
                .collect();
            if !events.is_empty() {
                self.send(&events);
                if dice.once_in(3) {
                    continue;
                }
            }
            let offset = if self.bug == Some(Bug::OffsetByFileSize) { bytes.len() } else { from + complete };
            self.saved.insert(path, offset);
        }
    }

    fn events(&self, record: &Value) -> Vec<Value> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Ok(at) = text(&record["timestamp"]).parse::<Timestamp>() else { return Vec::new() };
        let block = &record["message"]["content"][0];
        let found = match (block["type"].as_str(), block) {
            (Some("tool_use"), block) => vec![("tool", Natural::ToolStarted(text(&block["id"])))],
            (Some(_), block) => vec![("tool", Natural::ToolCompleted(text(&block["tool_use_id"])))],
            (None, _) => vec![
                ("activity", Natural::Activity(text(&record["uuid"]))),
                ("session", Natural::SessionStarted(text(&record["sessionId"]))),
            ],
        };
        let event = |(kind, natural): &(&str, Natural)| json!({"id": self.id(natural, at), "source": SOURCE, "timestamp": at, "eventType": kind, "payload": {}});
        found.iter().map(event).collect()
    }

    fn id(&self, natural: &Natural, at: Timestamp) -> String {
        if self.bug == Some(Bug::RandomIds) {
            let chance = getrandom::u64().expect("the machine has random bytes");
            return format!("evt_{chance:020}");
        }
        oracle::id(&self.identity, natural, at)
    }

    fn send(&self, events: &[Value]) {
        let body = serde_json::to_vec(events).expect("JSON can be written");
        let headers =
            [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(&self.key, &body))];
        let answer = answers::post(loopback(self.place.port), "/ingest", &headers, &body);
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn transcripts(place: &Place) -> Vec<PathBuf> {
    Expected::files(&place.claude().join("projects"))
}
