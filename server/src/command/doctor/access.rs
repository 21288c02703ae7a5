//! Who may use the server.

use super::line::Line;
use crate::config::{Access, Config};
use crate::store::Registered;

const SENDERS: &str = "senders";
const VIEWERS: &str = "viewers";

pub(super) fn check(config: &Config, registered: Option<Registered>, lines: &mut Vec<Line>) {
    let Access::Guarded { keys, token, .. } = &config.access else {
        lines.push(Line::warn(
            SENDERS,
            "without authentication: everybody on this machine may send and watch",
            "unset VIBETEA_UNSAFE_NO_AUTH, and let machines join with `vibetea-server enroll NAME`",
        ));
        return;
    };
    let senders = (keys.sources().count() as u64, registered.map(|registered| registered.sources));
    lines.push(count(SENDERS, "sources", senders, "let one join with `vibetea-server enroll NAME`"));
    let viewers = (u64::from(token.is_some()), registered.map(|registered| registered.tokens));
    lines.push(count(VIEWERS, "tokens", viewers, "make one with `vibetea-server tokens create --name NAME`"));
}

/// How many stand in the configuration and in the store.
fn count(check: &'static str, what: &str, count: (u64, Option<u64>), remedy: &str) -> Line {
    match count {
        (configured, Some(stored)) if configured + stored > 0 => {
            Line::pass(check, format!("{what}: {configured} in the configuration, {stored} in the store"))
        }
        (_, Some(_)) => Line::warn(check, format!("no {what}: nobody is let in"), remedy),
        (0, None) => Line::unchecked(check, format!("{what} stand in the store, which cannot be read")),
        (configured, None) => Line::unchecked(
            check,
            format!("{what}: {configured} in the configuration; those in the store cannot be read"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    #[test]
    fn nobody_passes_for_whom_no_one_stands_or_who_cannot_be_counted() {
        let verdict = |counts| count(SENDERS, "sources", counts, "do").status;
        assert_eq!(verdict((1, Some(0))), Verdict::Pass);
        assert_eq!(verdict((0, Some(2))), Verdict::Pass);
        assert_eq!(verdict((0, Some(0))), Verdict::Warn);
        assert_eq!(verdict((3, None)), Verdict::Unchecked);
        assert_eq!(verdict((0, None)), Verdict::Unchecked);
    }
}
