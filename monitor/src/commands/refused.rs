//! What a server's refusal means for the person who asked it about a key.

use std::fmt;

use url::Url;
use vibetea_protocol::{ErrorCode, Problem};

use crate::sender::Told;

/// What kind of answer a server gave that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// With one of the codes of the protocol.
    Code(ErrorCode),
    /// The route is not there.
    NoRoute,
    /// It leads elsewhere.
    Redirect,
    /// It has to be asked again later, after so many seconds where it said so.
    Later(Option<u64>),
    /// Anything else.
    Other,
}

impl Refused {
    /// What the answer means; `None` for a success.
    pub(super) fn of(told: &Told) -> Option<Self> {
        let code = told.code.clone().and_then(|code| serde_json::from_value(code.into()).ok());
        Some(match told.status {
            200..300 => return None,
            300..400 => Self::Redirect,
            404 | 405 => Self::NoRoute,
            408 | 425 | 429 | 500.. => Self::Later(told.wait),
            _ => code.map_or(Self::Other, Self::Code),
        })
    }
}

/// `401 invalid_code`.
pub(super) struct Answer<'a>(pub(super) &'a Told);

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.code {
            Some(code) => write!(f, "{} {code}", self.0.status),
            None => write!(f, "{}", self.0.status),
        }
    }
}

/// The sentence for every refusal that has nothing to do with what was asked for; `what` such as `enrolment`.
pub(super) fn in_general(refused: &Refused, told: &Told, url: &Url, what: &str) -> String {
    let answer = Answer(told);
    match refused {
        Refused::Redirect => {
            format!("{url} answers {answer}, a redirect; none is followed: name the address that it leads to")
        }
        Refused::NoRoute => format!(
            "{url} answers {answer}: there is no {what} there; a hosted deployment and an older server know keys by \
             VIBETEA_PUBLIC_KEYS alone, and `vibetea-monitor init` prints the entry; otherwise check the path of the URL"
        ),
        Refused::Later(Some(seconds)) => {
            format!("{url} answers {answer}: it asks to be left alone for {seconds} s; then run this again")
        }
        Refused::Later(None) => {
            format!("{url} answers {answer}: it cannot do that now; run this again in a while")
        }
        Refused::Code(ErrorCode::Conflict) => {
            format!("{url} refuses ({answer}) and says: {}", quoted(&told.body))
        }
        Refused::Code(_) | Refused::Other => {
            format!("{url} refuses ({answer}): check that this is the address of the server itself")
        }
    }
}

/// The sentence of an error answer, as far as it may stand on a terminal.
fn quoted(body: &[u8]) -> String {
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    let message = problem.map(|problem| problem.message).unwrap_or_default();
    let plain: String = message.chars().filter(|c| !c.is_control()).take(400).collect();
    format!("“{plain}”")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, code: Option<&str>) -> Told {
        Told { status, code: code.map(str::to_owned), wait: Some(7), body: Vec::new() }
    }

    #[test]
    fn every_answer_has_its_meaning() {
        let refused = |status, code| Refused::of(&told(status, code));
        assert_eq!(refused(200, None), None);
        assert_eq!(refused(401, Some("invalid_code")), Some(Refused::Code(ErrorCode::InvalidCode)));
        assert_eq!(refused(401, Some("no_word_of_ours")), Some(Refused::Other));
        assert_eq!(refused(401, None), Some(Refused::Other));
        assert_eq!(refused(404, Some("not_found")), Some(Refused::NoRoute));
        assert_eq!(refused(308, None), Some(Refused::Redirect));
        assert_eq!(refused(429, Some("rate_limited")), Some(Refused::Later(Some(7))));
        assert_eq!(refused(503, None), Some(Refused::Later(Some(7))));
    }

    #[test]
    fn what_a_server_says_cannot_move_the_cursor() {
        let problem = Problem::new(ErrorCode::Conflict, format!("four keys\u{1b}[2J\n{}", "x".repeat(1000)));
        let said = quoted(&serde_json::to_vec(&problem).unwrap());
        assert!(said.starts_with("“four keys[2Jxxx") && said.chars().count() == 402, "{said}");
        assert_eq!(quoted(b"<html>"), "“”");
    }
}
