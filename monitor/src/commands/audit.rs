//! `audit`: what left this machine, byte for byte.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use jiff::{Span, tz::TimeZone};
use serde_json::{Value, json};
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{Clock, Timestamp};

use super::output::{Output, print, say};
use crate::audit::{AuditReader, Entry, Verdict};
use crate::cli::{AuditArgs, AuditList, AuditTask};
use crate::config::{IdentityConfig, Lookup, state_dir_from_lookup};
use crate::keys::PUBLIC_KEY;

pub(super) fn execute(args: &AuditArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let reader = AuditReader::open(&state_dir_from_lookup(lookup)?)?;
    match args.task {
        Some(AuditTask::Verify) => verify(&reader, &public_key(lookup)?),
        None => list(&reader, &args.list),
    }
}

fn list(reader: &AuditReader, list: &AuditList) -> anyhow::Result<()> {
    let now = Clock::System.now();
    let since = list.since.as_deref().map(|since| moment(since, now)).transpose()?;
    let (count, missed) = reader.counts(since)?;
    if count > list.limit {
        say(format_args!("The newest {} of {count} requests; --limit shows more.", list.limit));
    }
    if missed > 0 {
        say(format_args!("{missed} more requests were sent while the record could not be written."));
    }
    let mut output = Output::new();
    if count > 0 && !list.json && !list.bodies {
        output.line(HEADING)?;
    }
    reader.each(since, list.limit, |entry| {
        let body = if list.bodies { Some(reader.body(&entry)?) } else { None };
        match (list.json, body) {
            (true, body) => output.line(as_json(&entry, body.as_deref())?),
            (false, Some(body)) => output.line(text_of(&body)?),
            (false, None) => output.line(as_text(&entry)),
        }
    })?;
    output.finish()
}

const HEADING: &str = "TIME                      EVENTS    BYTES  SHA-256           URL AND ANSWER";

fn as_text(entry: &Entry) -> String {
    let Entry { at, events, size, url, .. } = entry;
    let hash = hex(&entry.sha256[..8]);
    let answer = entry.answer.as_deref().unwrap_or("unknown: the monitor ended first");
    format!("{at:<24}  {events:>6}  {size:>7}  {hash}  {url} {answer}", at = at.to_string())
}

fn as_json(entry: &Entry, body: Option<&[u8]>) -> anyhow::Result<Value> {
    let mut object = json!({
        "number": entry.number,
        "at": entry.at,
        "destination": entry.destination.as_str(),
        "url": entry.url,
        "events": entry.events,
        "bytes": entry.size,
        "sha256": hex(&entry.sha256),
        "key": entry.key,
        "signature": entry.signature,
        "status": entry.status,
        "answer": entry.answer,
    });
    if let Some(body) = body {
        object["body"] = text_of(body)?.into();
    }
    Ok(object)
}

fn text_of(body: &[u8]) -> anyhow::Result<&str> {
    std::str::from_utf8(body).context("a recorded body is no text")
}

fn verify(reader: &AuditReader, key: &PublicKey) -> anyhow::Result<()> {
    let mut counts = Counts::default();
    reader.each(None, u64::MAX, |entry| {
        let verdict = reader.verify(&entry, key)?;
        counts.add(verdict);
        if let Some(what) = complaint(verdict) {
            say(format_args!("request {} of {}: {what}", entry.number, entry.at));
        }
        anyhow::Ok(())
    })?;
    print(&format!("{counts}\n"))?;
    if counts.wrong > 0 {
        bail!("{} recorded requests are not what was signed", counts.wrong);
    }
    Ok(())
}

fn complaint(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Sound | Verdict::OtherKey => None,
        Verdict::WrongHash => Some("its body is not the one that was hashed"),
        Verdict::WrongSignature => Some("its signature does not fit its body"),
    }
}

#[derive(Debug, Default)]
struct Counts {
    sound: u64,
    other_key: u64,
    wrong: u64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Sound => &mut self.sound,
            Verdict::OtherKey => &mut self.other_key,
            Verdict::WrongHash | Verdict::WrongSignature => &mut self.wrong,
        } += 1;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sound, other_key, wrong } = self;
        write!(
            f,
            "{} requests: {sound} sound, {other_key} signed with another key than {PUBLIC_KEY}, {wrong} wrong",
            sound + other_key + wrong
        )
    }
}

fn public_key(lookup: Lookup<'_>) -> anyhow::Result<PublicKey> {
    let path = IdentityConfig::from_lookup(lookup)?.key_dir.join(PUBLIC_KEY);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    PublicKey::from_base64(text.trim()).with_context(|| format!("{} holds no key", path.display()))
}

/// A time, or an age before `now`.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let age_before = |age: Span| {
        let now = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?.to_zoned(TimeZone::UTC);
        Timestamp::from_micros(now.checked_sub(age.abs()).ok()?.timestamp().as_microsecond())
    };
    let time = text.parse().ok().or_else(|| age_before(text.parse().ok()?));
    time.with_context(|| {
        format!("--since is {text:?}: a time such as 2026-11-25T10:00:00Z or an age such as 90m, 12h or 7d is allowed")
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Destination;

    fn entry() -> Entry {
        Entry {
            number: 7,
            at: "2026-02-03T14:30:00Z".parse().unwrap(),
            destination: Destination::Live,
            url: "http://127.0.0.1:8080/events".to_owned(),
            key: "K=".to_owned(),
            signature: "S=".to_owned(),
            events: 3,
            sha256: [0xab; 32],
            size: 512,
            status: Some(202),
            answer: Some("202".to_owned()),
        }
    }

    #[test]
    fn a_line_says_when_what_and_where() {
        let unknown = Entry { status: None, answer: None, ..entry() };
        insta::assert_snapshot!([HEADING, &as_text(&entry()), &as_text(&unknown)].join("\n"), @r"
        TIME                      EVENTS    BYTES  SHA-256           URL AND ANSWER
        2026-02-03T14:30:00.000Z       3      512  abababababababab  http://127.0.0.1:8080/events 202
        2026-02-03T14:30:00.000Z       3      512  abababababababab  http://127.0.0.1:8080/events unknown: the monitor ended first
        ");
    }

    #[test]
    fn json_holds_everything_and_the_body_where_it_is_asked_for() {
        let json = as_json(&entry(), Some(b"[]")).unwrap();
        assert_eq!(json["sha256"], "ab".repeat(32));
        assert_eq!(json["body"], "[]");
        assert_eq!(as_json(&entry(), None).unwrap().get("body"), None);
    }

    #[test]
    fn since_is_a_time_or_an_age() {
        let now = "2026-02-03T14:30:00Z".parse().unwrap();
        let read = |text| moment(text, now).map(|time| time.to_string());
        assert_eq!(read("2026-02-03T10:00:00+01:00").unwrap(), "2026-02-03T09:00:00.000Z");
        assert_eq!(read("90m").unwrap(), "2026-02-03T13:00:00.000Z");
        assert_eq!(read("7d").unwrap(), "2026-01-27T14:30:00.000Z");
        let error = read("yesterday").unwrap_err().to_string();
        assert!(error.contains("yesterday") && error.contains("90m"), "{error}");
    }
}
