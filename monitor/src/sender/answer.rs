//! What an answer means for the events that were sent.

use std::fmt;
use std::time::Duration;

use vibetea_protocol::Timestamp;

/// What becomes of the events of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are stored.
    Accepted,
    /// One of them breaks a rule; sending the same again is useless.
    Refused,
    /// The request is too big.
    TooLarge,
    /// The server does not take them from us as things are set up: wait for a person.
    NotForUs,
    /// There is no such route; `sure` where the answer is our server's own and not a proxy's.
    NoSuchRoute {
        /// Whether one answer is proof.
        sure: bool,
    },
    /// A passing fault: try again, after the time the server asked for, if it did.
    Later {
        /// Already capped.
        after: Option<Duration>,
    },
}

/// A verdict with its reason in a few words, fit for logs and the status file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
    /// The number of the server's question for history, where it asks.
    pub(super) asks: Option<i64>,
}

/// Why: a status with the server's code word, or what became of the connection. Never other text of the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// The server answered.
    Status {
        /// HTTP status.
        status: u16,
        /// `error` of its JSON answer.
        code: Option<String>,
    },
    /// There was no connection, so nothing was sent.
    NoConnection(String),
    /// There was no answer.
    NoAnswer(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, code: Some(code) } => write!(f, "{status} {code}"),
            Self::Status { status, code: None } => write!(f, "{status}"),
            Self::NoConnection(what) | Self::NoAnswer(what) => f.write_str(what),
        }
    }
}

/// Judges a status with what came along.
pub(super) fn judge(status: u16, code: Option<String>, retry_after: Option<Duration>) -> Answer {
    let verdict = match status {
        200..=299 => Verdict::Accepted,
        400 | 422 => Verdict::Refused,
        413 => Verdict::TooLarge,
        404 => Verdict::NoSuchRoute { sure: code.as_deref() == Some("not_found") },
        408 | 425 | 429 => Verdict::Later { after: retry_after },
        401..=499 => Verdict::NotForUs,
        // 3xx too: a redirect is never followed, for the signature was made for this address
        _ => Verdict::Later { after: retry_after },
    };
    Answer { verdict, reason: Reason::Status { status, code }, asks: None }
}

/// The number of a question: a whole number above 0, in digits alone.
pub(super) fn question(value: &str) -> Option<i64> {
    let value = value.trim();
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|number| is_plain && *number > 0)
}

/// The code word of a JSON error answer, if it is one: at most 40 of `a-z` and `_`. Older servers put a sentence
/// into `error` and the word into `code`.
pub(super) fn code_word(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let plain = |code: &&str| {
        (1..=40).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    ["error", "code"]
        .into_iter()
        .find_map(|field| answer.get(field)?.as_str().filter(plain))
        .map(str::to_owned)
}

/// Reads `Retry-After`: whole seconds or an HTTP date, capped; nothing where it cannot be read, is over or is now.
pub(super) fn retry_after(value: &str, now: Timestamp, cap: Duration) -> Option<Duration> {
    let value = value.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        // more digits than fit is a long time too
        value.parse().map_or(cap, Duration::from_secs)
    } else {
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
        Duration::from_micros(u64::try_from(date.as_microsecond() - now.as_micros()).ok()?)
    };
    (!wait.is_zero()).then(|| wait.min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_mins(5);

    fn now() -> Timestamp {
        "2026-02-03T14:30:00Z".parse().unwrap()
    }

    #[test]
    fn every_status_has_its_verdict() {
        let later = Verdict::Later { after: None };
        for (status, verdict) in [
            (200, Verdict::Accepted),
            (201, Verdict::Accepted),
            (202, Verdict::Accepted),
            (204, Verdict::Accepted),
            (400, Verdict::Refused),
            (422, Verdict::Refused),
            (413, Verdict::TooLarge),
            (401, Verdict::NotForUs),
            (403, Verdict::NotForUs),
            (405, Verdict::NotForUs),
            (410, Verdict::NotForUs),
            (404, Verdict::NoSuchRoute { sure: false }),
            (301, later),
            (304, later),
            (308, later),
            (408, later),
            (425, later),
            (429, later),
            (500, later),
            (503, later),
            (599, later),
            (600, later),
            (199, later),
        ] {
            assert_eq!(judge(status, None, None).verdict, verdict, "{status}");
        }
        assert_eq!(judge(404, Some("not_found".into()), None).verdict, Verdict::NoSuchRoute { sure: true });
    }

    #[test]
    fn only_a_code_word_of_an_answer_is_kept() {
        assert_eq!(code_word(br#"{"error":"invalid_event","message":"secret"}"#).unwrap(), "invalid_event");
        assert_eq!(
            code_word(br#"{"error":"a sentence","code":"unknown_source"}"#).unwrap(),
            "unknown_source"
        );
        for body in [
            r#"{"error":"Invalid event 'x'"}"#,
            r#"{"error":""}"#,
            r#"{"error":7}"#,
            r#"{"message":"secret"}"#,
            r#"["error"]"#,
            "<html>",
            "",
            r#"{"error":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
            "{\"error\":\"a\u{1b}[31m\"}",
        ] {
            assert_eq!(code_word(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_question_is_a_whole_number_above_0() {
        assert_eq!(question(" 1770129000000000 "), Some(1_770_129_000_000_000));
        for nothing in ["", "0", "-1", "+1", "1.0", "1e3", "99999999999999999999", "x", "1 2"] {
            assert_eq!(question(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_capped() {
        let read = |value| retry_after(value, now(), CAP);
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(read("Tue, 03 Feb 2026 14:30:09 GMT"), Some(Duration::from_secs(9)));
        for absurd in ["86400", "99999999999999999999999999", "Tue, 03 Feb 2099 14:30:09 GMT"] {
            assert_eq!(read(absurd), Some(CAP), "{absurd}");
        }
        for nothing in ["0", "", "-1", "1.5", "soon", "Tue, 03 Feb 2026 14:29:00 GMT", "+7", "NaN"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }
}
